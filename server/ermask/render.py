"""Apply residuals and flows to a photo at its own resolution.

The canonical crop is never pasted back: what the networks say about it is resampled through the
inverse transform, so a 12-megapixel portrait stays sharp, and pixels outside the soft masks are
the photo's own. Flow coordinates as in `contract`: output(u) = input(u + flow(u)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ermask.align import (
    MASK_CENTRE,
    MASK_RADII,
    Doubles,
    Floats,
    Pixels,
    Similarity,
    soft_mask,
)
from ermask.contract import CROP, FLOW_GRID

CELL = CROP / FLOW_GRID
"""Side of a flow cell in crop pixels; the mesh that bends the photo is as fine as this."""
MIN_CELL = 2
"""Smallest mesh cell in photo pixels."""


@dataclass(frozen=True)
class Change:
    """What to do to one face."""

    similarity: Similarity
    residual: Floats
    """(3, g, g), any g, in shares of the range."""
    flow: Floats
    """(2, g, g), any g, (dx, dy) in crop pixels."""


@dataclass(frozen=True)
class _Region:
    """A face's rectangle in the photo, in whole pixels, and its weight there."""

    left: int
    top: int
    mask: Floats

    @property
    def box(self) -> tuple[int, int, int, int]:
        height, width = self.mask.shape
        return self.left, self.top, self.left + width, self.top + height


def apply(rgb: Pixels, changes: list[Change]) -> Pixels:
    """The photo (H, W, 3) uint8 with all changes made.

    Where masks overlap each face's change is weighted by its share of the masks, so the result
    does not depend on the order of faces.
    """
    # Sums of three changes and more round alike only in one order.
    ordered = sorted(changes, key=lambda change: change.similarity.matrix.tolist())
    found = [(change, _region(change.similarity, rgb.shape)) for change in ordered]
    faces = [(change, region) for change, region in found if region is not None]
    regions = [region for _, region in faces]
    deltas = [
        _delta(rgb, change, region, _share(region, regions[:index] + regions[index + 1 :]))
        for index, (change, region) in enumerate(faces)
    ]
    result = rgb.copy()
    for region, delta in zip(regions, deltas, strict=True):
        left, top, right, bottom = region.box
        total = rgb[top:bottom, left:right] + delta
        for other, its_delta in zip(regions, deltas, strict=True):
            if other is not region and (cut := _meet(region, other)):
                total[cut[0]] += its_delta[cut[1]]
        result[top:bottom, left:right] = np.clip(np.rint(total, out=total), 0, 255, out=total)
    return result


def _region(similarity: Similarity, shape: tuple[int, ...]) -> _Region | None:
    """Where the mask falls in the photo; None if it misses the photo."""
    (x, y), (wide, tall) = MASK_CENTRE, MASK_RADII
    corners = np.array([[x + i * wide, y + j * tall] for i in (-1, 1) for j in (-1, 1)])
    spots = similarity.inverse().apply(corners)
    left, top = np.maximum(np.floor(spots.min(0)).astype(int), 0)
    right = min(int(np.ceil(spots[:, 0].max())), shape[1])
    bottom = min(int(np.ceil(spots[:, 1].max())), shape[0])
    if right <= left or bottom <= top:
        return None
    mask = _resample(soft_mask(), similarity, (left, top, right, bottom))
    return _Region(int(left), int(top), mask)


def _resample(plane: Floats, similarity: Similarity, box: tuple[int, int, int, int]) -> Floats:
    """A plane (g, g) over the crop, seen at the photo's pixels of `box`."""
    left, top, right, bottom = box
    scale = plane.shape[0] / CROP
    rows = similarity.matrix.copy()
    rows[:, 2] = rows[:, :2] @ np.array([left, top]) + rows[:, 2]
    data = tuple(float(v) for v in (rows * scale).ravel())
    image = Image.fromarray(np.ascontiguousarray(plane, np.float32))
    seen = image.transform(
        (right - left, bottom - top), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR
    )
    return np.asarray(seen)


def _meet(one: _Region, two: _Region) -> tuple[tuple[slice, slice], tuple[slice, slice]] | None:
    """Slices of both arrays for the rectangle that two regions share."""
    a, b = one.box, two.box
    left, top = max(a[0], b[0]), max(a[1], b[1])
    right, bottom = min(a[2], b[2]), min(a[3], b[3])
    if right <= left or bottom <= top:
        return None
    return (
        (slice(top - a[1], bottom - a[1]), slice(left - a[0], right - a[0])),
        (slice(top - b[1], bottom - b[1]), slice(left - b[0], right - b[0])),
    )


def _share(region: _Region, others: list[_Region]) -> Floats:
    """The region's mask, scaled down where other masks claim the same pixels."""
    total = region.mask
    for other in others:
        if cut := _meet(region, other):
            if total is region.mask:
                total = region.mask.copy()
            total[cut[0]] += other.mask[cut[1]]
    if total is region.mask:
        return region.mask
    return (region.mask * (region.mask / np.maximum(total, 1e-6))).astype(np.float32)


def _delta(rgb: Pixels, change: Change, region: _Region, weight: Floats) -> Floats:
    """What the change adds to the photo in the region: float32 (h, w, 3) in 0..255 units."""
    left, top, right, bottom = region.box
    delta = _bend(rgb, change, region, weight)
    delta -= rgb[top:bottom, left:right]
    delta[weight <= 0] = 0
    for channel in range(3):
        plane = _resample(change.residual[channel], change.similarity, region.box)
        delta[..., channel] += plane * (weight * 255)
    return delta


def _bend(rgb: Pixels, change: Change, region: _Region, weight: Floats) -> Floats:
    """The region resampled along the flow, (h, w, 3) in 0..255: a mesh of quadrilaterals, bicubic
    inside each."""
    left, top, right, bottom = region.box
    width, height = right - left, bottom - top
    step = max(MIN_CELL, round(CELL / change.similarity.scale))
    xs = np.unique(np.append(np.arange(0, width, step), width))
    ys = np.unique(np.append(np.arange(0, height, step), height))
    inverse = change.similarity.inverse().matrix[:, :2]
    shift = _flow_at(change, xs + left, ys + top) @ inverse.T
    shift *= weight[np.ix_(np.minimum(ys, height - 1), np.minimum(xs, width - 1))][..., None]
    # Pillow draws nothing where it would have to pull from beyond the picture it is given.
    margin = int(np.ceil(np.abs(shift).max())) + 3
    rows = np.clip(np.arange(top - margin, bottom + margin), 0, rgb.shape[0] - 1)
    columns = np.clip(np.arange(left - margin, right + margin), 0, rgb.shape[1] - 1)
    source = rgb[np.ix_(rows, columns)].astype(np.float32)
    spots = np.stack(np.meshgrid(xs, ys), -1) + shift + margin
    # What the mask misses need not be drawn: `_delta` does not look at it.
    seen = np.maximum.reduceat(np.maximum.reduceat(weight, ys[:-1], 0), xs[:-1], 1) > 0
    mesh = [
        (
            (int(xs[i]), int(ys[j]), int(xs[i + 1]), int(ys[j + 1])),
            (*spots[j, i], *spots[j + 1, i], *spots[j + 1, i + 1], *spots[j, i + 1]),
        )
        for j, i in np.argwhere(seen)
    ]
    moved = np.zeros((height, width, 3), np.float32)
    for channel in range(3):
        # As numbers, not as a picture: Pillow would cut off fractions and darken the face.
        moved[..., channel] = Image.fromarray(source[..., channel]).transform(
            (width, height), Image.Transform.MESH, mesh, Image.Resampling.BICUBIC
        )
    return moved


def _flow_at(change: Change, xs: Doubles, ys: Doubles) -> Doubles:
    """Bilinear flow at the photo points of a grid: (len(ys), len(xs), 2), crop pixels."""
    points = np.stack(np.meshgrid(xs, ys), -1).astype(np.float64)
    grid = change.flow.shape[-1]
    spot = change.similarity.apply(points) * (grid / CROP) - 0.5
    spot = np.clip(spot, 0, grid - 1)
    low = np.minimum(spot.astype(int), grid - 2)
    part = spot - low
    flow = change.flow.transpose(1, 2, 0).astype(np.float64)
    x, y, a, b = low[..., 0], low[..., 1], part[..., :1], part[..., 1:]
    upper = flow[y, x] * (1 - a) + flow[y, x + 1] * a
    lower = flow[y + 1, x] * (1 - a) + flow[y + 1, x + 1] * a
    return np.asarray(upper * (1 - b) + lower * b)
