"""Circles with their keys, photos and a measure, for what is tested of the engine."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from ermask.circles import Circle
from ermask.codec import Photo
from ermask.keys import Key

Array = np.ndarray[Any, Any]


def circle_of(label: str) -> tuple[Circle, Key]:
    key = Key(hashlib.sha256(label.encode()).digest())
    return Circle(key.id, label, "2026-01-31T12:00:00Z", key.fingerprint), key


FAMILY = circle_of("Family")
WORK = circle_of("Work")
CLUB = circle_of("Club")


def as_photo(rgb: Array, **options: Any) -> Photo:
    kind = options.get("format", "PNG")
    alpha, grey = options.get("alpha"), options.get("grey", False)
    return Photo(rgb, alpha, grey, kind, 10**6, lossless=kind == "PNG")


def psnr(one: Array, other: Array) -> float:
    error = float(np.square(one.astype(float) - other).mean())
    return 10 * np.log10(255**2 / error) if error else np.inf
