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
    def middle(self) -> Doubles:
        """Of the box: (2,)."""
        left, top, right, bottom = self.box
        return np.array([left + right, top + bottom]) / 2

    @property
    def similarity(self) -> Similarity:
        return from_landmarks(self.landmarks)


def same_faces(faces: list[Face], again: list[Face]) -> list[Face]:
    """Where each of `faces` is in a second look at the photo; what is not seen again stays.

    A face is the nearest one whose middle is less than a quarter of its width away.
    """
    if not again:
        return faces
    middles = np.stack([other.middle for other in again])
    found = []
    for face in faces:
        away = np.hypot(*(middles - face.middle).T)
        nearest = int(away.argmin())
        found.append(again[nearest] if away[nearest] < face.width / 4 else face)
    return found


Look = Callable[[Pixels], list[Face]]
"""A network at work: faces of a picture (H, W, 3) uint8 of any size, in that picture's pixels."""


class Detector(Protocol):
    """Anything that finds faces."""

    def find(self, rgb: Pixels) -> list[Face]:
        """Faces of a photo (H, W, 3) uint8, at most MAX_FACES, left to right."""
        ...


class CenterFace:
    """The detector that comes with ermask."""

    def __init__(self, load: Callable[[], Session]) -> None:
        """`load` gives a session over CenterFace, see `Models.load_detector`.

        It is asked anew for every run, since idle sessions are dropped.
        """
        self._load = load

    def find(self, rgb: Pixels) -> list[Face]:
        """See `Detector.find`. The order is by left edge, then top: the same photo, same order."""
        return search(rgb, self.look, self.look)

    def look(self, rgb: Pixels) -> list[Face]:
        """Faces of a picture as large as it is; see `Look`."""
        height, width = rgb.shape[:2]
        padded = np.zeros((1, 3, -(-height // 32) * 32, -(-width // 32) * 32), np.float32)
        padded[0, :, :height, :width] = rgb.transpose(2, 0, 1)
        return _decode(self._load().run({"input.1": padded}))


def search(rgb: Pixels, look: Look, look_again: Look, *, rounds: int = 2) -> list[Face]:
    """Faces of a photo of any size, by a network that knows faces of some sizes only.

    Args:
        rgb: a photo (H, W, 3) uint8.
        look: finds the faces.
        look_again, rounds: place the landmarks; see `refine`.
    """
    photo = Image.fromarray(rgb)
    found = [
        face
        for window in _windows(*photo.size)
        for face in _through(photo, window, look)
        if not window.cuts(face, *photo.size)
    ]
    strongest = _suppress(found)[:MAX_FACES]
    refined = [refine(rgb, face, look_again, rounds) for face in strongest]
    kept = [face for face in refined if face is not None]
    return sorted(kept, key=lambda face: (face.box[0], face.box[1]))


def refine(rgb: Pixels, face: Face, look: Look, rounds: int) -> Face | None:
    """Look again at the face alone, at a fixed size; None if the landmarks make no sense.

    Every round starts at the landmarks of the last and depends less on the first ones. A face
    that `look` does not see stays as it is.
    """
    for _ in range(rounds):
        try:
            similarity = face.similarity
        except ValueError:
            return None
        seen = look(crop(rgb, similarity, REFINE_SIDE))
        if not seen:
            return face
        placed = [each.landmarks * (CROP / REFINE_SIDE) for each in seen]
        best = min(placed, key=lambda landmarks: float(np.abs(landmarks - TEMPLATE).mean()))
        if np.abs(best - TEMPLATE).mean() > CROP / 8:
            return face
        face = replace(face, landmarks=similarity.inverse().apply(best))
    return face


@dataclass(frozen=True)
class Window:
    """A part of the photo and the scale at which to look at it."""

    box: tuple[float, float, float, float]
    scale: float

    def cuts(self, face: Face, width: int, height: int) -> bool:
        """Whether the face reaches an edge that is not the photo's: it may be half a face.

        Another window has the whole: tiles overlap, and the coarse one has no such edge.
        """
        left, top, right, bottom = self.box
        margin = face.width / 10
        return (
            (left > 0 and face.box[0] < left + margin)
            or (top > 0 and face.box[1] < top + margin)
            or (right < width and face.box[2] > right - margin)
            or (bottom < height and face.box[3] > bottom - margin)
        )


def _windows(width: int, height: int) -> Iterator[Window]:
    coarse = min(1.0, COARSE_SIDE / max(width, height))
    yield Window((0, 0, width, height), coarse)
    if max(width, height) < 96:
        yield Window((0, 0, width, height), 2.0)
    if coarse * 1.25 >= FINE_SCALE:
        return
    side, overlap = TILE / FINE_SCALE, OVERLAP / FINE_SCALE
    for top in np.arange(0, max(1, height - overlap), side - overlap).tolist():
        for left in np.arange(0, max(1, width - overlap), side - overlap).tolist():
            yield Window((left, top, min(width, left + side), min(height, top + side)), FINE_SCALE)


def _through(photo: Image.Image, window: Window, look: Look) -> list[Face]:
    """Faces seen through a window, in the photo's pixels."""
    left, top, right, bottom = window.box
    size = (
        max(1, round((right - left) * window.scale)),
        max(1, round((bottom - top) * window.scale)),
    )
    part = photo.resize(size, Image.Resampling.BILINEAR, box=window.box, reducing_gap=2.0)
    x, y = (right - left) / size[0], (bottom - top) / size[1]
    return [
        Face(
            (
                face.box[0] * x + left,
                face.box[1] * y + top,
                face.box[2] * x + left,
                face.box[3] * y + top,
            ),
            face.score,
            face.landmarks * [x, y] + [left, top],
        )
        for face in look(np.asarray(part))
    ]


def _decode(outputs: dict[str, Floats]) -> list[Face]:
    """CenterFace's maps (stride 4) to faces; see section 3 of the paper."""
    heat, size, offset, points = (outputs[name][0] for name in ("537", "538", "539", "540"))
    rows, columns = np.nonzero(heat[0] > MIN_SCORE)
    faces = []
    for row, column in zip(rows, columns, strict=True):
        tall, wide = (float(side) for side in np.exp(size[:, row, column].astype(np.float64)) * 4)
        top = float((row + offset[0, row, column] + 0.5) * 4 - tall / 2)
        left = float((column + offset[1, row, column] + 0.5) * 4 - wide / 2)
        marks = points[:, row, column].astype(np.float64).reshape(5, 2)[:, ::-1]
        faces.append(
            Face(
                (left, top, left + wide, top + tall),
                float(heat[0, row, column]),
                marks * [wide, tall] + [left, top],
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
