"""Where to look for faces, and where to look for them again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from ermask import search
from ermask.align import TEMPLATE
from ermask.detect import CenterFace
from ermask.faces import Face, suppress

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    "size", [(1, 1), (640, 480), (1100, 1100), (1900, 100), (4000, 3000), (3000, 4000), (9000, 700)]
)
def test_the_windows_leave_nothing_out(size: tuple[int, int]) -> None:
    """Every square of OVERLAP (at the fine scale) lies whole in one window of sufficient scale."""
    width, height = size
    windows = list(search._windows(width, height))
    for left, top, right, bottom in (window.box for window in windows):
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
    fine = [w.box for w in windows if w.scale * 1.25 >= min(1.0, search.FINE_SCALE)]
    side = min(search.OVERLAP / search.FINE_SCALE, width, height)
    for x in np.linspace(0, width - side, 40):
        for y in np.linspace(0, height - side, 40):
            assert any(
                box[0] <= x + 1e-6
                and box[1] <= y + 1e-6
                and x + side <= box[2] + 1e-6
                and y + side <= box[3] + 1e-6
                for box in fine
            ), (x, y)


def test_of_overlapping_boxes_the_best_stays() -> None:
    def face(box: tuple[float, float, float, float], score: float) -> Face:
        return Face(box, score, TEMPLATE)

    whole = face((0, 0, 100, 120), 0.8)
    shifted = face((20, 10, 120, 130), 0.7)
    part = face((10, 10, 50, 60), 0.6)
    neighbour = face((90, 0, 190, 120), 0.9)
    kept = suppress([part, shifted, whole, neighbour])
    assert kept == [neighbour, whole]


# --- a second look ---------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.4, 1.0, 5.0])
def test_faces_are_found_again_where_a_search_finds_them(
    detector: CenterFace, astronaut: Array, factor: float
) -> None:
    """By a coarse pass, a fine one, or the only one there is; here in a copy that has moved."""
    head = Image.fromarray(astronaut[20:260, 110:350])
    side = round(240 * factor)
    shift = np.array([5, 3]) * factor
    photos = []
    for left, top in ((0, 0), shift.round().astype(int)):
        photo = Image.new("RGB", (1600, 1400), (118, 118, 118))
        photo.paste(head.resize((side, side), Image.Resampling.LANCZOS), (int(left), int(top)))
        photos.append(np.asarray(photo))
    [before] = detector.find(photos[0])
    [searched] = detector.find(photos[1])
    [found] = detector.find_again(photos[1], [before])
    assert np.abs(found.landmarks - searched.landmarks).max() < 0.02 * before.width
    assert np.abs(found.landmarks - before.landmarks - shift).max() < 0.04 * before.width
    assert found.width == pytest.approx(searched.width, rel=0.1)
    assert found.scale * found.width < 1.1 * search.AGAIN_FACE


def test_every_face_of_a_group_finds_itself_again(detector: CenterFace, astronaut: Array) -> None:
    head = astronaut[20:260, 110:350]
    group = np.ascontiguousarray(np.hstack([head, head[:, ::-1], head]))
    faces = detector.find(group)
    assert len(faces) == 3
    for face, again in zip(faces, detector.find_again(group, faces), strict=True):
        assert face.away(again) < 0.1 * face.width


def test_what_is_not_seen_again_stays() -> None:
    face = Face((100.0, 100.0, 140.0, 150.0), 0.9, TEMPLATE / 5 + 100)
    far = Face((71.0, 60.0, 111.0, 110.0), 0.9, TEMPLATE / 5)

    def none(part: Array) -> list[Face]:
        return []

    def another(part: Array) -> list[Face]:
        return [far]

    rgb = np.zeros((400, 400, 3), np.uint8)
    for look in (none, another):
        [found] = search.search_again(rgb, [face], look, none)
        assert found is face


def test_of_several_the_nearest_is_the_same_face() -> None:
    face = Face((100.0, 100.0, 140.0, 150.0), 0.9, TEMPLATE / 5 + 100)
    near, nearer = (
        # in pixels of the part that is looked at, which begins at (40, 40)
        Face((60.0 + off, 60.0, 100.0 + off, 110.0), 0.7, TEMPLATE / 5 + 60 + off)
        for off in (6.0, 2.0)
    )
    rgb = np.zeros((400, 400, 3), np.uint8)
    [found] = search.search_again(rgb, [face], lambda part: [near, nearer], lambda part: [])
    assert found.box == pytest.approx((102, 100, 142, 150))
