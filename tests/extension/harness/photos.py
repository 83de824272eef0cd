"""Makes photos for the tests and looks at what arrived, on the tests' request.

One JSON object a line on stdin, one answer a line on stdout: `{"do": name, ...}` is answered
`{"value": ...}` or `{"error": "..."}`. A process of its own, so that it can read a photo's mark
while the daemon under test is dead or frozen.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pillow_heif
import skimage.data
from PIL import Image

from ermask.codec import decode
from ermask.detect import CenterFace
from ermask.engine import Engine
from ermask.errors import ErmaskError
from ermask.keystore import KeyStore
from ermask.sessions import Models

Pixels = np.ndarray[Any, Any]


def make(path: str, *, face: bool = True, kind: str = "jpeg", variant: int = 0) -> None:
    """Write a photo with one face, or with none. Variants differ a little in every pixel.

    `kind`: jpeg, png, webp, heic, gif, pdf or animated (a GIF that moves).
    """
    rgb = _portrait() if face else _coffee()
    picture = Image.fromarray(np.clip(rgb.astype(np.int16) - variant, 0, 255).astype(np.uint8))
    match kind:
        case "jpeg":
            picture.save(path, "JPEG", quality=92)
        case "png" | "gif" | "pdf":
            picture.save(path, kind.upper())
        case "webp":
            picture.save(path, "WEBP", quality=90)
        case "heic":
            pillow_heif.from_pillow(picture).save(path, quality=90)
        case "animated":
            other = Image.fromarray(255 - np.asarray(picture))
            picture.save(path, "GIF", save_all=True, append_images=[other], duration=100)
        case _:
            raise ValueError(f"no such kind: {kind}")


def recompress(path: str, to: str, *, quality: int = 75, scale: float = 1.0) -> None:
    """What a site does with a picture: smaller, and as JPEG."""
    with Image.open(path) as opened:
        picture = opened.convert("RGB")
    size = (round(picture.width * scale), round(picture.height * scale))
    picture.resize(size, Image.Resampling.LANCZOS).save(to, "JPEG", quality=quality)


def inspect(path: str, home: str) -> dict[str, Any]:
    """Which circle of the machine at `home` the photo is protected for, if for any."""
    root = Path(home)
    store = KeyStore(root / "data", root / "state")
    try:
        result = _engine().inspect(decode(Path(path).read_bytes()), store.keys())
    except ErmaskError as error:
        return {"code": error.code, "circle": None, "faces": 0}
    fitting = [match.label for match in result.matches if match.fits]
    circle = fitting[0] if fitting else None
    return {"code": None, "circle": circle, "faces": len(result.faces)}


def compare(path: str, other: str) -> dict[str, Any]:
    """How far two pictures are apart: mean absolute difference of all pixels, 0 to 255."""
    first, second = _pixels(path), _pixels(other)
    if first.shape != second.shape:
        size = (first.shape[1], first.shape[0])
        second = np.asarray(Image.fromarray(second).resize(size), np.uint8)
    apart = np.abs(first.astype(np.int16) - second)
    return {"mean": float(apart.mean()), "same": not apart.any()}


COMMANDS: dict[str, Callable[..., object]] = {
    command.__name__: command for command in (make, recompress, inspect, compare)
}


@cache
def _engine() -> Engine:
    models = Models(device="cpu", threads=1)
    return Engine(models, CenterFace(models.load_detector))


def _pixels(path: str) -> Pixels:
    return decode(Path(path).read_bytes()).rgb


def _portrait() -> Pixels:
    """Head and shoulders of Eileen Collins, by NASA, 320 pixels wide, the face about 90."""
    portrait: Pixels = np.asarray(skimage.data.astronaut())[:320, 60:380]
    return portrait


def _coffee() -> Pixels:
    cup: Pixels = np.asarray(skimage.data.coffee())[:320, 100:420]
    return cup


def main() -> None:
    """Answer until stdin ends."""
    # whatever a library prints must not get between the answers
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        command = COMMANDS[request.pop("do")]
        try:
            answer = {"value": command(**request)}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
