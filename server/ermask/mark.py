"""The verification mark: which key, at which strength, a face was protected with.

A network always outputs something, so it cannot say that a key is wrong. The mark can: a faint
pattern of random signs drawn from the key, added to the residual, found again by correlation
(spread spectrum; Cox et al., 1997). For a key that was not used, the signs are independent of the
photo whatever the photo shows, so the score is a weighted sum of fair coin flips with variance 1,
and P(score >= t) <= exp(-t^2 / 2) (Hoeffding, 1963): the false-accept rate has a bound that needs
no data. The mark comes from another HKDF stream than the key field: whoever estimates it
learns nothing about the field that decides how the face changes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from ermask.align import Floats, Similarity, moved, soft_mask
from ermask.contract import CROP, DRAWS, RESIDUAL_GRID, STRENGTHS

CELLS = 28
"""Cells along one side of the crop."""
SIDE = CROP // CELLS
HALF = CROP // 2
AMPLITUDE = (1.8 / 255, 2.2 / 255, 2.2 / 255)
"""Half the step between a -1 and a +1 cell in Y, Cb and Cr, as a share of the range."""
SHIFTS = (-2, 0, 2)
"""Misalignments tried when reading, in crop pixels, along each axis."""
SCALES = (0.975, 1.0, 1.025)
"""Misalignments tried, as relative sizes."""
TURNS = (-1.5, 0.0, 1.5)
"""Misalignments tried, in degrees: the change moves the landmarks that the crop hangs on."""
FALSE_ACCEPT = 1e-5
"""Bound on the chance that a photo fits a key it was not protected with."""
CLIP = 3.0
"""Cells that stand out more than this many times their surroundings' roughness count as this."""
FLOOR = 0.7 / 255
"""Roughness below which a cell is not trusted more: rounding and compression are as large."""

TO_YCC = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
"""ITU-R BT.601, as in JPEG."""
TO_RGB = np.linalg.inv(TO_YCC)


class DerivesBytes(Protocol):
    """A key: see `ermask.keys.Key.derive`."""

    def derive(self, info: bytes, length: int) -> bytes: ...


def signs(key: DerivesBytes, strength: str) -> Floats:
    """The pattern of a key at a preset: float32 (3, CELLS, CELLS) of -1 and +1."""
    count = 3 * CELLS * CELLS
    stream = key.derive(b"mark/" + strength.encode(), -(-count // 8))
    bits = np.unpackbits(np.frombuffer(stream, np.uint8))[:count]
    return (bits.astype(np.float32) * 2 - 1).reshape(3, CELLS, CELLS)


def residual(key: DerivesBytes, strength: str) -> Floats:
    """The mark as a residual: float32 (3, g, g) RGB, g = RESIDUAL_GRID, share of the range."""
    ycc = signs(key, strength) * np.array(AMPLITUDE, np.float32)[:, None, None]
    rgb = np.einsum("ij,jhw->ihw", TO_RGB, ycc).astype(np.float32)
    side = RESIDUAL_GRID // CELLS
    return np.asarray(rgb.repeat(side, 1).repeat(side, 2))


def taken_off(crops: Floats, key: DerivesBytes, strength: str) -> Floats:
    """Protected crops (N, 3, CROP, CROP) without the mark, as the eraser was trained on them."""
    pattern = residual(key, strength).repeat(CROP // RESIDUAL_GRID, 1)
    pattern = pattern.repeat(CROP // RESIDUAL_GRID, 2)
    return np.asarray(crops - pattern * soft_mask(), np.float32)


def read(crops: Floats) -> Floats:
    """What the crops (N, 3, CROP, CROP) of one photo say about every cell, in several readings.

    Returns float32 (R, 3 * CELLS^2): every face at every misalignment tried, and all faces as they
    are together. A reading is the cell means with their surroundings taken off, clipped, weighted
    and scaled to unit length, so that its dot product with signs is a score of variance 1.
    """
    faces = [planes(crop) for crop in crops]
    single = [_weigh(np.stack(list(_means(face)))) for face in faces]
    together = _weigh(np.stack([_cells(face) for face in faces])).sum(0, keepdims=True)
    return np.concatenate([*single, _unit(together)])


def reading(face: Floats, place: Similarity) -> Floats:
    """What the `planes` of one face say, were its crop cut elsewhere: (3 * CELLS^2), as in `read`.

    Args:
        place: from the crop as it was cut to the other.
    """
    return np.asarray(_weigh(_cells(_moved(face, place))[None])[0])


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


def planes(crop: Floats) -> Floats:
    """What a mark is read from: a crop (3, CROP, CROP) as Y, Cb and Cr, (3, HALF, HALF).

    The cells do not notice the half size.
    """
    ycc = np.einsum("ij,jhw->ihw", TO_YCC.astype(np.float32), crop)
    return np.asarray(ycc.reshape(3, HALF, 2, HALF, 2).mean((2, 4)))


def _means(face: Floats) -> Iterator[Floats]:
    """Cell means under every misalignment."""
    for scale in SCALES:
        for turn in TURNS:
            seen = _moved(face, moved(0, 0, scale, math.radians(turn)))
            for dy in SHIFTS:
                for dx in SHIFTS:
                    yield _cells(np.roll(seen, (-dy // 2, -dx // 2), (1, 2)))


def _moved(face: Floats, place: Similarity) -> Floats:
    """Planes (3, HALF, HALF) as they are in a crop that was cut elsewhere."""
    back = place.inverse().matrix.copy()
    back[:, 2] *= HALF / CROP
    rows = tuple(back.ravel().tolist())
    size, affine, method = (HALF, HALF), Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return np.stack(
        [np.asarray(Image.fromarray(p).transform(size, affine, rows, method)) for p in face]
    )


def _cells(planes: Floats) -> Floats:
    side = HALF // CELLS
    return np.asarray(planes.reshape(3, CELLS, side, CELLS, side).mean((2, 4)))


def _weigh(means: Floats) -> Floats:
    """Cell means (R, 3, CELLS, CELLS) to readings (R, 3 * CELLS^2)."""
    rough = np.asarray(means - (_box(means) * 9 - means) / 8, np.float32)
    # A cell counts by the signal it can carry over what the photo itself does around it: smooth
    # cheeks say more than eyelashes.
    spread = np.sqrt(_box(_box(rough * rough)) + FLOOR**2)
    weight = soft_mask().reshape(CELLS, SIDE, CELLS, SIDE).mean((1, 3))
    gain = np.array(AMPLITUDE, np.float32)[:, None, None] / spread
    weighed = np.clip(rough / spread, -CLIP, CLIP) * weight * gain
    return _unit(weighed.reshape(len(means), -1))


def _unit(readings: Floats) -> Floats:
    """Readings (R, n) scaled to unit length."""
    return np.asarray(readings / np.maximum(np.linalg.norm(readings, axis=1, keepdims=True), 1e-12))


def _box(planes: Floats) -> Floats:
    """Mean over 3 x 3 cells of (R, C, CELLS, CELLS)."""
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]
    return np.asarray((rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9)
