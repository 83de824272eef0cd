"""The four-target protocol of the published impersonation methods, as a side figure.

There, photos are driven towards one of four target people of CelebA-HQ and succeed when they match
another photo of the target (Adv-Makeup, AMT-GAN and later work use these photos). ermask drives
photos away from their owner and towards nobody, so all that is to be seen here is that it does
not make people into somebody else. The recognisers and crops are the bench's own; the published
tables use four others.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ermask.align import Floats
from ermask.codec import Photo
from ermask.engine import Engine
from ermask_training.bench.attacker import Judge, Seen, cosine, look
from ermask_training.bench.dodging import ORIGINAL, protected
from ermask_training.bench.intervals import clustered
from ermask_training.bench.photos import decode
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import PRESETS, Subject
from ermask_training.data import SUFFIXES

COSINES = "cosine to target"


class Impersonation:
    """Each preset against the photo of every target that is kept for scoring."""

    name = "impersonation"

    def __init__(self, engine: Engine, judges: list[Judge], folder: Path) -> None:
        """Embeds `folder/score/*`.

        Raises:
            ValueError: there is no photo with a face.
        """
        paths = sorted(p for p in (folder / "score").glob("*") if p.suffix.lower() in SUFFIXES)
        seen = look(engine, judges, {path.stem: decode(path) for path in paths})
        self._targets: dict[str, dict[str, Floats]] = {
            judge: {name: vector for name, vector in found.items() if vector is not None}
            for judge, found in seen.vectors.items()
        }
        if not all(self._targets.values()):
            raise ValueError(f"{folder}/score has no photo of a face")

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        shown = {protected(preset): subject.protected(preset) for preset in PRESETS}
        return {ORIGINAL: subject.a, **shown}

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        names = [ORIGINAL, *(protected(preset) for preset in PRESETS)]
        found = {
            judge: {
                name: [cosine(seen.vectors[judge][name], each) for each in targets.values()]
                for name in names
            }
            for judge, targets in self._targets.items()
        }
        return {COSINES: found}

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for judge, by_far in limits.items():
            names = list(next(iter(rows.values()))[COSINES][judge])
            figures[judge] = {}
            for far, limit in by_far.items():
                taken = {
                    name: [_share(row[COSINES][judge][name], limit) for row in rows.values()]
                    for name in names
                }
                figures[judge][far] = {
                    "threshold": round(limit, 4),
                    "taken for a target": {
                        name: clustered(shares) for name, shares in taken.items()
                    },
                }
        return {"impersonation": {"targets": _targets(rows), "recognisers": figures}}


def _targets(rows: Rows) -> int:
    """How many targets there are."""
    row = next(iter(rows.values()))[COSINES]
    return len(next(iter(next(iter(row.values())).values())))


def _share(cosines: list[float | None], limit: float) -> float:
    return float(np.mean([each is not None and each >= limit for each in cosines]))
