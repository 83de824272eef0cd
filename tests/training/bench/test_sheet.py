"""Pictures to look at: what is where in them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from ermask_training.sheet import SIDE, WINDOW, full_size, sheet

SECRET = bytes(range(32))


@pytest.fixture
def portrait(tmp_path, astronaut):
    path = tmp_path / "portrait.png"
    Image.fromarray(astronaut).save(path)
    return path


def test_a_row_shows_a_photo_six_times(engine, portrait):
    made = np.asarray(sheet(engine, [portrait], SECRET))
    assert made.shape == (SIDE, 6 * SIDE, 3)
    original, low, mid, high, right, wrong = (
        part.astype(int) for part in np.split(made, 6, axis=1)
    )
    changed = [np.abs(each - original).mean() for each in (low, mid, high)]
    assert 0 < changed[0] < changed[1] < changed[2]
    assert np.abs(right - original).mean() < np.abs(wrong - original).mean()


def test_at_full_size_no_pixel_is_resampled(engine, portrait, astronaut):
    made = np.asarray(full_size(engine, [portrait], SECRET))
    assert made.shape == (WINDOW, 4 * WINDOW, 3), "two photos a row"
    original, protected = made[:, :WINDOW], made[:, WINDOW : 2 * WINDOW]
    rows, columns = np.nonzero((original != protected).any(2))
    top, left = next(
        (top, left)
        for top in range(512 - WINDOW + 1)
        for left in range(512 - WINDOW + 1)
        if np.array_equal(astronaut[top : top + WINDOW, left : left + WINDOW], original)
    )
    [face] = engine.find(astronaut)
    across, down = (face.box[0] + face.box[2]) / 2, (face.box[1] + face.box[3]) / 2
    assert abs(columns.mean() + left - across) < 40
    assert abs(rows.mean() + top - down) < 40
    assert not made[:, 2 * WINDOW :].any(), "no second photo"


def test_a_photo_smaller_than_its_window_stays_as_large_as_it_is(engine, tmp_path, astronaut):
    path = tmp_path / "small.png"
    Image.fromarray(astronaut[:300, 100:390]).save(path)
    made = np.asarray(full_size(engine, [path, path], SECRET))
    assert made.shape == (WINDOW, 4 * WINDOW, 3)
    assert np.array_equal(made[:300, :290], astronaut[:300, 100:390])
    assert not made[300:].any()
