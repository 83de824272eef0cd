"""The real detector on real photos, and on what is none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image

from ermask import search
from ermask.align import TEMPLATE
from ermask.detect import CenterFace

Array = np.ndarray[Any, Any]

HEAD = (110, 20, 350, 260)
"""The part of the astronaut with the head in it: left, top, right, bottom."""
WIDTH = 88
"""How wide the detector takes the astronaut's face to be."""


def resize(rgb: Array, factor: float) -> Array:
    size = (round(rgb.shape[1] * factor), round(rgb.shape[0] * factor))
    return np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.LANCZOS))


def paste_heads(
    rgb: Array, height: int, width: int, places: list[tuple[int, int, float]]
) -> tuple[Array, list[Array]]:
    """A canvas with a head at each (left, top, face width); and the offset and scale of each."""
    canvas = np.full((height, width, 3), 118, np.uint8)
    left, top, right, bottom = HEAD
    for x, y, wanted in places:
        head = resize(rgb[top:bottom, left:right], wanted / WIDTH)
        canvas[y : y + head.shape[0], x : x + head.shape[1]] = head
    return canvas, [np.array([x, y, wanted / WIDTH]) for x, y, wanted in places]


# --- one face --------------------------------------------------------------------------------


def test_the_astronaut_is_found(
    detector: CenterFace, astronaut: Array, astronaut_landmarks: Array
) -> None:
    [face] = detector.find(astronaut)
    assert face.score > 0.8
    assert np.abs(face.landmarks - astronaut_landmarks).max() < 5
    left, top, right, bottom = face.box
    assert left < astronaut_landmarks[:, 0].min() < astronaut_landmarks[:, 0].max() < right
    assert top < astronaut_landmarks[:, 1].min() < astronaut_landmarks[:, 1].max() < bottom
    assert face.width == right - left == pytest.approx(WIDTH, abs=8)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_turned_photo_gives_turned_landmarks(
    detector: CenterFace, astronaut: Array, astronaut_landmarks: Array, turns: int
) -> None:
    [face] = detector.find(np.ascontiguousarray(np.rot90(astronaut, turns)))
    x, y = astronaut_landmarks.T
    side = 512
    expected = {1: (y, side - x), 2: (side - x, side - y), 3: (side - y, x)}[turns]
    assert np.abs(face.landmarks - np.stack(expected, -1)).max() < 6


@pytest.mark.parametrize("factor", [0.5, 0.75, 2.0])
def test_a_resized_copy_leads_to_the_same_crop(
    detector: CenterFace, astronaut: Array, factor: float
) -> None:
    """Or else the eraser is misaligned. Measured in crop pixels, of 224."""
    [face] = detector.find(astronaut)
    [copy] = detector.find(resize(astronaut, factor))
    seen = face.similarity.apply(copy.landmarks / factor)
    there = face.similarity.apply(face.landmarks)
    assert np.abs(seen - there).max() < 5
    corners = np.array([[0, 0], [224, 0], [0, 224], [224, 224]], np.float64)
    onto = copy.similarity.inverse().apply(corners) / factor
    assert np.abs(face.similarity.apply(onto) - corners).mean() < 4


def test_landmarks_fit_the_template(detector: CenterFace, astronaut: Array) -> None:
    [face] = detector.find(astronaut)
    assert np.abs(face.similarity.apply(face.landmarks) - TEMPLATE).max() < 15


def test_a_face_at_the_edge_is_found(detector: CenterFace, astronaut: Array) -> None:
    """Cut through the hair; the box reaches beyond what is left."""
    [face] = detector.find(np.ascontiguousarray(astronaut[70:, 185:]))
    assert np.abs(face.landmarks.mean(0) - (np.array([224.4, 122.6]) - [185, 70])).max() < 6


# --- many faces ------------------------------------------------------------------------------


def test_all_of_a_group_are_found_from_32_pixels_on(
    detector: CenterFace, astronaut: Array, astronaut_landmarks: Array
) -> None:
    widths = [32, 36, 40, 48, 56, 64, 80, 96, 128, 192, 256, 340]
    places = [(20 + i % 4 * 1000, 20 + i // 4 * 1000, w) for i, w in enumerate(widths)]
    group, offsets = paste_heads(astronaut, 3000, 4000, places)  # type: ignore[arg-type]
    faces = detector.find(group)
    assert len(faces) == len(widths)
    for (left, top, scale), width in zip(offsets, widths, strict=True):
        marks = (astronaut_landmarks - HEAD[:2]) * scale + [left, top]
        face = min(faces, key=lambda f: float(np.abs(f.landmarks - marks).max()))
        # a fifteenth of the face: the detector's own error at its best is half of that
        assert np.abs(face.landmarks - marks).max() < width / 15 + 1
        assert face.width == pytest.approx(width, rel=0.3)


def test_a_large_face_across_tiles_is_one_face(detector: CenterFace, astronaut: Array) -> None:
    """Tiles of the fine pass cut it in four; their halves of a face must not count as faces."""
    side = round(search.TILE / search.FINE_SCALE)
    x = side - 3 * 240  # the seam runs through the face
    photo, _ = paste_heads(astronaut, 2600, 2800, [(x, x, 6 * WIDTH)])
    assert len(detector.find(photo)) == 1


def test_no_more_than_the_limit_and_the_best_of_them(
    detector: CenterFace, astronaut: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [(10 + i % 4 * 140, 10 + i // 4 * 140, 48.0) for i in range(8)]
    photo, _ = paste_heads(astronaut, 290, 570, places)
    every = detector.find(photo)
    assert len(every) == 8
    monkeypatch.setattr(search, "MAX_FACES", 3)
    best = detector.find(photo)
    assert sorted(face.score for face in best) == sorted(face.score for face in every)[-3:]


def test_the_order_is_from_left_to_right_and_always_the_same(
    detector: CenterFace, astronaut: Array
) -> None:
    photo, _ = paste_heads(astronaut, 500, 700, [(400, 10, 60), (30, 200, 80), (210, 5, 44)])
    first = detector.find(photo)
    assert [face.box[0] for face in first] == sorted(face.box[0] for face in first)
    assert len(first) == 3
    for one, two in zip(first, detector.find(photo), strict=True):
        assert (one.box, one.score) == (two.box, two.score)
        assert np.array_equal(one.landmarks, two.landmarks)


# --- no face ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["coffee", "rocket", "chelsea", "hubble_deep_field"])
def test_pictures_without_a_person(detector: CenterFace, name: str) -> None:
    data = pytest.importorskip("skimage.data")
    assert detector.find(np.ascontiguousarray(getattr(data, name)())) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (31, 33), (100, 100)])
@pytest.mark.parametrize("level", [0, 255])
def test_empty_pictures_of_any_shape(
    detector: CenterFace, shape: tuple[int, int], level: int
) -> None:
    assert detector.find(np.full((*shape, 3), level, np.uint8)) == []


def test_noise_is_no_face(detector: CenterFace) -> None:
    noise = np.random.default_rng(6).integers(0, 256, (700, 900, 3), np.uint8)
    assert detector.find(noise) == []


# --- what the network's outputs mean -------------------------------------------------------


class FakeSession:
    """CenterFace's outputs with one candidate."""

    contract = None
    providers = ("CPUExecutionProvider",)

    def __init__(self, landmarks: Array) -> None:
        self._landmarks = landmarks

    def run(self, feeds: dict[str, Array]) -> dict[str, Array]:
        _, _, height, width = feeds["input.1"].shape
        assert height % 32 == width % 32 == 0
        shape = (height // 4, width // 4)
        maps = {n: np.zeros((1, c, *shape), np.float32) for n, c in zip(
            ("537", "538", "539", "540"), (1, 2, 2, 10), strict=True)}  # fmt: skip
        maps["537"][0, 0, 10, 12] = 0.9
        maps["538"][0, :, 10, 12] = np.log([30 / 4, 20 / 4])
        maps["540"][0, :, 10, 12] = self._landmarks[:, ::-1].ravel()
        return maps

    def close(self) -> None: ...


def test_candidates_are_read_as_the_paper_says() -> None:
    marks = np.array([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])
    session = FakeSession(marks)
    [face] = CenterFace(lambda: session).find(np.zeros((200, 240, 3), np.uint8))  # type: ignore[arg-type, return-value]
    # the cell's centre is (12.5, 10.5) * 4; the face is 20 wide and 30 tall
    np.testing.assert_allclose(face.box, (40, 27, 60, 57), rtol=1e-5)
    assert face.score == pytest.approx(0.9)
    np.testing.assert_allclose(face.landmarks, marks * [20, 30] + [40, 27], rtol=1e-5)


def test_a_candidate_whose_landmarks_coincide_is_dropped() -> None:
    session = FakeSession(np.full((5, 2), 0.5))
    assert CenterFace(lambda: session).find(np.zeros((200, 240, 3), np.uint8)) == []  # type: ignore[arg-type, return-value]
