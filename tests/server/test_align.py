"""Similarities, crops and the mask, against references written without Pillow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from ermask import align
from ermask.align import TEMPLATE, Similarity, crop, from_landmarks, soft_mask, to_tensor
from ermask.contract import CROP

Array = np.ndarray[Any, Any]


def similarity(angle: float, scale: float, to: tuple[float, float]) -> Similarity:
    """Photo -> crop: turned by `angle` degrees, scaled, and `to` moved to the crop's centre."""
    turn = np.deg2rad(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Similarity(np.column_stack([linear, CROP / 2 - linear @ np.array(to)]))


# --- similarities ----------------------------------------------------------------------------


@pytest.mark.parametrize("angle", [0, 17, 90, -135, 180])
@pytest.mark.parametrize("scale", [0.05, 1, 7.5])
def test_a_known_transform_is_found_again(angle: float, scale: float) -> None:
    known = similarity(angle, scale, (310.5, -42.25))
    found = from_landmarks(known.inverse().apply(TEMPLATE))
    np.testing.assert_allclose(found.matrix, known.matrix, atol=1e-9 * max(1, scale) * 1000)
    assert found.scale == pytest.approx(scale)


def test_the_fit_is_the_least_squares_one() -> None:
    rng = np.random.default_rng(1)
    marks = similarity(25, 1.7, (200, 150)).inverse().apply(TEMPLATE) + rng.normal(0, 4, (5, 2))
    # the same fit as a linear system in (a, b, x, y), solved by a general solver
    rows, right = [], []
    for (x, y), (u, v) in zip(marks, TEMPLATE, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        right += [u, v]
    a, b, x, y = np.linalg.lstsq(np.array(rows), np.array(right), rcond=None)[0]
    np.testing.assert_allclose(from_landmarks(marks).matrix, [[a, -b, x], [b, a, y]], atol=1e-8)


def test_a_mirrored_face_is_not_mirrored_back() -> None:
    mirrored = TEMPLATE * [-1, 1] + [CROP, 0]
    assert np.linalg.det(from_landmarks(mirrored).matrix[:, :2]) > 0


def test_the_inverse_undoes_it() -> None:
    there = similarity(33, 0.4, (500, 700))
    points = np.random.default_rng(2).uniform(-1000, 1000, (4, 3, 2))
    np.testing.assert_allclose(there.inverse().apply(there.apply(points)), points, atol=1e-9)
    assert there.inverse().scale == pytest.approx(1 / there.scale)


@pytest.mark.parametrize(
    "landmarks", [np.full((5, 2), 3.0), np.full((5, 2), np.nan), np.full((5, 2), np.inf)]
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_landmarks_without_extent_are_refused(landmarks: Array) -> None:
    with pytest.raises(ValueError, match="coincide"):
        from_landmarks(landmarks)


def test_the_template_is_the_standard_one_with_more_around_it() -> None:
    # as published with ArcFace: 112 units, eyes at 38.2946, 51.6963 and 73.5318, 51.5014
    np.testing.assert_allclose(align.TEMPLATE_112[:2], [[38.2946, 51.6963], [73.5318, 51.5014]])
    np.testing.assert_allclose(align.TEMPLATE_SCALE * 160, CROP)
    # the middle of the 112-unit crop is the middle of ours
    np.testing.assert_allclose((TEMPLATE - CROP / 2) / 1.4 + 56, align.TEMPLATE_112)
    assert (TEMPLATE > 0).all()
    assert (TEMPLATE < CROP).all()


# --- crops -----------------------------------------------------------------------------------


def bicubic(rgb: Array, x: float, y: float) -> Array:
    """The photo at one point, bicubic with a = -1 as in Pillow: float64 (3,)."""
    left, top = int(np.floor(x - 0.5)), int(np.floor(y - 0.5))
    across = [cubic(x - 0.5 - left - k) for k in (-1, 0, 1, 2)]
    down = [cubic(y - 0.5 - top - k) for k in (-1, 0, 1, 2)]
    part = rgb[top - 1 : top + 3, left - 1 : left + 3].astype(float)
    value: Array = np.einsum("i,j,ijc->c", down, across, part)
    return value.clip(0, 255)


def cubic(t: float) -> float:
    t = abs(t)
    if t < 1:
        return t**3 - 2 * t**2 + 1
    return -(t**3) + 5 * t**2 - 8 * t + 4 if t < 2 else 0.0


def texture(height: int, width: int) -> Array:
    """uint8 (height, width, 3): noise that is smooth over a few pixels."""
    coarse = np.random.default_rng(3).integers(0, 256, (height // 4, width // 4, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


@pytest.mark.parametrize("angle", [0, 30, -100])
@pytest.mark.parametrize(("scale", "size"), [(0.6, CROP), (1.0, CROP), (3.3, 56)])
def test_crop_is_bicubic_resampling_at_pixel_centres(angle: float, scale: float, size: int) -> None:
    rgb = texture(300, 320)
    known = similarity(angle, scale, (160.3, 148.8))
    seen = crop(rgb, known, size)
    compared = 0
    for row, column in np.random.default_rng(4).integers(0, size, (300, 2)):
        x, y = known.inverse().apply((np.array([column, row]) + 0.5) * (CROP / size))
        if 2 <= x <= 318 and 2 <= y <= 298:
            compared += 1
            # Pillow cuts off fractions
            assert np.abs(seen[row, column] - (bicubic(rgb, x, y) - 0.5)).max() <= 0.6
    assert compared > 150


def test_the_identity_crop_is_the_photo() -> None:
    rgb = texture(CROP, CROP)
    assert np.array_equal(crop(rgb, Similarity(np.eye(2, 3))), rgb)


def test_a_large_face_is_averaged_not_sampled() -> None:
    """One-pixel stripes, seen at a twelfth of their size, are grey and not stripes."""
    rgb = np.zeros((2800, 2800, 3), np.uint8)
    rgb[:, ::2] = 255
    seen = crop(rgb, similarity(0, 1 / 12, (1400, 1400)))
    assert np.abs(seen.astype(int) - 127).max() <= 3
    slanted = crop(rgb, similarity(20, 1 / 12, (1400, 1400)))[30:-30, 30:-30]
    assert np.abs(slanted.astype(int) - 127).max() <= 3


def test_averaging_does_not_move_the_picture() -> None:
    """A bright disc of a large photo lies where the similarity says, to a tenth of a pixel."""
    y, x = np.mgrid[:1500, :1600] + 0.5
    disc = (255 * (np.hypot(x - 803.7, y - 611.2) < 150)).astype(np.uint8)
    rgb = np.repeat(disc[..., None], 3, 2)
    for angle, scale in ((0, 0.15), (40, 0.21), (0, 0.5)):
        known = similarity(angle, scale, (790, 640))
        seen = crop(rgb, known)[..., 0].astype(float)
        v, u = np.mgrid[:CROP, :CROP] + 0.5
        centre = [(u * seen).sum() / seen.sum(), (v * seen).sum() / seen.sum()]
        np.testing.assert_allclose(centre, known.apply(np.array([803.7, 611.2])), atol=0.1)


def test_beyond_the_photo_is_black() -> None:
    rgb = np.full((100, 100, 3), 255, np.uint8)
    seen = crop(rgb, similarity(0, 1, (0, 50)))  # the photo's left edge runs down the middle
    assert (seen[:, : CROP // 2 - 2] == 0).all()
    assert (seen[80:140, CROP // 2 + 2 : CROP // 2 + 90] == 255).all()
    assert (crop(rgb, similarity(0, 1, (5000, 50))) == 0).all()
    assert (crop(rgb, similarity(0, 0.01, (-50_000, 50))) == 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (3, 2)])
def test_any_photo_gives_a_crop(shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 200, np.uint8)
    for scale in (0.02, 1, 50):
        assert crop(rgb, similarity(10, scale, (0.5, 0.5))).shape == (CROP, CROP, 3)


def test_tensor_layout() -> None:
    one = np.zeros((CROP, CROP, 3), np.uint8)
    one[5, 9] = (255, 0, 51)
    tensor = to_tensor([one, one])
    assert (tensor.shape, tensor.dtype) == ((2, 3, CROP, CROP), np.dtype(np.float32))
    np.testing.assert_allclose(tensor[1, :, 5, 9], [1, 0, 0.2], rtol=1e-6)
    assert tensor.flags.c_contiguous


# --- other places ----------------------------------------------------------------------------


def test_one_map_then_another() -> None:
    one, other = similarity(33, 1.7, (40, -8)), similarity(-70, 0.4, (3, 90))
    points = np.array([[0, 0], [10, 3], [-5, 120]], np.float64)
    np.testing.assert_allclose(one.then(other).apply(points), other.apply(one.apply(points)))
    np.testing.assert_allclose(one.then(one.inverse()).matrix, np.eye(2, 3), atol=1e-12)


def test_a_crop_moves_about_its_middle() -> None:
    middle = CROP / 2
    place = align.moved(3, -5, 1.5, np.pi / 2)
    spots = np.array([[middle, middle], [middle + 10, middle]])
    moved = [[middle + 3, middle - 5], [middle + 3, middle - 5 + 15]]
    np.testing.assert_allclose(place.apply(spots), moved)
    assert place.scale == pytest.approx(1.5)


# --- the mask --------------------------------------------------------------------------------


def test_the_mask_covers_the_face_and_ends_before_the_crop_does() -> None:
    mask = soft_mask()
    assert (mask.shape, mask.dtype) == ((CROP, CROP), np.dtype(np.float32))
    assert (mask.min(), mask.max()) == (0, 1)
    edge = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
    assert not edge.any()
    columns, rows = TEMPLATE.round().astype(int).T
    assert (mask[rows, columns] == 1).all()


def test_the_mask_falls_gently_and_outwards_only() -> None:
    mask = soft_mask()
    np.testing.assert_array_equal(mask, mask[:, ::-1])
    row = mask[126]
    assert (np.diff(row[:112]) >= 0).all()
    # no step that an eye could see: at most a tenth from one pixel to the next
    assert max(np.abs(np.diff(mask, axis=axis)).max() for axis in (0, 1)) < 0.1


def test_the_mask_cannot_be_changed_by_accident() -> None:
    with pytest.raises(ValueError, match="read-only"):
        soft_mask()[0, 0] = 1
