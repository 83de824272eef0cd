"""Reports read by machines and by people."""

from __future__ import annotations

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training.attackers.judge import ORIGINAL, PROTECTED, table
from ermask_training.attackers.report import Mean, Report, circumstances

COSINES = {
    ORIGINAL: np.array([0.9, 0.8, 0.7, 0.1], np.float32),
    PROTECTED: np.array([0.9, 0.1, 0.1, 0.9], np.float32),
    "strangers": np.array([0.9, 0.1], np.float32),
}


@pytest.fixture
def rows():
    return table(COSINES, "judge", 0.01, 0.5, strangers=["strangers"])


def test_a_table_counts_matches_and_those_of_before(rows):
    original, protected, strangers = rows
    assert (original.match.hits, original.match.n) == (3, 4)
    assert (protected.match.hits, protected.match.n) == (2, 4)
    assert protected.returned is not None
    assert (protected.returned.hits, protected.returned.n) == (1, 3)
    assert (strangers.match.hits, strangers.match.n, strangers.returned) == (1, 2, None)


def test_a_variant_can_have_a_threshold_of_its_own():
    one, two, _ = table(
        COSINES, "judge", 0.01, 0.5, own_limits={PROTECTED: 0.95}, strangers=["strangers"]
    )
    assert (one.threshold, one.match.hits) == (0.5, 3)
    assert (two.threshold, two.match.hits) == (0.95, 0)


def test_where_nobody_was_recognised_nothing_is_brought_back():
    row = table({ORIGINAL: np.zeros(3, np.float32)}, "judge", 0.01, 0.5)[0]
    assert row.returned is None
    assert json.loads(json.dumps(row.as_json()))["of those matched before"] is None


def test_every_figure_comes_with_its_n_interval_and_far(setting, rows):
    mean = Mean.of(np.array([0.0, 1.0, 0.0, 1.0], np.float32))
    report = Report("x", "What it does.", circumstances(setting), rows, {"m": mean}, ["Mind this."])
    found = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert found["circumstances"]["seed"] == 0
    for row in found["rows"]:
        assert {"far", "threshold"} <= row.keys()
        assert {"n", "interval_95"} <= row["match rate"].keys()
    assert found["means"]["m"]["n"] == 4
    low, high = found["means"]["m"]["interval_95"]
    assert low == pytest.approx(0.5 - 1.96 * 0.57735 / 2, abs=1e-3)
    assert high == pytest.approx(1 - low, abs=1e-3)


def test_the_mean_of_one_photo_has_no_interval():
    found = Mean.of(np.array([0.5], np.float32)).as_json()
    assert (found["mean"], found["interval_95"]) == (0.5, None)


def test_markdown_has_a_table_for_every_recogniser_and_rate(setting):
    rows = [
        row
        for name in ("one", "two")
        for far in (0.01, 0.001)
        for row in table({ORIGINAL: COSINES[ORIGINAL]}, name, far, 0.5)
    ]
    text = Report("x", "What it does.", circumstances(setting), rows, {}, ["Mind this."]).markdown()
    assert text.count("| photo |") == 4
    assert "| original | 0.500 | 0.750 (0.301-0.954, n 4) | 1.000" in text
    assert text.endswith("- Mind this.\n")
