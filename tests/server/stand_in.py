"""Run one of the programs on a stand-in for the engine: `python stand_in.py MODULE PROGRAM ARGS`.

Everything else is real. The stand-in finds a face in every photo that is at least 32 pixels wide,
and a second, too small one in every photo that is 33 wide. It protects by inverting the pixels and
writing the key's id into the first eight; only lossless photos can be restored.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import ermask.engine
from ermask.circles import Circle
from ermask.codec import Photo
from ermask.engine import Engine
from ermask.errors import NoFaceFound, WrongKey
from ermask.keys import Key
from ermask.results import FaceReport, Match, Result
from ermask.sessions import Models

FAINT_WIDTH = 65
"""In a photo of this width no key can be read."""
BROKEN_WIDTH = 66
"""A photo of this width makes the engine fail in a way nobody foresaw."""


class StandIn(Engine):
    def __init__(self) -> None:
        self.models = Models(Path())

    def warm_up(self) -> None:
        """Nothing to load."""

    def protect(self, photo: Photo, circle: Circle, key: Key, strength: str = "mid") -> Result:
        faces = _faces(photo)
        _wait()
        rgb = 255 - photo.rgb
        rgb[0, :8] = np.frombuffer(bytes.fromhex(key.id), np.uint8)[:, None]
        readable = photo.rgb.shape[1] != FAINT_WIDTH
        match = Match(circle.id, circle.label, float(readable), 0.5, readable, strength, 0)
        return Result(photo=photo.with_rgb(rgb), faces=faces, matches=[match], ms={})

    def restore(
        self, photo: Photo, keys: Sequence[tuple[Circle, Key]], *, force: bool = False
    ) -> Result:
        found = self.inspect(photo, keys)
        if not force and not any(match.fits for match in found.matches):
            raise WrongKey("No key fits this photo.")
        return replace(found, photo=photo.with_rgb(255 - photo.rgb))

    def inspect(self, photo: Photo, keys: Sequence[tuple[Circle, Key]]) -> Result:
        mark = photo.rgb[0, :8, 0].tobytes().hex()
        matches = [
            Match(circle.id, circle.label, float(fits), 0.5, fits, "mid", 0)
            for circle, key in keys
            for fits in [key.id == mark]
        ]
        return Result(photo=photo, faces=_faces(photo), matches=matches, ms={})


def _faces(photo: Photo) -> list[FaceReport]:
    height, width = photo.rgb.shape[:2]
    if width < 32:
        raise NoFaceFound("No face was found.")
    if width == BROKEN_WIDTH:
        raise RuntimeError("nobody foresaw this")
    box = (0.0, 0.0, float(width), float(height))
    faces = [FaceReport(box=box, score=0.9, width=float(width), changed=True, reason=None)]
    if width == 33:
        faces.append(FaceReport(box=box, score=0.9, width=9.0, changed=False, reason="too_small"))
    return faces


def _wait() -> None:
    """Say that work has begun, and do not finish before the wait is over."""
    if begun := os.environ.get("STAND_IN_BEGUN"):
        Path(begun).touch()
        time.sleep(float(os.environ["STAND_IN_SECONDS"]))


def main() -> None:
    module, sys.argv = sys.argv[1], sys.argv[2:]
    if limit := os.environ.get("STAND_IN_FILE_LIMIT"):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    ermask.engine.open_engine = lambda settings: StandIn()
    importlib.import_module(f"ermask.{module}").main()


if __name__ == "__main__":
    main()
