"""Reading a mark: what the crops of a photo say about its cells, whatever the key.

Shapes: "planes" are Y, Cb and Cr, "colours" Cb and Cr alone.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from ermask.align import Floats, Similarity, moved, soft_mask
from ermask.contract import CROP
from ermask.mark import CELLS, LOUDEST, SIDE, TO_YCC, DerivesBytes, scores, signs

HALF, HALF_SIDE = CROP // 2, SIDE // 2
"""Sides of a crop and of a cell at half the size, which cells do not notice."""
MARGIN = 8
"""Pixels of half the size by which a crop goes on beyond its edges."""
SHIFTS = (-2, 0, 2)
"""Misalignments tried when reading, in crop pixels, along each axis."""
SCALES = (0.975, 1.0, 1.025)
"""Misalignments tried, as relative sizes."""
TURNS = (-1.5, 0.0, 1.5)
"""Misalignments tried, in degrees: the change moves the landmarks that the crop hangs on."""
PLACES = [
    moved(dx, dy, scale, math.radians(turn))
    for scale, turn, dy, dx in itertools.product(SCALES, TURNS, SHIFTS, SHIFTS)
]
"""Every misalignment tried."""
FLOOR = 0.7 / 255
"""Roughness below which a cell is not trusted more: rounding and compression are as large."""
SEEN = 0.85
"""Share of an amplitude that cells have: rendering softens their edges. Measured on 15 photos,
faces 88 to 477 pixels wide."""
THERE = moved(0, 0, 1, 0)
"""The place of a crop as it was cut."""
ROUNDS = 6
"""Times the matched filter is made anew, of what is left: to the first the mark is the photo's."""


def read(crops: Floats) -> Floats:
    """What the crops (N, 3, CROP, CROP) of one photo say about every cell, in several readings.

    Returns float32 (R, 2 * CELLS^2): every face at every misalignment tried, and all faces as they
    are together. A reading is what a matched filter leaves of the cell means, scaled to unit
    length, so that its dot product with signs is a score of variance 1.
    """
    faces = [averaged(crop) for crop in crops]
    single = [_weigh(np.stack([_cells(face, place) for place in PLACES])) for face in faces]
    together = _weigh(np.stack([_cells(face, THERE) for face in faces])).sum(0, keepdims=True)
    return np.concatenate([*single, _unit(together)])


def by_face(readings: Floats, key: DerivesBytes, strength: str) -> Floats:
    """The score of one draw of a key at one preset in each face (N), of what `read` returned."""
    each = scores(readings[:-1], key, strength)
    return np.asarray(each.reshape(-1, len(PLACES)).max(1))


def reader(face: Averaged, about: Similarity) -> Callable[[Similarity], Floats]:
    """Reads one face at any place with the filter that suits one: a place to (2 * CELLS^2).

    A reading there is one of those of `read`. Readings elsewhere have the length that they have:
    with a filter made for each, where the photo is smoother would seem to have more of the mark.

    Args:
        face: its crop, `averaged`.
        about: from the crop as it was cut to where its mark is, about; so are the places to read.
    """
    there = _rough(_cells(face, about)[None])
    matched, cover = _matched_filter(there), _cover()

    def filtered(rough: Floats) -> Floats:
        return np.asarray((matched(rough) * cover).ravel())

    length = max(float(np.linalg.norm(filtered(there))), 1e-12)
    return lambda place: filtered(_rough(_cells(face, place)[None])) / length


def loudness(crop: Floats, key: DerivesBytes, strength: str, whole: float = 1.0) -> Floats:
    """The amplitudes of a key's mark in a protected crop (3, CROP, CROP), cell by cell.

    A copy has less of it than was put on, since colours are compressed first, and not everywhere
    equally little: compression takes all of it from some cells and none from others. By least
    squares over a cell with its neighbours, which hear where, and over the whole crop, which hears
    well. float32 (CELLS, CELLS), each 0 to LOUDEST.

    Args:
        whole: what the whole crop weighs; a cell with its neighbours weighs 1.
    """
    seen = _rough(_cells(averaged(crop), THERE)[None])
    pattern = np.zeros_like(seen)
    pattern[:, 1:] = signs(key, strength) * _cover()
    rough = _rough(pattern)
    expected = rough[:, 1:]
    found = np.zeros((1, 1, CELLS, CELLS), np.float32)
    for _ in range(ROUNDS):
        left = seen - _rough(found * pattern)
        matched = _matched_filter(left)
        fits = (expected * matched(left)).sum(1, keepdims=True)
        weight = (expected * matched(rough)).sum(1, keepdims=True)
        found += (_box(fits) + whole * fits.mean()) / (_box(weight) + whole * weight.mean())
    return np.asarray((found[0, 0] / SEEN).clip(0, LOUDEST))


class Averaged(NamedTuple):
    """Y, Cb and Cr of a crop at half the size, averaged over as much as a cell about every pixel.

    A cell's mean is one of their pixels, wherever the cell may be.
    """

    y: Image.Image
    blue: Image.Image
    red: Image.Image


def averaged(crop: Floats) -> Averaged:
    """What a mark is read from, of a crop (3, CROP, CROP)."""
    ycc = np.einsum("ij,jhw->ihw", TO_YCC.astype(np.float32), crop)
    half = ycc.reshape(3, HALF, 2, HALF, 2).mean((2, 4))
    wide = np.pad(half, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(wide, (HALF_SIDE, HALF_SIDE), (1, 2))
    return Averaged(*(Image.fromarray(plane) for plane in windows.mean((3, 4))))


def _cells(face: Averaged, place: Similarity) -> Floats:
    """Cell means (3, CELLS, CELLS) as they are in a crop that was cut elsewhere."""
    rows = place.inverse().matrix.copy()
    rows[:, :2] *= HALF_SIDE
    # the first window's middle is where the pixel of the picture is that it is the mean of
    rows[:, 2] = rows[:, 2] * HALF / CROP + MARGIN + (1 - HALF_SIDE) / 2
    size, data = (CELLS, CELLS), tuple(rows.ravel().tolist())
    affine, method = Image.Transform.AFFINE, Image.Resampling.BICUBIC
    return np.stack([np.asarray(plane.transform(size, affine, data, method)) for plane in face])


def _weigh(means: Floats) -> Floats:
    """Cell means (R, 3, CELLS, CELLS) to readings (R, 2 * CELLS^2)."""
    rough = _rough(means)
    return _unit((_matched_filter(rough)(rough) * _cover()).reshape(len(means), -1))


def _cover() -> Floats:
    """How much of a residual reaches each cell (CELLS, CELLS)."""
    return np.asarray(soft_mask().reshape(CELLS, SIDE, CELLS, SIDE).mean((1, 3)))


def _rough(means: Floats) -> Floats:
    """Cell means (R, C, CELLS, CELLS), less those of their four neighbours."""
    wide = np.pad(means, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    beside = wide[:, :, 1:-1, :-2] + wide[:, :, 1:-1, 2:]
    above = wide[:, :, :-2, 1:-1] + wide[:, :, 2:, 1:-1]
    return np.asarray(means - (beside + above) / 4, np.float32)


def _matched_filter(rough: Floats) -> Callable[[Floats], Floats]:
    """The filter that finds a mark in what the photo does there: rough planes to rough colours.

    The inverse of the covariance of Y, Cb and Cr around each cell. Smooth cheeks say more than
    eyelashes, and what colours do together, or with the light, is the photo and not the mark.
    """
    y, blue, red = np.moveaxis(rough, 1, 0)
    products = np.stack([y * y, y * blue, y * red, blue * blue, blue * red, red * red], 1)
    yy, yb, yr, bb, br, rr = np.moveaxis(_box(_box(products)), 1, 0)
    yy = yy + FLOOR**2
    by_blue, by_red = yb / yy, yr / yy
    # of the colours, what the light does not tell
    bb, rr, br = bb + FLOOR**2 - by_blue * yb, rr + FLOOR**2 - by_red * yr, br - by_blue * yr
    whole = bb * rr - br * br

    def matched(planes: Floats) -> Floats:
        y, blue, red = np.moveaxis(planes, 1, 0)
        blue, red = blue - by_blue * y, red - by_red * y
        return np.asarray(
            np.stack([rr * blue - br * red, bb * red - br * blue], 1) / whole[:, None]
        )

    return matched


def _unit(readings: Floats) -> Floats:
    """Readings (R, n) scaled to unit length."""
    return np.asarray(readings / np.maximum(np.linalg.norm(readings, axis=1, keepdims=True), 1e-12))


def _box(planes: Floats) -> Floats:
    """Mean over 3 x 3 cells of (R, C, CELLS, CELLS)."""
    padded = np.pad(planes, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    rows = padded[:, :, :-2] + padded[:, :, 1:-1] + padded[:, :, 2:]
    return np.asarray((rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]) / 9)
