"""Linkage: does protection itself tie photos together?

Two photos of one person should not match more because both are protected, and two people must not
look alike because they share a circle's key. Pictures are compared as embeddings, and by their
marks: somebody without a key reads both as the daemon does, at every misalignment that it tries,
and looks how well the two readings agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ermask import align, mark_reading
from ermask.align import Doubles, Floats
from ermask.codec import Photo
from ermask.errors import ErmaskError
from ermask_training.bench.attacker import Seen, cut
from ermask_training.bench.intervals import measured
from ermask_training.bench.matching import matched, share_of
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import Subject

BETWEEN, MARKS, DRAW = "cosine between", "marks agree", "one draw"
SAME_SAME, SAME_DIFFERENT = "same person, same key", "same person, different keys"
OTHER_SAME, OTHER_DIFFERENT = "another person, same key", "another person, different keys"
PAIRS = {
    "same person, unprotected": ("original", "other photo"),
    SAME_SAME: ("protected mid", "other photo, same key"),
    SAME_DIFFERENT: ("protected mid", "other photo, another key"),
    "another person, unprotected": ("original", "another person"),
    OTHER_SAME: ("protected mid", "another person, same key"),
    OTHER_DIFFERENT: ("protected mid", "another person, another key"),
}
"""What is compared: two labels of pictures."""
LINKS = {
    "one person": (SAME_SAME, SAME_DIFFERENT),
    "two people": (OTHER_SAME, OTHER_DIFFERENT),
}
"""Pairs that a key links, and like ones that none does."""


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
        pictures = self.pictures(subject)
        compared = {name: PAIRS[name] for names in LINKS.values() for name in names}
        crops = {
            label: cut(subject.engine, pictures[label])
            for pair in compared.values()
            for label in pair
        }
        read = {
            label: None if crop is None else mark_reading.read(align.to_tensor([crop]))
            for label, crop in crops.items()
        }
        own = _draw(subject, subject.protected())
        return {
            BETWEEN: seen.between(PAIRS),
            MARKS: {name: agreement(read[a], read[b]) for name, (a, b) in compared.items()},
            DRAW: {
                linked: own is not None and own == _draw(subject, pictures[PAIRS[linked][1]])
                for linked, _ in LINKS.values()
            },
        }

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
            cosines = [
                [row[BETWEEN][judge][name] for name in LINKS["two people"]] for row in rows.values()
            ]
            whole = np.array([pair for pair in cosines if None not in pair], np.float64)
            figures[judge]["same key told from different keys, two people"] = measured(
                whole.reshape(-1, 2), told_apart, "AUC"
            )
        return {"linkage": figures, "linkage by the mark": _by_mark(rows)}


def agreement(one: Floats | None, two: Floats | None) -> float | None:
    """How well two photos' readings of cells (R, cells) agree, the second as it lies: a cosine."""
    return None if one is None or two is None else round(float((one @ two[-1]).max()), 5)


def _draw(subject: Subject, photo: Photo) -> int | None:
    """The draw of the own key that the photo is under; None if it is under none."""
    try:
        [match] = subject.engine.inspect(photo, [subject.own]).matches
    except ErmaskError:
        return None
    return match.draw if match.fits else None


def _by_mark(rows: Rows) -> dict[str, Any]:
    figures = {}
    for who, names in LINKS.items():
        seen = [
            ([row[MARKS][name] for name in names], row[DRAW][names[0]])
            for row in rows.values()
            if None not in [row[MARKS][name] for name in names]
        ]
        for what, kept in {
            "same key": [pair for pair, _ in seen],
            "one draw": [pair for pair, one_draw in seen if one_draw],
        }.items():
            values = np.array(kept, np.float64).reshape(-1, 2)
            figures[f"{who}, {what} told from different keys"] = measured(values, told_apart, "AUC")
    return figures


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
