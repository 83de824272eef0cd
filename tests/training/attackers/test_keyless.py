"""An eraser without a key."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training.attackers import keyless
from ermask_training.eraser import Eraser


def test_it_has_the_form_and_bounds_of_our_eraser():
    torch.manual_seed(0)
    network = keyless.KeylessEraser(8 / 255, 1.0)
    residual, flow = network(torch.rand(2, 3, CROP, CROP), torch.tensor([1.0, 1.5]))
    assert residual.shape == (2, 3, RESIDUAL_GRID, RESIDUAL_GRID)
    assert flow.shape == (2, 2, FLOW_GRID, FLOW_GRID)
    assert residual.abs().max() <= 1.5 * 8 / 255
    assert flow.abs().max() <= 1.5


def test_it_starts_from_the_published_network_and_guesses_by_itself():
    torch.manual_seed(0)
    published = Eraser(8 / 255, 1.0)
    network = keyless.KeylessEraser(8 / 255, 1.0)
    weights = {**published.state_dict(), "of another kind": torch.zeros(3)}
    taken = network.start_from(weights)
    own = network.state_dict()
    retoucher = published.retoucher.state_dict()
    context = published.retoucher.context.state_dict()
    assert all(torch.equal(own[f"retoucher.{name}"], weight) for name, weight in retoucher.items())
    assert all(torch.equal(own[f"look.{name}"], weight) for name, weight in context.items())
    assert taken == len(retoucher) + len(context)


def test_it_learns_to_undo_what_does_not_depend_on_the_key(setting, monkeypatch):
    """With one key for everybody nothing is secret: a few steps take part of the bend back."""
    one = setting.victim_keys(1)[:, 0]
    monkeypatch.setattr(keyless, "random_keys", lambda count, generator: one.repeat(count, 1, 1, 1))
    monkeypatch.setattr(keyless, "PEAK_RATE", 4e-3)
    network = keyless.train(replace(setting, steps=8))
    from ermask_training.attackers import copies

    posted, used = copies.protect(setting, setting.pairs.a, one.repeat(4, 1, 1, 1))
    _, back = keyless.erase(setting, network, posted)
    assert copies.flow_undone(back, used).min() > 0.1


def test_the_report_judges_it_on_posted_copies_and_on_originals(setting, judge):
    report = keyless.attack(setting, judge)
    assert {"keyless eraser", "original, keyless eraser"} <= {row.photo for row in report.rows}
    assert report.circumstances["steps"] == 3
    assert next(iter(report.means.values())).n == 4
    assert (setting.work / "keyless.pt").is_file()
