"""95 % intervals, of single figures and of differences between two models on the same photos.

`metrics.Rate` has the one for a share. Resampling is seeded: the same outcomes give the same
interval.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ermask.align import Doubles
from ermask_training.metrics import Rate, wilson

RESAMPLES = 2000

Statistic = Callable[[Doubles], Doubles]
"""From resampled values (resamples, n, ...) to one number each."""


def average(values: Doubles) -> Doubles:
    return np.asarray(values.mean(1))


def middle(values: Doubles) -> Doubles:
    return np.asarray(np.median(values, axis=1))


def bootstrap(
    values: Sequence[float] | Doubles, statistic: Statistic = average
) -> tuple[float, float, float]:
    """A statistic over photos and its percentile interval (Efron, 1979): value, low, high.

    Args:
        values: one entry, or one row of entries, a photo.
    """
    rows = np.asarray(values, np.float64)
    if not len(rows):
        return math.nan, math.nan, math.nan
    draws = np.random.default_rng(0).integers(0, len(rows), (RESAMPLES, len(rows)))
    low, high = np.quantile(statistic(rows[draws]), [0.025, 0.975])
    return float(statistic(rows[None])[0]), float(low), float(high)


def measured(
    values: Sequence[float] | Doubles, statistic: Statistic = average, name: str = "mean"
) -> dict[str, Any]:
    """The bootstrapped statistic as it stands in the figures; null where there was no case."""
    if not len(values):
        return {name: None, "n": 0, "interval_95": None}
    value, low, high = bootstrap(values, statistic)
    return {
        name: round(value, 4),
        "n": len(values),
        "interval_95": [round(low, 4), round(high, 4)],
    }


def clustered(shares: Sequence[float]) -> dict[str, Any]:
    """A mean of shares, one a photo, with the interval as if all cases of a photo went one way.

    That is the widest that pairing within photos can make it; unlike a bootstrap it does not
    vanish where nothing was hit.
    """
    if not len(shares):
        return {"rate": None, "n": 0, "interval_95": None}
    rate = float(np.mean(shares))
    low, high = wilson(rate, len(shares))
    interval = [round(low, 4), round(high, 4)]
    return {"rate": round(rate, 4), "n": len(shares), "interval_95": interval}


def paired_rates(before: Sequence[bool], after: Sequence[bool]) -> tuple[float, float, float]:
    """Difference after - before of two shares over the same photos: value, low, high.

    Square-and-add of Wilson's intervals with the pairs' correlation (Newcombe, 1998, method 10).
    """
    one, two = np.asarray(before, bool), np.asarray(after, bool)
    n = len(one)
    if not n:
        return math.nan, math.nan, math.nan
    both, neither = int((one & two).sum()), int((~one & ~two).sum())
    lost, won = int((one & ~two).sum()), int((~one & two).sum())
    first, second = Rate(both + won, n), Rate(both + lost, n)
    scale = math.sqrt((both + won) * (lost + neither) * (both + lost) * (won + neither))
    excess = both * neither - lost * won
    phi = 0.0 if scale == 0 else (max(excess - n / 2, 0) if excess > 0 else excess) / scale
    value = first.value - second.value

    def reach(up: float, down: float) -> float:
        return math.sqrt(max(0.0, up * up - 2 * phi * up * down + down * down))

    low = reach(first.value - first.interval[0], second.interval[1] - second.value)
    high = reach(first.interval[1] - first.value, second.value - second.interval[0])
    return value, value - low, value + high


def mcnemar(before: Sequence[bool], after: Sequence[bool]) -> float:
    """Two-sided exact p-value that as many photos changed one way as the other (McNemar, 1947)."""
    one, two = np.asarray(before, bool), np.asarray(after, bool)
    lost, won = int((one & ~two).sum()), int((~one & two).sum())
    changed = lost + won
    tail = sum(math.comb(changed, k) for k in range(min(lost, won) + 1))
    return float(min(1.0, 2 * tail / 2**changed))
