"""Where a face sits in a photo, and the canonical crop the networks see.

Coordinates are continuous: pixel i covers [i, i + 1], so its centre is i + 0.5. A `Similarity`
maps photo coordinates to crop coordinates. The template is the five-point one of ArcFace
(Deng et al., 2019; 112 units), scaled by 1.4 and centred in the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ermask.contract import CROP

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Pixels = NDArray[np.uint8]

TEMPLATE_112: Doubles = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ]
)
"""Left eye, right eye, nose, left and right mouth corner (as seen in the picture)."""
TEMPLATE_SCALE = 1.4
TEMPLATE: Doubles = (TEMPLATE_112 - 56) * TEMPLATE_SCALE + CROP / 2

MASK_CENTRE = (112.0, 126.0)
MASK_RADII = (80.0, 92.0)
MASK_FEATHER = 0.3
"""Share of the radius over which the soft mask falls from 1 to 0."""


@dataclass(frozen=True)
class Similarity:
    """crop = matrix[:, :2] @ photo + matrix[:, 2]: rotation, one scale, translation."""

    matrix: Doubles

    @property
    def scale(self) -> float:
        """Crop pixels per photo pixel."""
        return float(np.hypot(self.matrix[0, 0], self.matrix[1, 0]))

    def inverse(self) -> Similarity:
        """The map from crop to photo coordinates."""
        linear = np.linalg.inv(self.matrix[:, :2])
        return Similarity(np.column_stack([linear, -linear @ self.matrix[:, 2]]))

    def apply(self, points: Doubles) -> Doubles:
        """Map points (..., 2)."""
        return np.asarray(points @ self.matrix[:, :2].T + self.matrix[:, 2])

    def then(self, other: Similarity) -> Similarity:
        """First this map and then the other."""
        linear = other.matrix[:, :2] @ self.matrix[:, :2]
        return Similarity(np.column_stack([linear, other.apply(self.matrix[:, 2])]))


def moved(dx: float, dy: float, scale: float, turn: float) -> Similarity:
    """Crop coordinates to those of a crop that was cut otherwise: scaled and turned (radians) about
    the middle, then shifted."""
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cos, -sin], [sin, cos]])
    middle = np.array([CROP / 2, CROP / 2])
    return Similarity(np.column_stack([linear, middle - linear @ middle + [dx, dy]]))


def from_landmarks(landmarks: Doubles) -> Similarity:
    """Least-squares similarity from five landmarks (5, 2) in photo pixels (Umeyama, 1991).

    Raises:
        ValueError: the points coincide.
    """
    source, target = np.asarray(landmarks, np.float64), TEMPLATE
    source_mean, target_mean = source.mean(0), target.mean(0)
    s, t = source - source_mean, target - target_mean
    spread = float((s**2).sum())
    if not np.isfinite(spread) or spread < 1e-6:
        raise ValueError("the five landmarks coincide")
    # In the plane the optimum has a closed form: s -> t as one complex factor a + ib.
    a = float((s * t).sum()) / spread
    b = float((s[:, 0] * t[:, 1] - s[:, 1] * t[:, 0]).sum()) / spread
    linear = np.array([[a, -b], [b, a]])
    return Similarity(np.column_stack([linear, target_mean - linear @ source_mean]))


def crop(rgb: Pixels, similarity: Similarity, size: int = CROP) -> Pixels:
    """Cut the canonical crop: uint8 (H, W, 3) -> uint8 (size, size, 3); black beyond the photo.

    Large faces are averaged down before resampling, so that the crop does not alias.
    """
    to_photo = similarity.inverse().matrix * 1.0
    to_photo[:, :2] *= CROP / size
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float64)
    spots = corners @ to_photo[:, :2].T + to_photo[:, 2]
    height, width = rgb.shape[:2]
    step = max(1, int(np.hypot(to_photo[0, 0], to_photo[1, 0]) * 1.01))
    margin = 4 * step
    left, top = np.maximum(np.floor(spots.min(0)).astype(int) - margin, 0)
    right, bottom = np.minimum(np.ceil(spots.max(0)).astype(int) + margin, [width, height])
    if right <= left or bottom <= top:
        return np.zeros((size, size, 3), np.uint8)
    part = Image.fromarray(rgb[top:bottom, left:right])
    scale_x = scale_y = 1.0
    if step > 1:
        reduced = part.reduce(step)
        scale_x, scale_y = step, step
        part = reduced
    rows = to_photo - np.array([[0, 0, left], [0, 0, top]])
    rows = rows / np.array([[scale_x], [scale_y]])
    data = tuple(float(v) for v in rows.ravel())
    cut = part.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BICUBIC)
    return np.asarray(cut)


def to_tensor(crops: list[Pixels]) -> Floats:
    """Crops as the networks take them: float32 (N, 3, CROP, CROP) in [0, 1]."""
    batch = np.stack(crops).astype(np.float32) / 255
    return np.ascontiguousarray(batch.transpose(0, 3, 1, 2))


def crops(rgb: Pixels, places: Sequence[Similarity]) -> Floats:
    """All canonical crops of one photo, as the networks take them; see `crop` and `to_tensor`."""
    return to_tensor([crop(rgb, place) for place in places])


@lru_cache(maxsize=1)
def soft_mask() -> Floats:
    """Where a face may change: float32 (CROP, CROP) in [0, 1], an ellipse with a soft edge."""
    centres = np.arange(CROP, dtype=np.float64) + 0.5
    x = (centres[None, :] - MASK_CENTRE[0]) / MASK_RADII[0]
    y = (centres[:, None] - MASK_CENTRE[1]) / MASK_RADII[1]
    inside = np.clip((1 - np.hypot(x, y)) / MASK_FEATHER, 0, 1)
    mask = (inside * inside * (3 - 2 * inside)).astype(np.float32)
    mask.setflags(write=False)
    return mask
