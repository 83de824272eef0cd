"""Who and what a model was trained on, written down so that it is never judged on them.

`ermask-train fit` keeps it in RUN/split.json, `ermask-export` takes it over into models.json, and
`ermask-train evaluate` refuses what is in it. People are kept as digests of their folders' names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ermask.model_files import MANIFEST
from ermask_training.data import CropSet
from ermask_training.surrogates import Entry

FILE = "split.json"


@dataclass(frozen=True)
class Split:
    """The training side."""

    identities: frozenset[str]
    """Digests of names, see `identity_digest`."""
    recognisers: frozenset[str]
    """SHA-256 of the surrogates' files."""

    def __or__(self, other: Split) -> Split:
        return Split(self.identities | other.identities, self.recognisers | other.recognisers)

    def as_json(self) -> dict[str, list[str]]:
        return {"identities": sorted(self.identities), "recognisers": sorted(self.recognisers)}


def identity_digest(name: str) -> str:
    """16 hexadecimal digits for a person's folder name."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of(crop_set: CropSet, recognisers: Iterable[Entry]) -> Split:
    """The split of training on this set against these recognisers."""
    return Split(
        frozenset(map(identity_digest, set(crop_set.identities))),
        frozenset(file_digest(entry.path) for entry in recognisers),
    )


def from_json(entries: Mapping[str, Any]) -> Split:
    """What `Split.as_json` gave.

    Raises:
        ValueError: it is something else.
    """
    try:
        return Split(frozenset(entries["identities"]), frozenset(entries["recognisers"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"no record of a training split: {error!r}") from error


def read(run: Path) -> Split | None:
    """The split of a run; None for runs that kept none."""
    path = run / FILE
    return from_json(json.loads(path.read_text("utf-8"))) if path.is_file() else None


def of_models(folder: Path) -> Split | None:
    """The split that a models folder carries; None for one that carries none."""
    entries = json.loads((folder / MANIFEST).read_text("utf-8")).get("trained_on")
    return None if entries is None else from_json(entries)


def record(run: Path, now: Split, *sources: Path) -> None:
    """Add to what the run was trained on before, and the runs or models that it starts from."""
    known = [read(run)]
    known += [of_models(each) if (each / MANIFEST).exists() else read(each) for each in sources]
    for each in known:
        now = now | each if each is not None else now
    run.mkdir(parents=True, exist_ok=True)
    (run / FILE).write_text(json.dumps(now.as_json(), indent=1) + "\n", "utf-8")
