"""Faces in photos, and what finds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ermask.align import Doubles, Pixels, Similarity, from_landmarks

MAX_FACES = 64
MIN_SCORE = 0.5
MIN_FACE = 24
"""Narrower faces (photo pixels) are not worth protecting: recognisers need more."""
OVERLAP_LIMIT = 0.3


@dataclass(frozen=True)
class Face:
    """One face, in photo pixels."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    score: float
    landmarks: Doubles
    """(5, 2) in the order of align.TEMPLATE_112."""
    scale: float = 1.0
    """Size of the picture in which the network saw it, as a share of the photo's."""

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def similarity(self) -> Similarity:
        return from_landmarks(self.landmarks)

    def away(self, other: Face) -> float:
        """Distance between the middles of the boxes, in photo pixels."""
        left, top, right, bottom = np.subtract(self.box, other.box)
        return float(np.hypot(left + right, top + bottom)) / 2


Look = Callable[[Pixels], list[Face]]
"""A network at work: faces of a picture (H, W, 3) uint8 of any size, in that picture's pixels."""


class Detector(Protocol):
    """Anything that finds faces."""

    def find(self, rgb: Pixels) -> list[Face]:
        """Faces of a photo (H, W, 3) uint8, at most MAX_FACES, left to right."""
        ...

    def find_again(self, rgb: Pixels, faces: list[Face]) -> list[Face]:
        """Where each of `faces` is in another version of its photo, (H, W, 3) uint8 too.

        A face that is not seen again stays about where it was.
        """
        ...


def suppress(faces: list[Face]) -> list[Face]:
    """Greedy non-maximum suppression, best score first."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: (-f.score, f.box)):
        if all(_overlap(face, other) < OVERLAP_LIMIT for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, two: Face) -> float:
    """Intersection over union, or over the smaller box when one lies inside the other."""
    a, b = one.box, two.box
    wide = min(a[2], b[2]) - max(a[0], b[0])
    tall = min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    both = wide * tall
    areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
    return max(both / (sum(areas) - both), both / min(areas) - 0.4)
