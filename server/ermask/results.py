"""What the engine tells of a photo."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ermask import codec, render

if TYPE_CHECKING:
    from ermask.codec import Photo


@dataclass(frozen=True)
class FaceReport:
    """What was done to one face, and where it is (left, top, right, bottom; photo pixels)."""

    box: tuple[float, float, float, float]
    score: float
    """The detector's confidence, 0 to 1."""
    width: float
    changed: bool
    reason: str | None = None
    """Why it was not changed: `too_small`."""


@dataclass(frozen=True)
class Match:
    """How well one key fits a photo."""

    circle_id: str
    label: str
    score: float
    """Standard deviations above chance (see `mark`)."""
    threshold: float
    fits: bool
    strength: str
    """The preset that the mark names; a guess unless `fits`."""
    draw: int
    """The draw of the key that the mark names; a guess unless `fits`."""


@dataclass(frozen=True)
class Result:
    """A photo and what is known about it."""

    photo: Photo
    faces: list[FaceReport]
    matches: list[Match]
    """How well each key fits what was given; after protecting, the key that was used and what was
    made."""
    changes: list[render.Change] = field(default_factory=list)
    """What protecting did to each face that it changed."""
    ms: dict[str, float] = field(default_factory=dict)
    """Milliseconds by stage."""
    file: bytes | None = None
    """What `codec.encode` makes of the photo, where it was written already."""

    def encoded(self) -> bytes:
        """The photo's file."""
        return codec.encode(self.photo) if self.file is None else self.file


class Stopwatch:
    """Milliseconds between laps, by name; laps of one name add up."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.ms[name] = round(self.ms.get(name, 0.0) + (now - self._last) * 1000, 2)
        self._last = now
