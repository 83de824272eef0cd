"""Find faces and their five landmarks.

CenterFace (Xu et al., 2019, arXiv 1911.03599; MIT licence) through ONNX Runtime. A coarse pass
over the whole photo finds large faces, a fine pass in tiles finds small ones, and a last pass on
each face at one fixed size gives landmarks that hardly depend on the photo's scale: a photo and
its resized copy must lead to the same crop, or the eraser is misaligned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from ermask.align import TEMPLATE, Doubles, Floats, Pixels, Similarity, crop, from_landmarks
from ermask.contract import CROP
from ermask.sessions import Session

MAX_FACES = 64
MIN_SCORE = 0.5
MIN_FACE = 24
"""Narrower faces (photo pixels) are not worth protecting: recognisers need more."""
COARSE_SIDE = 640
FINE_FACE = 14
"""A face of MIN_FACE pixels is scaled to this many for the fine pass."""
FINE_SCALE = FINE_FACE / MIN_FACE
TILE = 1024
OVERLAP = 128
REFINE_SIDE = 256
OVERLAP_LIMIT = 0.3


@dataclass(frozen=True)
class Face:
    """One face, in photo pixels."""

    box: tuple[float, float, float, float]
    """Left, top, right, bottom."""
    score: float
    landmarks: Doubles
    """(5, 2) in the order of align.TEMPLATE_112."""

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]

    @property
    def similarity(self) -> Similarity:
        return from_landmarks(self.landmarks)


class Detector(Protocol):
    """Anything that finds faces."""

    def find(self, rgb: Pixels) -> list[Face]:
        """Faces of a photo (H, W, 3) uint8, at most MAX_FACES, left to right."""
        ...


class CenterFace:
    """The detector that comes with ermask."""

    def __init__(self, load: Callable[[], Session]) -> None:
        """`load` gives a session over CenterFace (`input.1` to `537` ... `540`); it is asked anew for every run, since idle ones are dropped."""
        self._load = load

    def find(self, rgb: Pixels) -> list[Face]:
        """See `Detector.find`. The order is by left edge, then top: the same photo, same order."""
        photo = Image.fromarray(rgb)
        found = [face for window in _windows(*photo.size) for face in self._look(photo, window)]
        strongest = _suppress(found)[:MAX_FACES]
        refined = [self._refine(rgb, face) for face in strongest]
        kept = _suppress([face for face in refined if face is not None])
        return sorted(kept, key=lambda face: (face.box[0], face.box[1]))

    def _look(self, photo: Image.Image, window: Window) -> list[Face]:
        left, top, right, bottom = window.box
        size = (
            max(1, round((right - left) * window.scale)),
            max(1, round((bottom - top) * window.scale)),
        )
        part = photo.resize(size, Image.Resampling.BILINEAR, box=window.box, reducing_gap=2.0)
        scale = np.array([(right - left) / size[0], (bottom - top) / size[1]])
        return self._detect(np.asarray(part), scale, np.array([left, top], np.float64))

    def _detect(self, rgb: Pixels, scale: Doubles, origin: Doubles) -> list[Face]:
        height, width = rgb.shape[:2]
        padded = np.zeros((1, 3, -(-height // 32) * 32, -(-width // 32) * 32), np.float32)
        padded[0, :, :height, :width] = rgb.transpose(2, 0, 1)
        outputs = self._load().run({"input.1": padded})
        return _decode(outputs, scale, origin)

    def _refine(self, rgb: Pixels, face: Face) -> Face | None:
        """Look again at the face alone, at a fixed size; None if the landmarks make no sense."""
        for _ in range(2):
            try:
                similarity = face.similarity
            except ValueError:
                return None
            cut = crop(rgb, similarity, REFINE_SIDE)
            seen = self._detect(cut, np.full(2, CROP / REFINE_SIDE), np.zeros(2))
            if not seen:
                return face
            best = min(seen, key=lambda s: float(np.abs(s.landmarks - TEMPLATE).mean()))
            if np.abs(best.landmarks - TEMPLATE).mean() > CROP / 8:
                return face
            face = replace(face, landmarks=similarity.inverse().apply(best.landmarks))
        return face


@dataclass(frozen=True)
class Window:
    """A part of the photo and the scale at which to look at it."""

    box: tuple[float, float, float, float]
    scale: float


def _windows(width: int, height: int) -> Iterator[Window]:
    coarse = min(1.0, COARSE_SIDE / max(width, height))
    yield Window((0, 0, width, height), coarse)
    fine = min(1.0, FINE_SCALE)
    if max(width, height) < 96:
        yield Window((0, 0, width, height), 2.0)
    if fine <= coarse * 1.25:
        return
    side, step = TILE / fine, (TILE - OVERLAP) / fine
    for top in np.arange(0, max(1, height - OVERLAP / fine), step):
        for left in np.arange(0, max(1, width - OVERLAP / fine), step):
            box = (left, top, min(width, left + side), min(height, top + side))
            yield Window(tuple(float(v) for v in box), fine)  # type: ignore[arg-type]


def _decode(outputs: dict[str, Floats], scale: Doubles, origin: Doubles) -> list[Face]:
    """CenterFace's maps (stride 4) to faces; see section 3 of the paper."""
    heat, size, offset, points = (outputs[name][0] for name in ("537", "538", "539", "540"))
    rows, columns = np.nonzero(heat[0] > MIN_SCORE)
    faces = []
    for row, column in zip(rows, columns, strict=True):
        tall, wide = np.exp(size[:, row, column].astype(np.float64)) * 4
        top = (row + offset[0, row, column] + 0.5) * 4 - tall / 2
        left = (column + offset[1, row, column] + 0.5) * 4 - wide / 2
        corner = np.array([left, top])
        extent = np.array([wide, tall])
        marks = points[:, row, column].reshape(5, 2)[:, ::-1] * extent + corner
        low, high = corner * scale + origin, (corner + extent) * scale + origin
        faces.append(
            Face(
                (float(low[0]), float(low[1]), float(high[0]), float(high[1])),
                float(heat[0, row, column]),
                marks.astype(np.float64) * scale + origin,
            )
        )
    return _suppress(faces)


def _suppress(faces: list[Face]) -> list[Face]:
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
