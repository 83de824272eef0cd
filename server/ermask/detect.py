"""Find faces and their five landmarks.

CenterFace (Xu et al., 2019, arXiv 1911.03599; MIT licence) through ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ermask.align import Floats, Pixels
from ermask.faces import MIN_SCORE, Face, suppress
from ermask.search import search, search_again
from ermask.sessions import Session


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

    def find_again(self, rgb: Pixels, faces: list[Face]) -> list[Face]:
        """See `Detector.find_again`."""
        return search_again(rgb, faces, self.look, self.look)

    def look(self, rgb: Pixels) -> list[Face]:
        """Faces of a picture as large as it is; see `Look`."""
        height, width = rgb.shape[:2]
        padded = np.zeros((1, 3, -(-height // 32) * 32, -(-width // 32) * 32), np.float32)
        padded[0, :, :height, :width] = rgb.transpose(2, 0, 1)
        return _decode(self._load().run({"input.1": padded}))


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
    return suppress(faces)
