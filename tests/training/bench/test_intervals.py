"""Intervals hold what they say, also where nothing differs."""

from __future__ import annotations

import math

import numpy as np
import pytest

pytest.importorskip("torch")

from ermask_training.bench.intervals import (
    bootstrap,
    clustered,
    mcnemar,
    measured,
    middle,
    paired_rates,
)
from ermask_training.metrics import Rate


def table(both, lost, won, neither):
    """Outcomes before and after: so many pairs of each kind."""
    before = [True] * (both + lost) + [False] * (won + neither)
    after = [True] * both + [False] * lost + [True] * won + [False] * neither
    return before, after


def test_the_bootstrap_is_near_the_normal_interval():
    values = np.random.default_rng(1).normal(5, 2, 400)
    mean, low, high = bootstrap(values)
    assert mean == pytest.approx(values.mean())
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((mean - half, mean + half), abs=0.03)


def test_the_bootstrap_is_the_same_every_time():
    values = [1.0, 2.0, 5.0, 9.0]
    assert bootstrap(values) == bootstrap(values)
    assert bootstrap(values, middle)[0] == 3.5


def test_nothing_measured_is_null_and_not_nan():
    assert measured([]) == {"mean": None, "n": 0, "interval_95": None}
    assert Rate(0, 0).as_json() == {"rate": None, "n": 0, "interval_95": None}
    assert math.isnan(paired_rates([], [])[0])


def test_several_cases_a_photo_are_not_taken_for_several_photos():
    none = clustered([0.0] * 40)
    assert none["rate"] == 0
    assert none["interval_95"] == Rate(0, 40).as_json()["interval_95"]
    assert clustered([0.25, 0.75])["n"] == 2
    assert clustered([]) == {"rate": None, "n": 0, "interval_95": None}


@pytest.mark.parametrize("cells", [(40, 12, 3, 5), (0, 20, 1, 39), (30, 0, 0, 30), (0, 0, 0, 9)])
def test_a_paired_difference_lies_in_its_interval(cells):
    before, after = table(*cells)
    value, low, high = paired_rates(before, after)
    assert value == pytest.approx((cells[2] - cells[1]) / sum(cells))
    assert -1 <= low <= value <= high <= 1
    assert high > low
    mirrored = paired_rates(after, before)
    assert mirrored == pytest.approx((-value, -high, -low))


def test_pairing_pays_where_outcomes_go_together():
    together = paired_rates(*table(55, 5, 0, 40))
    apart = paired_rates(*table(20, 40, 35, 5))
    assert together[0] == apart[0]
    assert together[2] - together[1] < 0.6 * (apart[2] - apart[1])


def test_the_paired_interval_covers():
    """Of many experiments with a known difference about 95 in 100 intervals hold it."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(600):
        first = rng.random(60) < 0.4
        after = np.where(first, rng.random(60) < 0.7, rng.random(60) < 0.1)
        truth = 0.4 * 0.7 + 0.6 * 0.1 - 0.4
        _, low, high = paired_rates(first.tolist(), after.tolist())
        held += low <= truth <= high
    assert 0.92 <= held / 600 <= 0.99


def test_mcnemar_counts_the_changed_only():
    assert mcnemar(*table(80, 10, 2, 8)) == pytest.approx(2 * (1 + 12 + 66) / 4096)
    assert mcnemar(*table(0, 10, 2, 500)) == mcnemar(*table(80, 10, 2, 8))
    assert mcnemar(*table(5, 0, 0, 5)) == 1.0
    assert mcnemar(*table(5, 4, 4, 5)) == 1.0
