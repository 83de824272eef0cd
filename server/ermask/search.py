"""Look for faces in a photo of any size, with a network that knows faces of some sizes only.

A coarse pass over the whole photo finds large faces, a fine pass in tiles finds small ones, and a
last pass on each face at one fixed size gives landmarks that hardly depend on the photo's scale: a
photo and its resized copy must lead to the same crop, or the eraser is misaligned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ermask.align import TEMPLATE, Pixels, crop
from ermask.contract import CROP
from ermask.faces import MAX_FACES, MIN_FACE, Face, Look, suppress

COARSE_SIDE = 640
FINE_FACE = 14
"""A face of MIN_FACE pixels is scaled to this many for the fine pass."""
FINE_SCALE = FINE_FACE / MIN_FACE
TILE = 1024
OVERLAP = 128
REFINE_SIDE = 256
AROUND = 1.5
"""How far around a face it is looked for again, in widths of the face."""
AGAIN_FACE = 128
"""Pixels that a face is wide at most when it is looked for again: larger ones cost only time."""


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
    strongest = suppress(found)[:MAX_FACES]
    refined = [refine(rgb, face, look_again, rounds) for face in strongest]
    kept = [face for face in refined if face is not None]
    return sorted(kept, key=lambda face: (face.box[0], face.box[1]))


def search_again(
    rgb: Pixels, faces: list[Face], look: Look, look_again: Look, *, rounds: int = 2
) -> list[Face]:
    """Where each of `faces` is in another version of its photo; see `Detector.find_again`.

    It is looked for around where it was and at most as large as it was seen, which takes a part of
    the time of a search. It is the face whose middle is nearest, less than a quarter of a width
    away.

    Args:
        look, look_again, rounds: as in `search`.
    """
    photo = Image.fromarray(rgb)
    found = []
    for face in faces:
        seen = _through(photo, _around(face, *photo.size), look)
        near = min(seen, key=face.away, default=face)
        if face.away(near) > face.width / 4:
            near = face
        found.append(refine(rgb, near, look_again, rounds) or face)
    return found


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


def _around(face: Face, width: int, height: int) -> Window:
    """The part of a photo of this size in which to look for a face again."""
    reach = AROUND * face.width
    left, top, right, bottom = face.box
    box = (
        max(0.0, left - reach),
        max(0.0, top - reach),
        min(float(width), right + reach),
        min(float(height), bottom + reach),
    )
    return Window(box, min(face.scale, AGAIN_FACE / face.width))


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
            window.scale,
        )
        for face in look(np.asarray(part))
    ]
