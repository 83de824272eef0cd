"""Attack, then erasure, then wrong keys; the rates between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ermask_training.config import LOOKS, TrainConfig
from ermask_training.curriculum import phase

CONFIG = TrainConfig(
    name="t", steps=1000, erase_from=400, wrong_keys_from=600, warm_up=50,
    peak_rate=1e-3, joint_rate=4e-4,
)  # fmt: skip


@pytest.mark.parametrize(
    ("step", "erase", "wrong_keys"),
    [(0, False, False), (399, False, False), (400, True, False), (599, True, False),
     (600, True, True), (999, True, True)],
)  # fmt: skip
def test_borders_of_the_stages(step, erase, wrong_keys):
    found = phase(CONFIG, step)
    assert (found.erase, found.wrong_keys) == (erase, wrong_keys)


def test_it_is_pure():
    assert [phase(CONFIG, step) for step in (500, 3, 500)] == [
        phase(CONFIG, step) for step in (500, 3, 500)
    ]


def test_the_protector_warms_up_to_its_peak_and_falls_to_the_joint_rate():
    rates = [phase(CONFIG, step).protector_rate for step in range(400)]
    assert rates[0] == pytest.approx(1e-3 / 50, rel=0.01)
    assert max(rates) == pytest.approx(1e-3, rel=0.05)
    assert rates.index(max(rates)) == 49
    assert rates[50:] == sorted(rates[50:], reverse=True)
    assert rates[-1] == pytest.approx(4e-4, rel=0.02)


def test_the_protector_rests_while_the_eraser_starts():
    assert phase(CONFIG, 400).protector_rate == 0
    assert phase(CONFIG, 430).protector_rate == pytest.approx(4e-4 / 2, rel=0.05)
    assert phase(CONFIG, 460).protector_rate == pytest.approx(4e-4, rel=0.05)


def test_looks_count_more_and_more_and_the_rest_counts_from_the_start():
    rising = replace(CONFIG, looks_from=100)
    assert phase(rising, 0).share("residual_skin") == pytest.approx(0.01)
    assert phase(rising, 49).share("flow_rough") == pytest.approx(0.5)
    assert phase(rising, 500).share("residual_size") == 1
    assert phase(rising, 0).share("attack") == 1
    assert phase(CONFIG, 0).share("residual_skin") == 1
    assert set(LOOKS) <= set(vars(CONFIG.weights))


def test_the_eraser_has_a_rate_only_when_it_is_trained():
    assert all(phase(CONFIG, step).eraser_rate == 0 for step in range(400))
    rates = [phase(CONFIG, step).eraser_rate for step in range(400, 1000)]
    assert rates[0] == pytest.approx(1e-3)
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 2e-5
