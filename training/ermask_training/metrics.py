"""The figures: thresholds, rates with their intervals, picture distances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ermask.align import Floats, Pixels

FARS = (0.01, 0.001)
"""False accept rates that thresholds are set at."""


@dataclass(frozen=True)
class Rate:
    """A share of n cases, with its 95 % interval (Wilson, 1927)."""

    hits: int
    n: int

    @property
    def value(self) -> float:
        return self.hits / self.n if self.n else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.value, self.n)

    def as_json(self) -> dict[str, float | int | list[float] | None]:
        """Value, n and interval; null where there was no case."""
        if not self.n:
            return {"rate": None, "n": 0, "interval_95": None}
        low, high = self.interval
        return {
            "rate": round(self.value, 4),
            "n": self.n,
            "interval_95": [round(low, 4), round(high, 4)],
        }


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share of n cases (Wilson, 1927)."""
    if not n:
        return (math.nan, math.nan)
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    inside = share * (1 - share) / n + z * z / (4 * n * n)
    half = z * math.sqrt(inside) / (1 + z * z / n)
    return (max(0.0, centre - half), min(1.0, centre + half))


def impostor_threshold(embeddings_ND: Floats, identities: Sequence[str], far: float) -> float:
    """Cosine above which a share `far` of pairs of different people lies.

    Args:
        embeddings_ND: unit vectors (N, D).

    Raises:
        ValueError: too few pairs of different people to see such a share.
    """
    who = np.unique(np.asarray(identities), return_inverse=True)[1]
    rows, columns = np.triu_indices(len(who), 1)
    different = who[rows] != who[columns]
    if different.sum() * far < 10:
        raise ValueError(f"{different.sum()} impostor pairs are too few for FAR {far}")
    cosines = (embeddings_ND @ embeddings_ND.T)[rows[different], columns[different]]
    return float(np.quantile(cosines, 1 - far))


def genuine_accepts(
    embeddings_ND: Floats, identities: Sequence[str], threshold: float
) -> list[Rate]:
    """Of everybody with two photos or more, the share of pairs at or above a cosine.

    Args:
        embeddings_ND: unit vectors (N, D).
    """
    who = np.asarray(identities)
    rates = []
    for person in sorted(set(identities)):
        own_KD = embeddings_ND[who == person]
        cosines = (own_KD @ own_KD.T)[np.triu_indices(len(own_KD), 1)]
        if len(cosines):
            rates.append(Rate(int((cosines >= threshold).sum()), len(cosines)))
    return rates


def psnr(one: Pixels, two: Pixels) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 pictures of one size; inf if equal."""
    error = np.mean((one.astype(np.float64) - two) ** 2)
    return math.inf if error == 0 else float(10 * math.log10(255**2 / error))
