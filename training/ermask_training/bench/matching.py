"""Figures from cosines that were kept photo by photo: who is still recognised, at which threshold.

A picture in which no face is found matches nobody. That is counted beside the rates, since a
person would not call such a picture protected but broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ermask_training.bench.protocol import Limits, Rows
from ermask_training.metrics import Rate

Bools = NDArray[np.bool_]
COSINE = "cosine"
"""The entry of an outcome: cosine to the person's other photo, by judge and label."""


def labels(rows: Rows, judge: str, entry: str = COSINE) -> list[str]:
    """In the order in which they were kept."""
    found: dict[str, None] = {}
    for row in rows.values():
        found.update(dict.fromkeys(row[entry][judge]))
    return list(found)


def matched(rows: Rows, judge: str, label: str, limit: float, entry: str = COSINE) -> Bools:
    """Which pairs match under a label: (N,), in the order of `rows`."""
    cosines = [row[entry][judge][label] for row in rows.values()]
    return np.array([each is not None and each >= limit for each in cosines], bool)


def thresholds(limits: Limits) -> Iterator[tuple[str, str, float]]:
    """Every judge with each of its false accept rates and the cosine for it."""
    for judge, by_far in limits.items():
        for far, limit in by_far.items():
            yield judge, far, limit


def match_rates(rows: Rows, limits: Limits) -> dict[str, Any]:
    """Match rate of every label, by judge and false accept rate."""
    figures: dict[str, Any] = {}
    for judge, by_far in limits.items():
        names = labels(rows, judge)
        figures[judge] = {
            far: {
                "threshold": round(limit, 4),
                "match rate": {name: _rate(matched(rows, judge, name, limit)) for name in names},
            }
            for far, limit in by_far.items()
        }
        figures[judge]["no face found"] = {
            name: sum(row[COSINE][judge][name] is None for row in rows.values()) for name in names
        }
    return {"recognisers": figures}


def share_of(hits: Bools, among: Bools) -> dict[str, Any]:
    """The share of hits among the chosen."""
    return Rate(int((hits & among).sum()), int(among.sum())).as_json()


def _rate(hits: Bools) -> dict[str, Any]:
    return Rate(int(hits.sum()), len(hits)).as_json()
