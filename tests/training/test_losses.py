"""Every term at inputs where its value is known."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from ermask_training import losses
from ermask_training.config import TrainConfig, Weights

X, Y = [1.0, 0.0], [0.0, 1.0]


def test_attack_is_the_cosine_above_minus_the_margin():
    protected = torch.tensor([X, Y, [-1.0, 0.0]])
    person = torch.tensor([X, X, X])
    assert float(losses.attack(protected, person)) == pytest.approx((1.1 + 0.1 + 0) / 3)


def test_identity_is_one_minus_the_cosine():
    assert float(losses.identity(torch.tensor([X, Y]), torch.tensor([X, X]))) == pytest.approx(0.5)


def test_linkage_compares_the_halves_of_a_batch():
    same = torch.tensor([X, Y, X, Y])
    assert float(losses.linkage(same)) == pytest.approx(0.9)
    assert float(losses.linkage(torch.tensor([X, Y, Y, X]))) == 0


def test_likeness_compares_two_people_under_one_key():
    # second half: photo i under the key of photo i - 1 of the first half
    assert float(losses.likeness(torch.tensor([X, Y, Y, X]))) == pytest.approx(0.9)
    assert float(losses.likeness(torch.tensor([X, Y, X, Y]))) == 0


def test_key_flow_is_nothing_for_unrelated_flows_and_least_there():
    one = torch.randn(2, 2, 56, 56, generator=torch.Generator().manual_seed(0))
    assert float(losses.key_flow(torch.cat([one, -one]))) == 0
    turned = torch.stack([-one[:, 1], one[:, 0]], 1)
    assert float(losses.key_flow(torch.cat([one, turned]))) == pytest.approx(0, abs=1e-6)
    equal = float(losses.key_flow(torch.cat([one, one])))
    near = float(losses.key_flow(torch.cat([one, one + turned * 0.5])))
    assert equal > near > 0


def test_size_is_the_mean_square_of_the_share():
    assert float(losses.size(torch.full((2, 3, 4, 4), 0.5), 2.0)) == pytest.approx(0.0625)


def test_roughness_counts_both_directions():
    assert float(losses.roughness(torch.full((1, 1, 4, 4), 3.0), 1.0)) == 0
    ramp = torch.arange(4.0).expand(1, 1, 4, 4)
    assert float(losses.roughness(ramp, 2.0)) == pytest.approx(0.25)
    assert float(losses.roughness(ramp.mT, 2.0)) == pytest.approx(0.25)


def test_pixels_count_inside_the_mask_only():
    one, other = torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    other[..., 2:] = 1
    assert float(losses.pixels(one, other, mask)) == pytest.approx(1e-3, rel=1e-4)
    other[..., :2] = 0.5
    assert float(losses.pixels(one, other, mask)) == pytest.approx(math.hypot(0.5, 1e-3), rel=1e-4)


def test_flow_distance_is_a_share_of_the_bound():
    undo, wanted = torch.zeros(1, 2, 4, 4), torch.full((1, 2, 4, 4), -0.9)
    assert float(losses.flow_distance(undo, wanted, 1.8)) == pytest.approx(0.5)


def test_right_and_wrong_keys_are_told_apart():
    doubt, sure = torch.zeros(4), torch.full((4,), 50.0)
    assert float(losses.told_apart(doubt, doubt)) == pytest.approx(2 * math.log(2))
    assert float(losses.told_apart(sure, -sure)) == pytest.approx(0, abs=1e-6)
    assert float(losses.told_apart(-sure, doubt)) == pytest.approx(50 + math.log(2), rel=1e-4)


def test_every_weight_is_positive():
    config = TrainConfig(name="t", steps=2, erase_from=1)
    assert isinstance(config.weights, Weights)
    assert all(value > 0 for value in vars(config.weights).values())
