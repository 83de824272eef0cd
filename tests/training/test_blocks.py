"""What bends faces: shape, bound, and what the key decides."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, FIELD, FLOW_GRID
from ermask_training.blocks import SignedFlow, bound, signed_sum

MAX_FLOW = 1.8


@pytest.fixture(scope="module")
def network() -> SignedFlow:
    torch.manual_seed(0)
    return SignedFlow(MAX_FLOW)


def inputs(batch: int, seed: int = 0):
    draw = torch.Generator().manual_seed(seed)
    crop = torch.rand(batch, 3, CROP, CROP, generator=draw)
    key = torch.randint(0, 2, (batch, *FIELD), generator=draw).float() * 2 - 1
    return crop, key, torch.tensor([0.6, 1.0, 1.5])[:batch]


@torch.no_grad()
def test_shape_and_bound(network):
    """With a head so strong that the flow reaches its bound."""
    network = copy.deepcopy(network)
    network.flow_head.weight.mul_(1000)
    crop, key, strength = inputs(3)
    flow = network.bend(crop, key, strength)
    assert flow.shape == (3, 2, FLOW_GRID, FLOW_GRID)
    for face in range(3):
        unit = float(strength[face])
        assert float(flow[face].abs().max()) == pytest.approx(MAX_FLOW * unit, rel=1e-3)


def test_the_bound_keeps_a_gradient_where_tanh_has_none():
    x = torch.tensor([-1e3, -1.0, 0.0, 10.0], requires_grad=True)
    y = bound(x)
    y.sum().backward()
    assert torch.allclose(y, torch.tensor([-1.0, -(0.5**0.5), 0.0, 10 / 101**0.5]), atol=1e-5)
    assert float(x.grad[2]) == 1
    assert float(x.grad[3]) > 9e-4


@torch.no_grad()
def test_the_opposite_key_gives_the_opposite_flow(network):
    crop, key, strength = inputs(2)
    one, two = network.bend(crop, key, strength), network.bend(crop, -key, strength)
    assert float(one.abs().max()) > 0
    assert torch.equal(one, -two)


@torch.no_grad()
def test_unrelated_keys_give_unrelated_flows(network):
    """So a wrong key adds about as much as it takes away."""
    crop, _, strength = inputs(1)
    keys = torch.randint(0, 2, (400, *FIELD), generator=torch.Generator().manual_seed(3)) * 2.0 - 1
    parts = network.parts(network.features(crop, strength)[2])
    flows = torch.cat([network.sign(parts, key[None], strength) for key in keys])
    unit = torch.nn.functional.normalize(flows.flatten(1), dim=1)
    cosines = (unit[:200] * unit[200:]).sum(1)
    # the mean of 200 cosines that vary by less than 1
    assert abs(float(cosines.mean())) < 0.1
    # before training the parts of the flow still resemble each other
    assert float(cosines.abs().mean()) < 0.75


def test_a_signed_sum_adds_groups_of_channels():
    parts = torch.arange(6.0).reshape(1, 6, 1, 1)  # three parts of two channels
    total = signed_sum(parts, torch.tensor([[1.0, -1.0, 1.0]]))
    assert total.flatten().tolist() == [0 - 2 + 4, 1 - 3 + 5]


@torch.no_grad()
def test_a_face_is_bent_alike_on_both_sides(network):
    """A picture and its mirror image give mirror images, whatever the network thinks of them."""
    flow = network.bend(*inputs(3))
    assert float(flow.abs().max()) > 0
    assert torch.allclose(flow[:, 0], -flow[:, 0].flip(2), atol=1e-5)
    assert torch.allclose(flow[:, 1], flow[:, 1].flip(2), atol=1e-5)


@torch.no_grad()
def test_faces_of_a_batch_do_not_touch_each_other(network):
    crop, key, strength = inputs(2)
    together = network.bend(crop, key, strength)
    alone = network.bend(crop[:1], key[:1], strength[:1])
    assert torch.allclose(together[:1], alone, atol=1e-6)
