"""The verification mark: which key, at which strength, a face was protected with.

A network always outputs something, so it cannot say that a key is wrong. The mark can: a faint
pattern of random signs drawn from the key, added to the colours, found again by a matched filter
(spread spectrum; Cox et al., 1997). For a key that was not used, the signs are independent of the
photo whatever the photo shows, so the score is a weighted sum of fair coin flips with variance 1,
and P(score >= t) <= exp(-t^2 / 2) (Hoeffding, 1963): the false-accept rate has a bound that needs
no data. The mark comes from another HKDF stream than the key field: whoever estimates it
learns nothing about the field that decides how the face changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ermask.align import Floats
from ermask.contract import CROP, DRAWS, RESIDUAL_GRID, STRENGTHS

CELLS = 28
"""Cells along one side of the crop."""
SIDE = CROP // CELLS
LOUDEST, FAINTEST = 2.2 / 255, 0.9 / 255
"""Half the step between a -1 and a +1 cell in Cb and Cr, as a share of the range, see
`amplitude`."""
SMALL = 100.0
"""Width of a face, in photo pixels, up to which its mark is as loud as can be."""
FALSE_ACCEPT = 1e-5
"""Bound on the chance that a photo fits a key it was not protected with."""
TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""ITU-R BT.601, as in JPEG."""
TO_RGB = np.linalg.inv(TO_YCC)


class DerivesBytes(Protocol):
    """A key: see `ermask.keys.Key.derive`."""

    def derive(self, info: bytes, length: int) -> bytes: ...


def signs(key: DerivesBytes, strength: str) -> Floats:
    """The pattern of a key at a preset: float32 (2, CELLS, CELLS) of -1 and +1."""
    count = 2 * CELLS * CELLS
    stream = key.derive(b"mark/" + strength.encode(), -(-count // 8))
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[:count]
    return (bits.astype(np.float32) * 2 - 1).reshape(2, CELLS, CELLS)


def amplitude(width: float) -> float:
    """How loud the mark of a face is, FAINTEST to LOUDEST.

    On a large face cells are patches that eyes see, and copies keep them; on a small one they are
    a few pixels, and compression takes most of them.

    Args:
        width: that of the face, in photo pixels.
    """
    return max(FAINTEST, LOUDEST * min(1.0, math.sqrt(SMALL / width)))


def residual(key: DerivesBytes, strength: str, amplitude: float | Floats) -> Floats:
    """The mark as a residual: float32 (3, g, g) RGB, g = RESIDUAL_GRID, share of the range.

    Args:
        amplitude: of all cells, or of each (CELLS, CELLS); negative for what takes the mark off.
    """
    rgb = np.einsum("ij,jhw->ihw", TO_RGB[:, 1:], signs(key, strength) * amplitude)
    side = RESIDUAL_GRID // CELLS
    return np.asarray(rgb.repeat(side, 1).repeat(side, 2), np.float32)


def scores(readings: Floats, key: DerivesBytes, strength: str) -> Floats:
    """The scores of one draw of a key at one preset in each of the readings (R, 2 * CELLS^2)."""
    return np.asarray(readings @ signs(key, strength).ravel())


def score(readings: Floats, draws: Sequence[DerivesBytes]) -> tuple[float, str, int]:
    """The best score over all readings, presets and draws of a key; that preset and draw."""
    tried = [(name, number) for name in STRENGTHS for number in range(len(draws))]
    patterns = np.stack([signs(draws[number], name).ravel() for name, number in tried])
    best = (readings @ patterns.T).max(0)
    preset, draw = tried[int(best.argmax())]
    return float(best.max()), preset, draw


def threshold(readings: Floats) -> float:
    """The score at which a key fits: FALSE_ACCEPT bounds the chance over all that is tried."""
    tries = len(readings) * len(STRENGTHS) * DRAWS
    return math.sqrt(2 * math.log(tries / FALSE_ACCEPT))


def chance(score: float, needed: float) -> float:
    """Bound on the chance that a key which was not used scores as well, 0 to 1.

    Args:
        needed: the `threshold` for the photo, at which it is FALSE_ACCEPT.
    """
    return math.exp(min(0.0, math.log(FALSE_ACCEPT) + (needed**2 - score**2) / 2))
