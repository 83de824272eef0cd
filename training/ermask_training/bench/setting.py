"""Everything that one evaluation works with, opened and checked before anything is measured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ermask
from ermask import sessions
from ermask.detect import CenterFace
from ermask.engine import Engine
from ermask.model_files import read_manifest
from ermask_training import data, surrogates
from ermask_training.bench import guard
from ermask_training.bench.attacker import Judge
from ermask_training.bench.keys import SEED
from ermask_training.bench.photos import Pair, read_pairs
from ermask_training.data import CropSet
from ermask_training.embeddings import embeddings
from ermask_training.metrics import FARS, impostor_threshold
from ermask_training.split import file_digest

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Where everything is, and what it is measured with: enough to open it in another process."""

    pairs: Path
    calibration: Path
    roster: Path
    models: Path = sessions.PACKAGE_MODELS
    distractors: Path | None = None
    targets: Path | None = None
    run: Path | None = None
    seed: int = SEED
    threads: int = 0
    """CPU threads of each process; 0 leaves it to the libraries."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Models, photos and judges, opened; they have passed the guard."""

    sources: Sources
    engine: Engine
    pairs: list[Pair]
    """All of the folder, in order of name."""
    judges: list[Judge]
    calibration: CropSet
    distractors: CropSet | None
    checked: guard.Checked
    progress: Progress

    @property
    def sets(self) -> dict[str, CropSet]:
        """The prepared sets, by what they are for."""
        found = {"calibration set": self.calibration}
        return found if self.distractors is None else {**found, "distractors": self.distractors}

    def surrogates(self) -> list[surrogates.Entry]:
        """What baselines may attack."""
        return [
            entry for entry in surrogates.read_roster(self.sources.roster) if entry.role == "train"
        ]

    def described(self) -> dict[str, Any]:
        """What decides the figures: two files with the same were measured alike."""
        manifest = read_manifest(self.sources.models)
        return {
            "product": product_digest(),
            "seed": self.sources.seed,
            "models": {role: file.sha256 for role, file in manifest.files.items()},
            "judges": {j.name: file_digest(j.recogniser.entry.path) for j in self.judges},
            "thresholds": {
                judge.name: {far: round(limit, 6) for far, limit in judge.limits.items()}
                for judge in self.judges
            },
        }


def product_digest() -> str:
    """Of all code of the package `ermask`: another engine gives other figures."""
    folder = Path(ermask.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(f"{path.relative_to(folder).as_posix()} {file_digest(path)}\n".encode())
    return digest.hexdigest()


def far_name(far: float) -> str:
    """How figures call a false accept rate."""
    return f"FAR {far}"


def open_engine(models: Path, threads: int) -> Engine:
    """The product's engine on a models folder, on the CPU."""
    loaded = sessions.Models(models, device="cpu", threads=threads)
    return Engine(loaded, CenterFace(loaded.load_detector))


def open_setting(sources: Sources, progress: Progress = print) -> Setting:
    """Open and check.

    Raises:
        ErmaskError: the models cannot be used.
        ValueError: a folder cannot be used, or the guard finds somebody or something twice.
    """
    crop_set = data.load(sources.calibration)
    others = None if sources.distractors is None else data.load(sources.distractors)
    found = read_pairs(sources.pairs)
    trained = guard.trained_on(sources.models, sources.run)
    if trained is None:
        progress("the models do not say what they were trained on: that is not checked")
    people: dict[str, set[str]] = {
        "photos": {pair.name for pair in found},
        "calibration set": set(crop_set.identities),
        "distractors": set() if others is None else set(others.identities),
    }
    guard.require_new_people(people, trained)
    entries = surrogates.read_roster(sources.roster)
    by_role = {role: [e for e in entries if e.role == role] for role in ("train", "validation")}
    guard.require_new_recognisers(by_role["validation"], by_role["train"], trained)
    judges = [
        _judge(recogniser, crop_set, progress)
        for recogniser in surrogates.load(sources.roster, "validation")
    ]
    checked = guard.Checked(trained, {title: len(names) for title, names in people.items()})
    return Setting(
        sources=sources,
        engine=open_engine(sources.models, sources.threads),
        pairs=found,
        judges=judges,
        calibration=crop_set,
        distractors=others,
        checked=checked,
        progress=progress,
    )


def _judge(recogniser: surrogates.Recogniser, crop_set: CropSet, progress: Progress) -> Judge:
    clean = embeddings(crop_set, recogniser, progress)
    limits = {far_name(far): impostor_threshold(clean, crop_set.identities, far) for far in FARS}
    return Judge(recogniser, limits)
