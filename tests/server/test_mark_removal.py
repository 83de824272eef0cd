"""Taking a mark off real pixels."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from ermask import align, mark, mark_reading, render
from ermask.align import Similarity, from_landmarks, moved
from ermask.keys import Key
from ermask.mark_removal import QUIET, unmarked

Array = np.ndarray[Any, Any]

DRAW = Key(hashlib.sha256(b"test of removal").digest()).draws[2]


@pytest.fixture(scope="module")
def place(astronaut_landmarks: Array) -> Similarity:
    return from_landmarks(astronaut_landmarks)


def marked(rgb: Array, place: Similarity) -> Array:
    return render.apply(rgb, [render.Change(place, mark.residual(DRAW, "mid", mark.LOUDEST))])


def score(rgb: Array, place: Similarity) -> float:
    return mark.score(mark_reading.read(align.crops(rgb, [place])), [DRAW])[0]


@pytest.mark.parametrize("off", [(0.0, 0.0, 1.0, 0.0), (0.8, -0.6, 1.005, 0.005)])
def test_it_cannot_be_read_any_more_even_where_its_place_was_known_about(
    astronaut: Array, place: Similarity, off: tuple[float, float, float, float]
) -> None:
    photo = marked(astronaut, place)
    assert score(photo, place) > 10
    bare = unmarked(photo, [place.then(moved(*off))], DRAW, "mid")
    assert score(bare, place) < 4
    [crop] = align.crops(bare, [place])
    assert mark_reading.loudness(crop, DRAW, "mid").mean() < 0.6 / 255


def test_the_photo_is_nearer_to_what_it_was(astronaut: Array, place: Similarity) -> None:
    photo = marked(astronaut, place)
    bare = unmarked(photo, [place], DRAW, "mid")
    before, after = (np.abs(each.astype(float) - astronaut).mean() for each in (photo, bare))
    assert after < 0.8 * before


def test_a_photo_that_has_none_stays_as_it_is(astronaut: Array, place: Similarity) -> None:
    keys = [Key(hashlib.sha256(bytes([number])).digest()) for number in range(20)]
    readings = mark_reading.read(align.crops(astronaut, [place]))
    quiet = [key for key in keys if mark.scores(readings, key, "mid").max() < QUIET]
    assert len(quiet) > 10
    for key in quiet[:3]:
        assert np.array_equal(unmarked(astronaut, [place], key, "mid"), astronaut)


def test_each_face_loses_what_it_has(astronaut: Array, place: Similarity) -> None:
    """Two faces in one photo, one of which has no mark."""
    photo = np.concatenate([marked(astronaut, place), astronaut], 1)
    turn, at = place.matrix[:, :2], place.matrix[:, 2]
    beside = Similarity(np.column_stack([turn, at - turn @ [astronaut.shape[1], 0]]))
    bare = unmarked(photo, [place, beside], DRAW, "mid")
    left, right = np.split(bare, 2, 1)
    assert score(left, place) < 5
    assert np.abs(right.astype(float) - astronaut).mean() < 0.05
