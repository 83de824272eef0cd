"""Linkage: does protection itself tie photos together?

Two photos of one person should not match more because both are protected, and two people must not
look alike because they share a circle's key. All pictures are compared as embeddings; what reads
the mark or the pattern itself is an attack of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ermask.align import Doubles
from ermask.codec import Photo
from ermask_training.bench.attacker import Seen
from ermask_training.bench.intervals import measured
from ermask_training.bench.matching import matched, share_of
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import Subject

BETWEEN = "cosine between"
OTHER_SAME, OTHER_DIFFERENT = "another person, same key", "another person, different keys"
PAIRS = {
    "same person, unprotected": ("original", "other photo"),
    "same person, same key": ("protected mid", "other photo, same key"),
    "same person, different keys": ("protected mid", "other photo, another key"),
    "another person, unprotected": ("original", "another person"),
    OTHER_SAME: ("protected mid", "another person, same key"),
    OTHER_DIFFERENT: ("protected mid", "another person, another key"),
}
"""What is compared: two labels of pictures."""


class Linkage:
    """Protected photos against protected photos."""

    name = "linkage"

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        return {
            "original": subject.a,
            "protected mid": subject.protected(),
            "other photo": subject.photo("b"),
            "other photo, same key": subject.protected(which="b"),
            "other photo, another key": subject.protected(which="b", foreign=True),
            "another person": subject.photo("other"),
            "another person, same key": subject.protected(which="other"),
            "another person, another key": subject.protected(which="other", foreign=True),
        }

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        return {BETWEEN: seen.between(PAIRS)}

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        everybody = np.ones(len(rows), bool)
        figures: dict[str, Any] = {}
        for judge, by_far in limits.items():
            figures[judge] = {
                far: {
                    "threshold": round(limit, 4),
                    "match rate": {
                        name: share_of(matched(rows, judge, name, limit, BETWEEN), everybody)
                        for name in PAIRS
                    },
                }
                for far, limit in by_far.items()
            }
            cosines = [[row[BETWEEN][judge][name] for name in LINKED] for row in rows.values()]
            whole = np.array([pair for pair in cosines if None not in pair], np.float64)
            figures[judge]["same key told from different keys, two people"] = measured(
                whole.reshape(-1, 2), told_apart, "AUC"
            )
        return {"linkage": figures}


LINKED = (OTHER_SAME, OTHER_DIFFERENT)


def told_apart(values: Doubles) -> Doubles:
    """Chance that a linked pair has the larger cosine than an unlinked one: 0.5 tells nothing.

    Args:
        values: (resamples, n, 2), linked and unlinked.
    """
    linked, unlinked = values[..., 0], values[..., 1]
    shares = []
    for one, two in zip(linked, unlinked, strict=True):
        order = np.sort(two)
        below = np.searchsorted(order, one, "left") + np.searchsorted(order, one, "right")
        shares.append(below.mean() / 2 / max(1, len(two)))
    return np.array(shares)
