"""What all attackers have in common: models, photos, recognisers, and how hard they try.

The people fall into three groups that share nobody: those that attackers learn from (the models'
own training people may be among them), those the thresholds are set on, and the victims.
Recognisers with role `train` are the attacker's; those with role `validation` only ever judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ermask.align import Pixels
from ermask.contract import DRAWS, FIELD, STRENGTHS
from ermask_training import data, surrogates
from ermask_training.attackers.public_models import PublicEraser, PublicProtector, open_models
from ermask_training.bench import guard
from ermask_training.data import CropSet
from ermask_training.keys import random_keys
from ermask_training.metrics import FARS
from ermask_training.surrogates import Recogniser

VICTIM_KEYS, ATTACKER_DRAWS = 1_000_003, 2_000_003
"""Added to the seed: the victims' keys and the attackers' dice never come from one stream."""


@dataclass(frozen=True)
class Pairs:
    """Two crops of each victim: `a` is protected and posted, `b` is what it must not match."""

    names: tuple[str, ...]
    a: Pixels
    """(P, CROP, CROP, 3)"""
    b: Pixels

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """One attack's circumstances; everything that decides its figures."""

    protector: PublicProtector
    eraser: PublicEraser
    train: CropSet
    pairs: Pairs
    calibration: CropSet
    surrogates: tuple[Recogniser, ...]
    """The attacker's."""
    judges: tuple[Recogniser, ...]
    """Held out: in no loss and no oracle."""
    work: Path
    """Folder for what attackers train; an unfinished one goes on."""
    steps: int = 1000
    """Updates, for attackers that train."""
    queries: int = 100
    """Tries, for attackers that search."""
    batch: int = 16
    seed: int = 0
    strength: str = "mid"
    """Preset of the posted photos; the attacker knows it."""
    quality: int = 75
    """JPEG quality of the posted copies."""
    fars: tuple[float, ...] = FARS
    progress: Callable[[str], None] = print

    @property
    def made_with(self) -> dict[str, str | int]:
        """What a trained attacker depends on: it goes on only under the same."""
        return {
            "protector": self.protector.digest[:16],
            "eraser": self.eraser.digest[:16],
            "crops": len(self.train),
            "steps": self.steps,
            "batch": self.batch,
            "seed": self.seed,
            "strength": self.strength,
        }

    def strengths(self, count: int) -> Tensor:
        """The networks' strength input for `count` faces."""
        return torch.full((count,), STRENGTHS[self.strength])

    def victim_keys(self, count: int) -> Tensor:
        """The fields of all draws of the victims' keys (count, DRAWS, *FIELD), always the same."""
        generator = torch.Generator().manual_seed(self.seed + VICTIM_KEYS)
        return random_keys(count * DRAWS, generator).reshape(count, DRAWS, *FIELD)

    def dice(self) -> tuple[torch.Generator, np.random.Generator]:
        """An attacker's own random sources, fresh."""
        seed = self.seed + ATTACKER_DRAWS
        return torch.Generator().manual_seed(seed), np.random.default_rng(seed)


def read_pairs(pairs: CropSet, limit: int | None = None) -> Pairs:
    """The first two crops of every identity of a prepared set; others are left out.

    Args:
        limit: at most so many pairs, the first in order of name.

    Raises:
        ValueError: nobody has two.
    """
    places: dict[str, list[int]] = {}
    for i, name in enumerate(pairs.identities):
        places.setdefault(name, []).append(i)
    names = sorted(name for name, here in places.items() if len(here) >= 2)[:limit]
    if not names:
        raise ValueError(f"{pairs.folder} has no identity with two crops")
    a, b = (np.stack([pairs.crops[places[name][i]] for name in names]) for i in (0, 1))
    return Pairs(tuple(names), a, b)


def open_setting(
    *,
    models: Path,
    train: Path,
    pairs: Path,
    calibration: Path,
    roster: Path,
    work: Path,
    steps: int,
    queries: int,
    seed: int,
    limit: int | None = None,
    progress: Callable[[str], None] = print,
) -> Setting:
    """Open everything that an attack needs.

    Raises:
        ErmaskError: the models cannot be used.
        ValueError: two of the three sets share an identity or a victim's photo; the models were
            trained on a victim, on who sets the thresholds, or against a judge; a set or the
            roster cannot be used.
    """
    learning, victims, calibrating = sets = [
        data.load(each) for each in (train, pairs, calibration)
    ]
    data.require_disjoint(sets)
    theirs, judges = surrogates.load(roster, "train"), surrogates.load(roster, "validation")
    trained = guard.trained_on(models, None)
    people = {"pairs": victims.identities, "calibration": calibrating.identities}
    guard.require_new_people(people, trained)
    guard.require_new_recognisers(
        [each.entry for each in judges], [each.entry for each in theirs], trained
    )
    photos = dict(zip(victims.photos, victims.crops, strict=True))
    guard.require_new_photos(photos, {"training set": learning, "calibration set": calibrating})
    protector, eraser = open_models(models)
    return Setting(
        protector=protector,
        eraser=eraser,
        train=learning,
        pairs=read_pairs(victims, limit),
        calibration=calibrating,
        surrogates=tuple(theirs),
        judges=tuple(judges),
        work=work,
        steps=steps,
        queries=queries,
        seed=seed,
        progress=progress,
    )
