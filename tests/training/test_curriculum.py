"""Attack, then erasure; the rates between."""

from __future__ import annotations

import pytest

from ermask_training.config import TrainConfig
from ermask_training.curriculum import phase

CONFIG = TrainConfig(
    name="t", steps=1000, erase_from=400, warm_up=50, flow_rate=4e-2, peak_rate=1e-3
)


@pytest.mark.parametrize(("step", "erase"), [(0, False), (399, False), (400, True), (999, True)])
def test_one_learns_while_the_other_rests(step, erase):
    assert phase(CONFIG, step).erase == erase


def test_the_protector_may_rest_from_the_start():
    alone = TrainConfig(name="t", steps=9, erase_from=0)
    assert all(phase(alone, step).erase for step in range(9))


def test_it_is_pure():
    assert [phase(CONFIG, step) for step in (500, 3, 500)] == [
        phase(CONFIG, step) for step in (500, 3, 500)
    ]


@pytest.mark.parametrize(("start", "peak"), [(0, 4e-2), (400, 1e-3)])
def test_each_warms_up_to_its_peak_and_falls_to_nearly_nothing(start, peak):
    rates = [phase(CONFIG, step).rate for step in range(start, 1000 if start else 400)]
    assert rates[0] == pytest.approx(peak / 50, rel=0.01)
    assert max(rates) == pytest.approx(peak, rel=0.05)
    assert rates.index(max(rates)) == 49
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert 0 < rates[-1] < 0.03 * peak


def test_a_stage_shorter_than_the_warm_up_reaches_the_peak():
    short = TrainConfig(name="t", steps=8, erase_from=4, warm_up=50, flow_rate=1e-3)
    assert max(phase(short, step).rate for step in range(4)) > 2e-4
