"""The mark: found with the right key after what happens to photos, and with no other."""

from __future__ import annotations

import hashlib
import io
import math
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ermask import align, mark, mark_reading, render
from ermask.align import from_landmarks
from ermask.contract import CROP, DRAWS, RESIDUAL_GRID, STRENGTHS
from ermask.detect import CenterFace
from ermask.faces import Face
from ermask.keys import Key

Array = np.ndarray[Any, Any]

OTHERS = 2000


def key(number: int) -> Key:
    """The same key for the same number, so that no test depends on luck."""
    return Key(hashlib.sha256(b"test key %d" % number).digest())


RIGHT = key(-1)
DRAW = 3
MARKED = RIGHT.draws[DRAW]
"""What photos are protected under here."""


def protect(rgb: Array, landmarks: Array, of: Key = MARKED, strength: str = "mid") -> Array:
    """A photo with nothing but the mark on one face."""
    pattern = mark.residual(of, strength, mark.LOUDEST)
    change = render.Change(from_landmarks(landmarks), pattern)
    return render.apply(rgb, [change])


def readings(rgb: Array, *landmarks: Array) -> Array:
    crops = [align.crop(rgb, from_landmarks(marks)) for marks in landmarks]
    return mark_reading.read(align.to_tensor(crops))


@pytest.fixture(scope="module")
def protected(astronaut: Array, astronaut_landmarks: Array) -> Array:
    return protect(astronaut, astronaut_landmarks)


def jpeg(rgb: Array, quality: int) -> Array:
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def half(rgb: Array) -> Array:
    size = (rgb.shape[1] // 2, rgb.shape[0] // 2)
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


# --- the right key ---------------------------------------------------------------------------


@pytest.mark.parametrize("strength", list(STRENGTHS))
def test_the_right_key_fits_and_names_its_preset_and_draw(
    astronaut: Array, astronaut_landmarks: Array, strength: str
) -> None:
    photo = protect(astronaut, astronaut_landmarks, strength=strength)
    found = readings(photo, astronaut_landmarks)
    score, preset, draw = mark.score(found, RIGHT.draws)
    assert score > 2 * mark.threshold(found)
    assert (preset, draw) == (strength, DRAW)


def test_the_unmarked_photo_fits_nobody(astronaut: Array, astronaut_landmarks: Array) -> None:
    found = readings(astronaut, astronaut_landmarks)
    assert mark.score(found, RIGHT.draws)[0] < mark.threshold(found)


def test_a_photo_may_carry_two_marks(protected: Array, astronaut_landmarks: Array) -> None:
    found = readings(protect(protected, astronaut_landmarks, key(7).draws[0]), astronaut_landmarks)
    for each in (RIGHT, key(7)):
        assert mark.score(found, each.draws)[0] > mark.threshold(found)


def test_taking_it_off_removes_it(protected: Array, astronaut_landmarks: Array) -> None:
    pattern = mark.residual(MARKED, "mid", mark.LOUDEST)
    off = render.Change(from_landmarks(astronaut_landmarks), -pattern)
    found = readings(render.apply(protected, [off]), astronaut_landmarks)
    assert mark.score(found, RIGHT.draws)[0] < mark.threshold(found)


@pytest.mark.parametrize("shift", [(2, 0), (0, -2), (1, 1), (-2, 2)])
def test_a_crop_that_is_a_little_off_is_read(
    protected: Array, astronaut_landmarks: Array, shift: tuple[int, int]
) -> None:
    scale = from_landmarks(astronaut_landmarks).scale
    found = readings(protected, astronaut_landmarks + np.array(shift) / scale)
    assert mark.score(found, RIGHT.draws)[0] > mark.threshold(found)


def test_two_faces_say_more_than_one(astronaut: Array, astronaut_landmarks: Array) -> None:
    worn = [
        jpeg(protect(picture, astronaut_landmarks), 40)
        for picture in (astronaut, astronaut[:, ::-1].copy())
    ]
    crops = [align.crop(photo, from_landmarks(astronaut_landmarks)) for photo in worn]
    found = mark_reading.read(align.to_tensor(crops))
    scores = found @ mark.signs(MARKED, "mid").ravel()
    assert scores[-1] > scores[:-1].max()


# --- what happens to photos ------------------------------------------------------------------


@pytest.mark.parametrize(
    "wear",
    [
        pytest.param(lambda rgb: jpeg(rgb, 75), id="JPEG 75"),
        pytest.param(half, id="half size"),
        pytest.param(lambda rgb: jpeg(jpeg(rgb, 85), 75), id="JPEG twice"),
        pytest.param(
            lambda rgb: np.asarray(Image.fromarray(rgb).convert("L").convert("RGB")),
            id="grey",
            marks=pytest.mark.xfail(reason="the mark is in the colours alone", strict=True),
        ),
    ],
)
def test_the_mark_outlives_a_posted_copy(detector: CenterFace, astronaut: Array, wear: Any) -> None:
    """With the landmarks of the original for protecting, and those of the copy for reading."""
    photo = protect(astronaut, only_face(detector, astronaut).landmarks)
    copy = wear(photo)
    found = readings(copy, only_face(detector, copy).landmarks)
    score, preset, draw = mark.score(found, RIGHT.draws)
    assert score > mark.threshold(found)
    assert (preset, draw) == ("mid", DRAW)


def only_face(detector: CenterFace, rgb: Array) -> Face:
    [face] = detector.find(rgb)
    return face


# --- other keys ------------------------------------------------------------------------------


def test_scores_of_other_keys_are_as_the_bound_says(
    protected: Array, astronaut_landmarks: Array
) -> None:
    """A score is a weighted sum of fair coin flips: mean 0, variance 1, Hoeffding's tails."""
    found = readings(jpeg(protected, 90), astronaut_landmarks)
    keys = [key(number) for number in range(OTHERS)]
    signs = np.stack([mark.signs(each, "mid").ravel() for each in keys])
    scores = signs @ found.T
    # each within four standard errors, for every reading
    assert np.abs(scores.mean(0)).max() < 4 / math.sqrt(OTHERS)
    assert np.abs(scores.var(0) - 1).max() < 4 * math.sqrt(2 / OTHERS)
    for level in (1.0, 2.0, 3.0):
        assert (scores >= level).mean(0).max() <= math.exp(-(level**2) / 2)
    best = max(mark.score(found, each.draws)[0] for each in keys[: OTHERS // 10])
    assert best < mark.threshold(found)


def test_one_bit_of_the_key_makes_another_mark(
    protected: Array, astronaut_landmarks: Array
) -> None:
    secret = bytearray(hashlib.sha256(b"test key -1").digest())
    secret[17] ^= 4
    found = readings(protected, astronaut_landmarks)
    assert mark.score(found, Key(bytes(secret)).draws)[0] < mark.threshold(found)


def test_the_chance_of_a_score_falls_from_all_to_what_proves() -> None:
    needed = 6.3
    assert mark.chance(needed, needed) == pytest.approx(mark.FALSE_ACCEPT)
    assert mark.chance(0.0, needed) == mark.chance(3.0, needed) == 1.0
    falling = [mark.chance(score, needed) for score in (4.1, 4.5, 5.0, 6.0, 8.0, 40.0)]
    assert falling == sorted(falling, reverse=True)
    assert 0.01 < mark.chance(5.0, needed) < 0.02


def test_the_threshold_keeps_the_promised_rate() -> None:
    found = np.zeros((10, 2 * mark.CELLS**2), np.float32)
    tries = 10 * len(STRENGTHS) * DRAWS
    assert tries * math.exp(-(mark.threshold(found) ** 2) / 2) == pytest.approx(mark.FALSE_ACCEPT)
    assert mark.threshold(np.zeros((500, 1), np.float32)) > mark.threshold(found)


# --- readings and signs ----------------------------------------------------------------------


def test_a_reading_per_misalignment_and_one_of_all(
    protected: Array, astronaut_landmarks: Array
) -> None:
    found = readings(protected, astronaut_landmarks, astronaut_landmarks + 3)
    tried = len(mark_reading.SHIFTS) ** 2 * len(mark_reading.SCALES) * len(mark_reading.TURNS)
    assert found.shape == (2 * tried + 1, 2 * mark.CELLS**2)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)


def test_reading_does_not_look_at_the_rim(protected: Array, astronaut_landmarks: Array) -> None:
    """Outside the mask there is no mark, only background that would drown it."""
    [crop] = align.crops(protected, [from_landmarks(astronaut_landmarks)])
    other = crop.copy()
    other[:, :8] = other[:, :, :8] = 0.5
    one, two = (mark.score(mark_reading.read(each[None]), RIGHT.draws)[0] for each in (crop, other))
    assert one == pytest.approx(two, rel=0.05)


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_a_crop_without_anything_in_it(level: float) -> None:
    found = mark_reading.read(np.full((1, 3, CROP, CROP), level, np.float32))
    assert np.isfinite(found).all()
    assert mark.score(found, RIGHT.draws)[0] < mark.threshold(found)


def test_signs_are_fair_and_each_key_s_and_preset_s_own() -> None:
    drawn = np.stack([mark.signs(key(n), name) for n in range(20) for name in STRENGTHS])
    assert set(np.unique(drawn)) == {-1, 1}
    flat = drawn.reshape(len(drawn), -1)
    correlations = flat @ flat.T / flat.shape[1] - np.eye(len(flat))
    assert np.abs(correlations).max() < 0.12  # six standard deviations
    assert np.array_equal(mark.signs(key(3), "low"), mark.signs(key(3), "low"))


def test_the_residual_is_faint_and_as_loud_as_it_says() -> None:
    rgb = mark.residual(MARKED, "mid", mark.LOUDEST)
    assert rgb.shape == (3, RESIDUAL_GRID, RESIDUAL_GRID)
    assert rgb.dtype == np.float32
    assert np.abs(rgb).max() < 4 / 255
    light, *colours = np.einsum("ij,jhw->ihw", mark.TO_YCC, rgb)
    np.testing.assert_allclose(light, 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(colours), mark.LOUDEST, rtol=1e-4)
    # the signs, cell by cell
    side = RESIDUAL_GRID // mark.CELLS
    cells = np.stack(colours)[:, side // 2 :: side, side // 2 :: side]
    assert np.array_equal(np.sign(cells), mark.signs(MARKED, "mid"))


# --- how loud it is --------------------------------------------------------------------------


def test_the_larger_a_face_the_fainter_its_mark() -> None:
    assert mark.amplitude(24) == mark.amplitude(mark.SMALL) == mark.LOUDEST
    falling = [mark.amplitude(width) for width in (100, 150, 250, 400)]
    assert falling == sorted(falling, reverse=True)
    assert falling[-1] == pytest.approx(mark.LOUDEST / 2)
    assert mark.amplitude(5000) == mark.FAINTEST


@pytest.mark.parametrize("amplitude", [0.0, mark.FAINTEST, 0.006])
def test_how_loud_it_is_can_be_heard(
    astronaut: Array, astronaut_landmarks: Array, amplitude: float
) -> None:
    place = from_landmarks(astronaut_landmarks)
    change = render.Change(place, mark.residual(MARKED, "mid", amplitude))
    [crop] = align.crops(render.apply(astronaut, [change]), [place])
    heard = mark_reading.loudness(crop, MARKED, "mid").mean()
    assert heard == pytest.approx(amplitude, abs=0.15 * mark.LOUDEST)
    assert mark_reading.loudness(crop, key(5).draws[0], "mid").mean() < 0.15 * mark.LOUDEST


def test_where_it_is_loud_can_be_heard(astronaut: Array, astronaut_landmarks: Array) -> None:
    """Compression takes it from some cells and leaves it to others."""
    put_on = np.zeros((mark.CELLS, mark.CELLS), np.float32)
    left, right = np.s_[8:20, 6:13], np.s_[8:20, 15:22]
    put_on[:, : mark.CELLS // 2] = mark.LOUDEST
    place = from_landmarks(astronaut_landmarks)
    change = render.Change(place, mark.residual(MARKED, "mid", put_on))
    [crop] = align.crops(render.apply(astronaut, [change]), [place])
    heard = mark_reading.loudness(crop, MARKED, "mid")
    assert heard[left].mean() > 2 * heard[right].mean()


def test_a_copy_has_less_of_it(protected: Array, astronaut_landmarks: Array) -> None:
    heard = []
    for photo, landmarks in (
        (protected, astronaut_landmarks),
        (jpeg(half(protected), 60), astronaut_landmarks / 2),
    ):
        [crop] = align.crops(photo, [from_landmarks(landmarks)])
        heard.append(mark_reading.loudness(crop, MARKED, "mid").mean())
    assert heard[1] < 0.8 * heard[0]


def test_shades_and_colours_that_belong_together_are_not_the_mark() -> None:
    """Skin gets redder where it gets darker, over and over: the matched filter hears past it."""
    rng = np.random.default_rng(3)
    cells = rng.normal(0, 0.03, (1, mark.CELLS, mark.CELLS))
    grey = np.asarray(cells.repeat(mark.SIDE, 1).repeat(mark.SIDE, 2))
    ycc = np.concatenate([grey, -0.3 * grey, 0.4 * grey])
    skin = np.einsum("ij,jhw->ihw", mark.TO_RGB, ycc).astype(np.float32) + 0.5
    side = CROP // RESIDUAL_GRID
    pattern = mark.residual(MARKED, "mid", mark.FAINTEST).repeat(side, 1).repeat(side, 2)
    found = mark_reading.read((skin + pattern * align.soft_mask())[None].astype(np.float32))
    assert mark.score(found, RIGHT.draws)[0] > 2 * mark.threshold(found)
