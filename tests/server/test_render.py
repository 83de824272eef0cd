"""What `render.apply` does to a photo, against formulas for the same thing."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ermask import render
from ermask.align import MASK_CENTRE, MASK_FEATHER, MASK_RADII, Similarity
from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask.render import Change

Array = np.ndarray[Any, Any]

POSES = [(0, 1.0), (0, 0.31), (31, 0.8), (-90, 1.7), (180, 0.55)]
"""Angle in degrees, crop pixels per photo pixel."""
REACH = 2**0.5 / min(MASK_RADII)
"""The diagonal of a crop pixel, in radii."""


def similarity(angle: float, scale: float, to: tuple[float, float]) -> Similarity:
    """Photo -> crop: turned by `angle` degrees, scaled, and `to` moved to the mask's centre."""
    turn = np.deg2rad(angle)
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return Similarity(np.column_stack([linear, np.array(MASK_CENTRE) - linear @ np.array(to)]))


def change(
    where: Similarity, residual: Any = 0.0, flow: tuple[float, float] = (0.0, 0.0)
) -> Change:
    """The same residual and flow all over the crop."""
    return Change(
        where,
        np.full((3, RESIDUAL_GRID, RESIDUAL_GRID), residual, np.float32),
        np.broadcast_to(
            np.array(flow, np.float32)[:, None, None], (2, FLOW_GRID, FLOW_GRID)
        ).copy(),
    )


def random_change(where: Similarity, seed: int = 0) -> Change:
    rng = np.random.default_rng(seed)
    return Change(
        where,
        rng.normal(0, 0.1, (3, RESIDUAL_GRID, RESIDUAL_GRID)).astype(np.float32),
        rng.normal(0, 2, (2, FLOW_GRID, FLOW_GRID)).astype(np.float32),
    )


def noise(height: int, width: int) -> Array:
    return np.random.default_rng(5).integers(0, 256, (height, width, 3), np.uint8)


def radius(where: Similarity, height: int, width: int) -> Array:
    """How far out of the mask's ellipse each pixel's centre is: 1 on the rim."""
    y, x = np.mgrid[:height, :width] + 0.5
    spots = where.apply(np.stack([x, y], -1))
    far: Array = np.hypot(*((spots - MASK_CENTRE) / MASK_RADII).transpose(2, 0, 1))
    return far


# --- what must stay --------------------------------------------------------------------------


@pytest.mark.parametrize(("angle", "scale"), [*POSES, (12, 0.07), (12, 30.0)])
@pytest.mark.parametrize("to", [(200.4, 160.7), (3, 310), (398, 2)])
def test_no_change_leaves_every_pixel(angle: float, scale: float, to: tuple[float, float]) -> None:
    rgb = noise(320, 400)
    assert np.array_equal(render.apply(rgb, [change(similarity(angle, scale, to))]), rgb)


@pytest.mark.parametrize(("angle", "scale"), POSES)
def test_pixels_outside_the_mask_are_the_photo_s_own(angle: float, scale: float) -> None:
    rgb = noise(320, 400)
    where = similarity(angle, scale, (190.2, 150.6))
    changed = (render.apply(rgb, [random_change(where)]) != rgb).any(2)
    far = radius(where, 320, 400)
    # The mask is interpolated between its pixels, which reaches over the rim by as much as one.
    assert not changed[far > 1 + REACH].any()
    assert changed[far < 0.9].mean() > 0.95


def test_the_photo_is_not_written_to(astronaut: Array, astronaut_landmarks: Array) -> None:
    before = astronaut.copy()
    result = render.apply(astronaut, [random_change(similarity(0, 1, (225, 120)))])
    assert np.array_equal(astronaut, before)
    assert result.flags.writeable
    assert not np.shares_memory(result, astronaut)


def test_no_faces_is_a_copy() -> None:
    rgb = noise(20, 30)
    result = render.apply(rgb, [])
    assert np.array_equal(result, rgb)
    assert result is not rgb


# --- flow ------------------------------------------------------------------------------------


def waves(x: Array, y: Array, scale: float) -> Array:
    """A smooth picture as a formula, at any point; finer where the face is smaller."""
    f = scale / 9
    return np.stack(
        [
            128 + 90 * np.sin(f * x + 0.3 * f * y),
            128 + 90 * np.cos(f * y - 0.2 * f * x),
            128 + 60 * np.sin(f * x) * np.cos(f * y),
        ],
        -1,
    )


def moved_error(scale: float, where: Similarity, field: Callable[[Array], Array]) -> float:
    """Largest difference from input(u + flow(u)) where the mask is 1, in levels.

    `field` is the flow as a formula: crop points (..., 2) -> crop pixels (..., 2).
    """
    height, width = 700, 740
    y, x = np.mgrid[:height, :width] + 0.5
    rgb = np.rint(waves(x, y, scale)).astype(np.uint8)
    cells = (np.arange(FLOW_GRID) + 0.5) * (CROP / FLOW_GRID)
    flow = field(np.stack(np.meshgrid(cells, cells), -1)).transpose(2, 0, 1).astype(np.float32)
    still = change(where)
    result = render.apply(rgb, [Change(where, still.residual, flow)])
    spots = where.apply(np.stack([x, y], -1))
    source = where.inverse().apply(spots + field(spots))
    expected = waves(source[..., 0], source[..., 1], scale)
    # 5 % inside the flat part: masks and flows are interpolated.
    inside = radius(where, height, width) < 1 - MASK_FEATHER - 0.05
    assert inside.sum() > 500
    return float(np.abs(result - expected)[inside].max())


@pytest.mark.parametrize(("angle", "scale"), POSES)
@pytest.mark.parametrize("flow", [(1.5, 0.0), (-0.7, 1.1)])
def test_flow_moves_the_content(angle: float, scale: float, flow: tuple[float, float]) -> None:
    where = similarity(angle, scale, (370.4, 350.8))
    assert moved_error(scale, where, lambda spots: np.broadcast_to(flow, spots.shape)) < 1.6
    # the measure does notice the wrong direction
    y, x = np.mgrid[:700, :740] + 0.5
    rgb = np.rint(waves(x, y, scale)).astype(np.uint8)
    there = render.apply(rgb, [change(where, flow=flow)]).astype(int)
    back = render.apply(rgb, [change(where, flow=(-flow[0], -flow[1]))])
    assert np.abs(there - back).max() > 15


@pytest.mark.parametrize(("angle", "scale"), POSES)
def test_flow_may_differ_from_place_to_place(angle: float, scale: float) -> None:
    def swirl(spots: Array) -> Array:
        x, y = (spots - CROP / 2).transpose(2, 0, 1) / 40
        return np.stack([np.sin(y), np.cos(x + 0.5 * y)], -1)

    where = similarity(angle, scale, (370.4, 350.8))
    assert moved_error(scale, where, swirl) < 2


def test_flow_does_not_change_the_brightness() -> None:
    """Rounding goes both ways: what is moved keeps its mean."""
    rgb = noise(300, 300)
    moved = render.apply(rgb, [change(similarity(8, 1, (150, 150)), flow=(0.5, 0.5))])
    assert abs(moved.mean() - rgb.mean()) < 0.05


# --- residual --------------------------------------------------------------------------------


@pytest.mark.parametrize(("angle", "scale"), POSES)
def test_the_residual_is_added_in_full_where_the_mask_is_one(angle: float, scale: float) -> None:
    rgb = noise(320, 400)
    where = similarity(angle, scale, (190.2, 150.6))
    residual = np.array([10.0, -7.0, 3.0])[:, None, None] / 255
    result = render.apply(rgb, [change(where, residual)])
    inside = radius(where, 320, 400) < 1 - MASK_FEATHER - 0.02
    expected = np.clip(rgb + np.array([10, -7, 3]), 0, 255)
    assert np.array_equal(result[inside], expected[inside])


def test_the_residual_fades_with_the_mask() -> None:
    rgb = np.full((320, 400, 3), 100, np.uint8)
    where = similarity(20, 0.8, (190.2, 150.6))
    added = render.apply(rgb, [change(where, 100 / 255)])[..., 0].astype(float) - 100
    ramp = np.clip((1 - radius(where, 320, 400)) / MASK_FEATHER, 0, 1)
    assert np.abs(added - 100 * (3 * ramp**2 - 2 * ramp**3)).max() < 1.5


@pytest.mark.parametrize(("angle", "scale"), POSES)
def test_the_residual_lands_where_the_crop_was_cut(angle: float, scale: float) -> None:
    rgb = np.full((700, 740, 3), 50, np.uint8)
    where = similarity(angle, scale, (370.4, 350.8))
    spike = change(where)
    spike.residual[:, 60:64, 40:44] = 0.5  # the middle is (42, 62) of 112
    added = render.apply(rgb, [spike])[..., 1] - 50.0
    y, x = np.mgrid[:700, :740] + 0.5
    centre = np.array([(x * added).sum(), (y * added).sum()]) / added.sum()
    expected = where.inverse().apply(np.array([42, 62]) * (CROP / RESIDUAL_GRID))
    np.testing.assert_allclose(centre, expected, atol=0.15 / min(scale, 1))


def test_black_and_white_do_not_wrap() -> None:
    where = similarity(0, 1, (150, 150))
    for level, residual in ((250, 40 / 255), (5, -40 / 255)):
        rgb = np.full((300, 300, 3), level, np.uint8)
        result = render.apply(rgb, [change(where, residual)])
        assert result[150, 150, 0] == (255 if residual > 0 else 0)
        assert np.abs(result.astype(int) - level).max() == 5


# --- several faces ---------------------------------------------------------------------------


def crowd() -> list[Similarity]:
    """Four faces, of which three overlap in one place."""
    return [
        similarity(0, 1.1, (150, 150)),
        similarity(15, 0.9, (220, 165)),
        similarity(-40, 1.3, (185, 215)),
        similarity(5, 1.2, (420, 150)),
    ]


def test_the_order_of_faces_does_not_matter() -> None:
    rgb = noise(320, 520)
    changes = [random_change(where, seed) for seed, where in enumerate(crowd())]
    first = render.apply(rgb, changes)
    for order in itertools.permutations(changes):
        assert np.array_equal(render.apply(rgb, list(order)), first)


def test_overlapping_changes_are_never_more_than_one() -> None:
    rgb = np.full((320, 520, 3), 100, np.uint8)
    result = render.apply(rgb, [change(where, 20 / 255) for where in crowd()])
    assert (result.min(), result.max()) == (100, 120)
    # two whole masks on top of each other share: all of one change, half of each
    far = [radius(where, 320, 520) for where in crowd()]
    inner = 1 - MASK_FEATHER - 0.05
    shared = (far[0] < inner) & (far[1] < inner) & (far[2] > 1.05)
    assert shared.sum() > 100
    assert (result[shared] == 120).all()
    opposed = [change(crowd()[0], 20 / 255), change(crowd()[1], -20 / 255)]
    assert (render.apply(rgb, opposed)[shared] == 100).all()


def test_the_same_face_twice_is_changed_once() -> None:
    rgb = np.full((300, 300, 3), 100, np.uint8)
    where = similarity(0, 1, (150, 150))
    once = render.apply(rgb, [change(where, 20 / 255)])
    twice = render.apply(rgb, [change(where, 20 / 255)] * 2)
    assert np.abs(once.astype(int) - twice).max() <= 1


def test_faces_apart_do_not_touch_each_other() -> None:
    rgb = noise(320, 520)
    one, other = (random_change(crowd()[index], index) for index in (0, 3))
    both = render.apply(rgb, [one, other])
    changed = (render.apply(rgb, [one]) != rgb).any(2)
    assert np.array_equal(both[changed], render.apply(rgb, [one])[changed])
    assert np.array_equal(both[~changed], render.apply(rgb, [other])[~changed])


# --- edges and sizes -------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.23, 1.0, 2.0])
@pytest.mark.parametrize("flow", [(3, 0), (-3, 0), (0, 3), (0, -3), (2.5, 2.5)])
def test_a_face_cut_by_the_edge_gets_no_dark_rim(scale: float, flow: tuple[float, float]) -> None:
    """Where the flow asks for pixels beyond the photo, those of the edge go on."""
    rgb = np.full((153, 149, 3), 200, np.uint8)
    for to in ((0, 80), (149, 80), (70, 0), (70, 153), (149, 153)):
        result = render.apply(rgb, [change(similarity(10, scale, to), flow=flow)])
        assert (result == 200).all()


def test_a_face_beyond_the_photo_changes_nothing() -> None:
    rgb = noise(100, 100)
    for to in ((-500, 50), (700, 50), (50, -500), (50, 700)):
        where = similarity(0, 1, to)
        assert np.array_equal(render.apply(rgb, [random_change(where)]), rgb)


@pytest.mark.parametrize("scale", [9.0, 40.0, 500.0])
def test_a_tiny_face_is_changed_within_its_few_pixels(scale: float) -> None:
    rgb = noise(60, 60)
    where = similarity(0, scale, (30.5, 30.5))
    changed = (render.apply(rgb, [change(where, 30 / 255)]) != rgb).any(2)
    assert changed[30, 30]
    assert not changed[radius(where, 60, 60) > 1 + REACH].any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (90, 1)])
def test_a_photo_of_one_pixel(shape: tuple[int, int]) -> None:
    rgb = np.full((*shape, 3), 100, np.uint8)
    result = render.apply(rgb, [change(similarity(0, 1, (0.5, 0.5)), 20 / 255, (2.0, 2.0))])
    assert result[0, 0, 0] == 120


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_memory_for_a_12_megapixel_portrait_is_bounded() -> None:
    """The face fills a fifth of the photo; the photo itself is 36 MB."""
    program = """
import re
from pathlib import Path
import numpy as np
from ermask import render
from ermask.align import MASK_CENTRE, Similarity
from ermask.render import Change

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+)", Path("/proc/self/status").read_text())[1]) / 1024

rgb = np.zeros((4000, 3000, 3), np.uint8)
rgb[:] = 90
matrix = np.column_stack([np.eye(2) * 0.1, np.array(MASK_CENTRE) - [150, 200]])
flow = np.full((2, 56, 56), 0.5, np.float32)
change = Change(Similarity(matrix), np.zeros((3, 112, 112), np.float32), flow)
before = peak()
render.apply(rgb, [change])
print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, timeout=120
    )
    # One copy of the photo, and for the face's pixels (2.9 million in its rectangle) five arrays
    # of three floats.
    assert 36 < float(done.stdout) < 36 + 5 * 36
