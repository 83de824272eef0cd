"""Where a face was protected, found by its mark on real pixels."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ermask import align, mark, registration, render
from ermask.align import TEMPLATE, Similarity, from_landmarks, moved
from ermask.keys import Key

Array = np.ndarray[Any, Any]

DRAW = Key(hashlib.sha256(b"test of registration").digest()).draws[5]
OTHER = Key(hashlib.sha256(b"another key").digest()).draws[5]

OFF = [(2.0, -1.5, 1.0, 0.0), (-1.0, 2.0, 1.02, -0.02), (0.5, 3.0, 0.98, 0.025), (0, 0, 1.0, 0)]
"""What landmarks are off: (dx, dy, scale, turn)."""


@pytest.fixture(scope="module")
def truth(astronaut_landmarks: Array) -> Similarity:
    return from_landmarks(astronaut_landmarks)


@pytest.fixture(scope="module")
def protected(astronaut: Array, truth: Similarity) -> Array:
    change = render.Change(truth, mark.residual(DRAW, "mid", mark.LOUDEST))
    return render.apply(astronaut, [change])


def jpeg(rgb: Array, quality: int) -> Array:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def apart(one: Similarity, other: Similarity) -> float:
    """Crop pixels between the same spots of the photo in two crops."""
    return float(np.abs(one.apply(other.inverse().apply(TEMPLATE)) - TEMPLATE).mean())


def placed(rgb: Array, start: Similarity, key: Key = DRAW, strength: str = "mid") -> Similarity:
    [crop] = align.crops(rgb, [start])
    return start.then(registration.place(crop, key, strength))


@pytest.mark.parametrize("off", OFF)
@pytest.mark.parametrize(("quality", "limit"), [(95, 0.35), (75, 0.6)])
def test_the_place_is_found_within_part_of_a_pixel(
    protected: Array,
    truth: Similarity,
    off: tuple[float, float, float, float],
    quality: int,
    limit: float,
) -> None:
    """Where landmarks are off by 1.5 pixels on average, if at all."""
    start = truth.then(moved(*off))
    assert apart(placed(jpeg(protected, quality), start), truth) < limit


@pytest.mark.parametrize("wrong", [{"key": OTHER}, {"strength": "high"}])
def test_without_the_mark_the_crop_stays_about_where_it_was(
    protected: Array, truth: Similarity, wrong: dict[str, Any]
) -> None:
    assert apart(placed(protected, truth, **wrong), truth) < 2 * registration.SPREAD


def test_a_flat_picture_says_nothing(truth: Similarity) -> None:
    flat = np.full((512, 512, 3), 128, np.uint8)
    assert apart(placed(flat, truth), truth) < 1e-6


def test_the_peak_of_a_parabola() -> None:
    def peak(at: float) -> float:
        return registration._peak(*(-3 * (x - at) ** 2 + 7 for x in (-1, 0, 1)))

    assert peak(0.3) == pytest.approx(0.3)
    assert peak(-0.8) == pytest.approx(-0.8)
    assert peak(4) == 1.5
    assert peak(-4) == -1.5
    assert registration._peak(2, 0, 3) == 1
    assert registration._peak(3, 0, 2) == -1
    assert registration._peak(1, 1, 1) == 0
