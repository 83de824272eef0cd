"""Pictures to look at: what a loss does not say, eyes do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ermask import align, codec
from ermask.contract import STRENGTHS
from ermask.engine import Engine
from ermask.faces import Face
from ermask.keys import Key
from ermask_training.bench.keys import Keyed, with_circle
from ermask_training.bench.variants import as_jpeg
from ermask_training.data import main_face

SIDE = 448
"""Pixels of one face in the sheet: twice the canonical crop, as on a screen at 200 %."""
WINDOW = 400
"""Pixels of one face in the sheet at full size."""


def sheet(engine: Engine, photos: list[Path], secret: bytes) -> Image.Image:
    """A row a photo: the original, the presets, and the JPEG of `mid` restored.

    The last two columns are restored with the right key and with a wrong one. All faces of a row
    are cut at the same place.

    Args:
        secret: 32 bytes, the key to protect with.
    """
    right = with_circle(Key(secret))
    wrong = with_circle(Key(bytes(byte ^ 255 for byte in secret)))
    return Image.fromarray(np.concatenate([_row(engine, path, right, wrong) for path in photos]))


def full_size(engine: Engine, photos: list[Path], secret: bytes) -> Image.Image:
    """A row for two photos: each beside itself protected at `mid`, pixel by pixel.

    Each window is WINDOW pixels of the photo about the middle of its face, or as many as it has.

    Args:
        secret: 32 bytes, the key to protect with.
    """
    key = with_circle(Key(secret))
    pairs = [_window(engine, path, key) for path in photos]
    pairs += [np.zeros_like(pairs[0])] * (len(pairs) % 2)
    rows = [np.concatenate(pairs[i : i + 2], axis=1) for i in range(0, len(pairs), 2)]
    return Image.fromarray(np.concatenate(rows))


def _window(engine: Engine, path: Path, key: Keyed) -> align.Pixels:
    original, face = _portrait(engine, path)
    height, width = original.rgb.shape[:2]
    protected = engine.protect(original, *key).photo
    middle = (int(face.box[0] + face.box[2]) // 2, int(face.box[1] + face.box[3]) // 2)
    left, top = (
        int(np.clip(at - WINDOW // 2, 0, max(0, side - WINDOW)))
        for at, side in zip(middle, (width, height), strict=True)
    )
    shown = np.zeros((WINDOW, 2 * WINDOW, 3), np.uint8)
    for column, photo in enumerate((original, protected)):
        part = photo.rgb[top : top + WINDOW, left : left + WINDOW]
        start = column * WINDOW
        shown[: part.shape[0], start : start + part.shape[1]] = part
    return shown


def _row(engine: Engine, path: Path, right: Keyed, wrong: Keyed) -> align.Pixels:
    original, face = _portrait(engine, path)
    protected = [engine.protect(original, *right, preset).photo for preset in STRENGTHS]
    posted = as_jpeg(protected[list(STRENGTHS).index("mid")])
    restored = [engine.restore(posted, [key], force=True).photo for key in (right, wrong)]
    shown = [original, *protected, *restored]
    return np.concatenate([align.crop(photo.rgb, face.similarity, SIDE) for photo in shown], axis=1)


def _portrait(engine: Engine, path: Path) -> tuple[codec.Photo, Face]:
    """A photo, and the face that it is of."""
    photo = codec.decode(path.read_bytes())
    height, width = photo.rgb.shape[:2]
    return photo, main_face(engine.find(photo.rgb), width, height)
