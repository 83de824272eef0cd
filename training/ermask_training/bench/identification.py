"""Identification: is the person found in a gallery by a protected photo?

The gallery has one clean photo of each person: the other photo of everybody who is measured, one
of everybody in the calibration set, and distractors, up to GALLERY people. A photo's rank is the
place of its owner when all are sorted by cosine; ties count against the person.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ermask.align import Floats, Pixels
from ermask.codec import Photo
from ermask_training.bench.attacker import Judge, Seen, embed
from ermask_training.bench.dodging import ORIGINAL, protected
from ermask_training.bench.erasure import restored
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import PRESETS, RIGHT, Subject
from ermask_training.bench.variants import CLEAN, POSTED, label, posted_as
from ermask_training.data import CropSet
from ermask_training.metrics import Rate

GALLERY = 1000
RANKS = (1, 5)
VARIANTS = (CLEAN, POSTED)
RANK = "rank"


def one_each(crop_set: CropSet, count: int) -> list[Pixels]:
    """The first crop of each of the first `count` people."""
    first: dict[str, int] = {}
    for row, name in enumerate(crop_set.identities):
        first.setdefault(name, row)
    rows = [first[name] for name in sorted(first)][: max(0, count)]
    return [np.asarray(crop_set.crops[row]) for row in rows]


def strangers(people: int, sets: list[CropSet], size: int = GALLERY) -> list[Pixels]:
    """One crop of each person of the sets, as many as fit beside `people` in the gallery."""
    found: list[Pixels] = []
    for crop_set in sets:
        found += one_each(crop_set, size - people - len(found))
    return found


def gallery_size(people: int, sets: list[CropSet], size: int = GALLERY) -> int:
    """How many people `strangers` and those who are measured are together."""
    there = sum(len(set(crop_set.identities)) for crop_set in sets)
    return people + max(0, min(there, size - people))


class Identification:
    """Originals, presets and restored photos, clean and recompressed."""

    name = "identification"

    def __init__(
        self,
        judges: list[Judge],
        mates: dict[str, dict[str, Floats | None]],
        others: list[Pixels],
        progress: Callable[[str], None],
    ) -> None:
        """Embeds the gallery.

        Args:
            mates: by judge and person, the clean photo (D,) in the gallery.
            others: crops of people who are not measured.
        """
        self._gallery: dict[str, Floats] = {}
        self._rows = {name: row for row, name in enumerate(mates[judges[0].name])}
        for judge in judges:
            progress(f"embedding a gallery of {len(self._rows) + len(others)} with {judge.name}")
            blank = np.zeros(judge.recogniser.entry.dim, np.float32)
            own = [blank if each is None else each for each in mates[judge.name].values()]
            self._gallery[judge.name] = np.concatenate(
                [np.stack(own), embed(judge.recogniser, others)]
            )

    @property
    def size(self) -> int:
        return len(next(iter(self._gallery.values())))

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        shown: dict[str, Photo] = {}
        shown |= posted_as(ORIGINAL, subject.a, VARIANTS)
        for preset in PRESETS:
            shown |= posted_as(protected(preset), subject.protected(preset), VARIANTS)
        for variant in VARIANTS:
            shown[label(restored(RIGHT), variant)] = subject.restore(RIGHT, variant).photo
        return shown

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        names = [ORIGINAL, *(protected(preset) for preset in PRESETS), restored(RIGHT)]
        wanted = [label(name, variant) for name in names for variant in VARIANTS]
        ranks = {
            judge: {name: self._rank(judge, subject.name, found[name]) for name in wanted}
            for judge, found in seen.vectors.items()
        }
        return {RANK: ranks, "gallery": self.size}

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        sizes = sorted({row["gallery"] for row in rows.values()})
        for judge in limits:
            names = list(next(iter(rows.values()))[RANK][judge])
            ranks = {name: [row[RANK][judge][name] for row in rows.values()] for name in names}
            figures[judge] = {
                f"rank {top}": {name: _within(found, top) for name, found in ranks.items()}
                for top in RANKS
            }
        return {"identification": {"gallery": sizes, "recognisers": figures}}

    def _rank(self, judge: str, person: str, vector: Floats | None) -> int | None:
        if vector is None:
            return None
        cosines = self._gallery[judge] @ vector
        return int((cosines >= cosines[self._rows[person]]).sum())


def _within(ranks: list[int | None], top: int) -> dict[str, Any]:
    hits = sum(rank is not None and rank <= top for rank in ranks)
    return Rate(hits, len(ranks)).as_json()
