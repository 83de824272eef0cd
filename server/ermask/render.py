"""Apply residuals and flows to a photo at its own resolution.

The canonical crop is never pasted back: what the networks say about it is resampled through the
inverse transform, so a 12-megapixel portrait stays sharp, and pixels outside the soft masks are
the photo's own. Flow coordinates as in `contract`: output(u) = input(u + flow(u)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ermask.align import (
    MASK_CENTRE,
    MASK_RADII,
    Floats,
    Pixels,
    Similarity,
    soft_mask,
)
from ermask.contract import CROP

KERNEL = -0.75
"""Shape of the interpolating cubic (Keys, 1981): what torch's grid_sample has, so that the photo
is bent as the lab bent crops."""
BATCH = 1 << 14
"""Pixels bent at once: as many as a processor's cache holds with all that belongs to them."""

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Change:
    """What to do to one face."""

    similarity: Similarity
    residual: Floats
    """(3, g, g), any g, in shares of the range."""
    flow: Floats | None = None
    """(2, g, g), any g, (dx, dy) in crop pixels; None where nothing moves."""


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
    if change.flow is None:
        delta = np.zeros((*weight.shape, 3), np.float32)
    else:
        delta = _bend(rgb, change.similarity, change.flow, region, weight)
        delta -= rgb[top:bottom, left:right]
        delta[weight <= 0] = 0
    for channel in range(3):
        plane = _resample(change.residual[channel], change.similarity, region.box)
        delta[..., channel] += plane * (weight * 255)
    return delta


def _bend(
    rgb: Pixels, similarity: Similarity, flow: Floats, region: _Region, weight: Floats
) -> Floats:
    """The region resampled along the flow: float32 (h, w, 3) in 0..255, 0 where the mask is."""
    left, top, right, bottom = region.box
    seen = np.stack([_resample(plane, similarity, region.box) for plane in flow], -1)
    turn = similarity.inverse().matrix[:, :2].astype(np.float32)
    shift = np.asarray((seen * weight[..., None]) @ turn.T, np.float32)
    # Beyond the photo its edge pixels go on, as far as the flow reaches.
    margin = int(np.abs(shift).max()) + 3
    rows = np.clip(np.arange(top - margin, bottom + margin), 0, rgb.shape[0] - 1)
    columns = np.clip(np.arange(left - margin, right + margin), 0, rgb.shape[1] - 1)
    source = np.ascontiguousarray(rgb[np.ix_(rows, columns)].transpose(2, 0, 1))
    moved = np.zeros((*weight.shape, 3), np.float32)
    inside = np.flatnonzero(weight)
    for start in range(0, len(inside), BATCH):
        y, x = np.divmod(inside[start : start + BATCH], weight.shape[1])
        moved[y, x] = _pull(source, x + margin, y + margin, shift[y, x]).T
    return moved


def _pull(source: Pixels, x: Indices, y: Indices, shift: Floats) -> Floats:
    """What `source` (3, h, w) has at its pixels (N,) moved by `shift` (N, 2): float32 (3, N)."""
    whole = np.floor(shift)
    across, down = (_cubic(part) for part in (shift - whole).T)
    x, y = x + whole[:, 0].astype(np.intp) - 1, y + whole[:, 1].astype(np.intp) - 1
    found = np.zeros((3, len(x)), np.float32)
    for row, row_weight in enumerate(down):
        first = (y + row) * source.shape[2] + x
        for plane, total in zip(source.reshape(3, -1), found, strict=True):
            line = across[0] * plane[first]
            for column in (1, 2, 3):
                line += across[column] * plane[first + column]
            total += row_weight * line
    return found


def _cubic(part: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Weights of four neighbours for points `part` (N,) of the way from the second to the third."""
    rest = 1 - part
    return (
        KERNEL * part * rest**2,
        ((KERNEL + 2) * part - (KERNEL + 3)) * part**2 + 1,
        ((KERNEL + 2) * rest - (KERNEL + 3)) * rest**2 + 1,
        KERNEL * rest * part**2,
    )
