"""The attackers' training loop: it learns, goes on where it was stopped, and knows its own."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn

from ermask_training.study import schedule, study


class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.zeros(()))


@pytest.fixture
def learn(tmp_path):
    """`learn(steps, stop_at=None, **made_with)`: the slope after fitting y = 2 x + noise."""

    def run(steps, stop_at=None, name="line", **made_with):
        network, seen = Line(), []

        def loss(generator, rng):
            seen.append(1)
            if len(seen) == stop_at:
                os.kill(os.getpid(), signal.SIGTERM)
            x = torch.randn(8, generator=generator)
            y = 2 * x + float(rng.normal()) * 0.01
            return (network.slope * x - y).square().mean()

        dice = torch.Generator().manual_seed(5), np.random.default_rng(5)
        study(
            network,
            loss,
            steps=steps,
            rate=0.2,
            dice=dice,
            path=tmp_path / f"{name}.pt",
            made_with={"steps": steps, **made_with},
            progress=lambda line: None,
        )
        return float(network.slope.detach()), len(seen)

    return run


def test_it_learns(learn):
    slope, _ = learn(120)
    assert slope == pytest.approx(2, abs=0.1)


def test_a_stopped_study_goes_on_to_the_same_result(learn):
    whole, _ = learn(40, name="whole")
    with pytest.raises(KeyboardInterrupt):
        learn(40, stop_at=15)
    resumed, updates = learn(40)
    assert (resumed, updates) == (whole, 25)


def test_a_finished_study_is_only_read(learn):
    first, _ = learn(10)
    again, updates = learn(10)
    assert (again, updates) == (first, 0)


def test_other_circumstances_are_refused(learn):
    learn(5, seed=1)
    with pytest.raises(ValueError, match=r"line\.pt was made under other.*\(seed differ\)"):
        learn(5, seed=2)


def test_signals_work_as_before_afterwards(learn):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        learn(5, stop_at=2)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_the_rate_rises_and_falls():
    rates = [schedule(step, 400) for step in range(400)]
    assert np.argmax(rates) < 60
    assert rates[0] < 0.05 and rates[-1] < 0.02 and max(rates) > 0.9
