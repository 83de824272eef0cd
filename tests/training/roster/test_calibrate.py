"""Thresholds against a brute count; the roster keeps every comment."""

from __future__ import annotations

import tomllib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training import data, surrogates
from ermask_training.embeddings import embeddings
from ermask_training.metrics import genuine_accepts
from ermask_training.roster import document
from ermask_training.roster.calibrate import calibrate

from .conftest import HAND_WRITTEN

PEOPLE = [f"p{i:02}" for i in range(75)]


@pytest.fixture
def photos(prepared):
    """A prepared set of 75 people with two photos each, which are not alike."""
    return prepared("photos", [name for name in PEOPLE for _ in range(2)])


def lines_of(text):
    return [line for line in text.splitlines() if line.strip()]


def test_thresholds_are_written_and_nothing_else_changes(by_hand, photos):
    found = calibrate(by_hand, data.load(photos), print)
    text = (by_hand / "roster.toml").read_text()
    added = [line for line in lines_of(text) if line.startswith(("threshold_far", "calibrated_on"))]
    assert len(added) == 6
    assert [line for line in lines_of(text) if line not in added] == lines_of(HAND_WRITTEN)
    # behind the last field of its entry, before what announces the next one
    assert "dim = 16\nthreshold_far_1e2 = " in text
    assert '75 people"\n\n# --- judges ---\n[[recogniser]]\n' in text
    assert text.endswith('calibrated_on = "photos: 150 photos of 75 people"\n# the end\n')
    read = {entry.name: entry for entry in surrogates.read_roster(by_hand)}
    for each in found:
        field = {0.01: "threshold_far_1e2", 0.001: "threshold_far_1e3"}[each.far]
        assert getattr(read[each.name], field) == each.threshold


def test_figures_are_those_of_a_brute_count(by_hand, photos):
    crop_set = data.load(photos)
    found = calibrate(by_hand, crop_set, print)
    assert [(each.name, each.far) for each in found] == [
        ("tiny", 0.01), ("tiny", 0.001), ("judge", 0.01), ("judge", 0.001),
    ]  # fmt: skip
    [tiny] = surrogates.load(by_hand, "train")
    seen = embeddings(crop_set, tiny, print)
    cosines = seen @ seen.T
    same: list[float] = []
    other: list[float] = []
    for i in range(150):
        for j in range(i):
            (same if i // 2 == j // 2 else other).append(cosines[i, j])
    for each in found[:2]:
        assert (each.genuine, each.impostor, each.people) == (75, len(other), 75)
        assert np.mean(np.array(other) >= each.threshold) == pytest.approx(each.far, rel=0.1)
        assert each.accept_rate == pytest.approx(
            np.mean(np.array(same) >= each.threshold), abs=1e-4
        )
        assert each.interval_95[0] <= each.accept_rate <= each.interval_95[1]


def test_calibrating_again_replaces_the_figures(by_hand, photos, prepared):
    calibrate(by_hand, data.load(photos), print)
    first = (by_hand / "roster.toml").read_text()
    other = prepared("others", [name for name in PEOPLE for _ in range(2)], seed=9)
    calibrate(by_hand, data.load(other), print)
    second = (by_hand / "roster.toml").read_text()
    assert second.count("threshold_far_1e2") == 2
    assert second != first
    names = [line.split(" = ")[0] for line in lines_of(first)]
    assert [line.split(" = ")[0] for line in lines_of(second)] == names


def test_too_few_people_change_nothing(by_hand, crops):
    with pytest.raises(ValueError, match="too few for FAR"):
        calibrate(by_hand, data.load(crops), print)
    assert (by_hand / "roster.toml").read_text() == HAND_WRITTEN


def test_people_with_one_photo_each_change_nothing(by_hand, prepared):
    singles = prepared("singles", [f"p{i}" for i in range(150)])
    with pytest.raises(ValueError, match="nobody in the set has two photos"):
        calibrate(by_hand, data.load(singles), print)
    assert (by_hand / "roster.toml").read_text() == HAND_WRITTEN


def test_accepts_are_counted_by_person():
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0.6, 0.8], [1, 0], [0, 1]], np.float32)
    rates = genuine_accepts(vectors, ["a", "b", "a", "a", "c", "b"], 0.6)
    assert [(rate.hits, rate.n) for rate in rates] == [(3, 3), (1, 1)]
    rates = genuine_accepts(vectors, ["a", "b", "a", "a", "c", "b"], 0.7)
    assert [(rate.hits, rate.n) for rate in rates] == [(1, 3), (1, 1)]


def test_another_box_is_embedded_anew(by_hand, photos):
    crop_set = data.load(photos)
    before = embeddings(crop_set, surrogates.load(by_hand, "train")[0], print)
    path = by_hand / "roster.toml"
    path.write_text(HAND_WRITTEN.replace("box = [0.0, 0.0,", "box = [20.0, 20.0,", 1))
    after = embeddings(crop_set, surrogates.load(by_hand, "train")[0], print)
    assert not np.allclose(before, after)


@pytest.mark.parametrize("end", ["", "\n", "\n\n", "  # remark"])
@pytest.mark.parametrize("line", ["\n", "\r\n"])
def test_a_field_goes_behind_the_last_one(end, line):
    content = f'[[recogniser]]\nname = "a"\ndim = 1{end}'.replace("\n", line).encode()
    changed = document.with_fields(content, {"a": {"threshold_far_1e2": 0.25}})
    [row] = tomllib.loads(changed.decode())["recogniser"]
    assert row == {"name": "a", "dim": 1, "threshold_far_1e2": 0.25}
    assert changed.startswith(content.rstrip())


def test_what_cannot_be_read_is_not_written(by_hand):
    for content in (b"[[recogniser]\n", b'[[recogniser]]\nname = "a"\n'):
        with pytest.raises(ValueError, match=r"roster\.toml"):
            document.write(by_hand, content)
    assert (by_hand / "roster.toml").read_text() == HAND_WRITTEN
