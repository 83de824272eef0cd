"""What bends faces: shape, bound, and what the key decides."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, FIELD, FLOW_GRID
from ermask_training.blocks import WIDTHS, Context, KeyedFlow, bound

MAX_FLOW = 1.8


@pytest.fixture(scope="module")
def network() -> KeyedFlow:
    torch.manual_seed(0)
    return KeyedFlow(MAX_FLOW)


def inputs(batch: int, seed: int = 0):
    draw = torch.Generator().manual_seed(seed)
    key = torch.randint(0, 2, (batch, *FIELD), generator=draw).float() * 2 - 1
    return key, torch.tensor([0.6, 1.0, 1.5])[:batch]


@torch.no_grad()
def test_shape_and_bound(network):
    """With parts so strong that the flow reaches its bound."""
    network = copy.deepcopy(network)
    network.parts.mul_(1000)
    key, strength = inputs(3)
    flow = network(key, strength)
    assert flow.shape == (3, 2, FLOW_GRID, FLOW_GRID)
    for face in range(3):
        unit = float(strength[face])
        assert float(flow[face].abs().max()) == pytest.approx(MAX_FLOW * unit, rel=1e-3)


@torch.no_grad()
def test_features_move_freely_and_cheeks_and_chin_stay(network):
    network = copy.deepcopy(network)
    network.parts.mul_(1000)
    moved = network(*inputs(3)).abs().amax((0, 1))
    cell = CROP // FLOW_GRID
    # ArcFace's template: eyes at 38 and 74 of 112, 52 down; mouth 92 down; 1.4 crop pixels each
    for x, y in ((38, 52), (74, 52), (56, 72), (56, 92)):
        column, row = (round((at - 56) * 1.4 + CROP / 2) // cell for at in (x, y))
        assert float(moved[row, column]) > 1.5 * MAX_FLOW / 2
    for row, column in ((0, 0), (0, 28), (34, 4), (34, 51), (20, 6), (49, 28)):
        assert float(moved[row, column]) < 1.5 * MAX_FLOW / 10


def test_the_bound_keeps_a_gradient_where_tanh_has_none():
    x = torch.tensor([-1e3, -1.0, 0.0, 10.0], requires_grad=True)
    y = bound(x)
    y.sum().backward()
    assert torch.allclose(y, torch.tensor([-1.0, -(0.5**0.5), 0.0, 10 / 101**0.5]), atol=1e-5)
    assert float(x.grad[2]) == 1
    assert float(x.grad[3]) > 9e-4


@torch.no_grad()
def test_the_opposite_key_gives_the_opposite_flow(network):
    key, strength = inputs(2)
    one, two = network(key, strength), network(-key, strength)
    assert float(one.abs().max()) > 0
    assert torch.equal(one, -two)


@torch.no_grad()
def test_unrelated_keys_give_unrelated_flows(network):
    """So a wrong key adds about as much as it takes away."""
    keys = torch.randint(0, 2, (400, *FIELD), generator=torch.Generator().manual_seed(3)) * 2.0 - 1
    flows = network(keys, torch.ones(400))
    unit = torch.nn.functional.normalize(flows.flatten(1), dim=1)
    cosines = (unit[:200] * unit[200:]).sum(1)
    # the mean of 200 cosines that vary by less than 1
    assert abs(float(cosines.mean())) < 0.05
    assert float(cosines.abs().mean()) < 0.4


@torch.no_grad()
def test_levelled_keys_are_less_alike_and_bend_as_far(network):
    """Parts as training leaves them: drawn together into a few directions."""
    network = copy.deepcopy(network)
    draw = torch.Generator().manual_seed(4)
    few = torch.randn(64, 4, generator=draw) @ torch.randn(4, 2 * 14 * 14, generator=draw)
    network.parts.copy_(0.1 * few.reshape(network.parts.shape) + 0.1 * network.parts)
    keys = torch.randint(0, 2, (200, *FIELD), generator=draw) * 2.0 - 1

    def measured():
        flows = network(keys, torch.ones(200)).flatten(1)
        cosines = torch.nn.functional.cosine_similarity(flows[:100], flows[100:])
        return float(flows.square().mean().sqrt()), float(cosines.square().mean().sqrt())

    size, likeness = measured()
    network.level()
    levelled_size, levelled_likeness = measured()
    assert likeness > 0.4 and levelled_likeness < 0.7 * likeness
    assert levelled_size == pytest.approx(size, rel=0.15)


@torch.no_grad()
def test_the_bend_is_soft(network):
    """One control point that is pulled at takes its neighbours along, and moves less itself."""
    network = copy.deepcopy(network)
    network.parts.zero_()
    network.parts[0, 1, 7, 7] = network.parts[0, 1, 7, 6] = 1e-3
    down = network(torch.ones(1, *FIELD), torch.ones(1))[0, 1] / MAX_FLOW / 1e-3
    step = FLOW_GRID // 14
    at = [float(down[7 * step + 2, column * step + 2]) for column in (7, 8, 11)]
    assert 0.1 < at[0] < 0.5
    assert 0.3 * at[0] < at[1] < 0.9 * at[0]
    assert at[2] < 0.1 * at[0]


@torch.no_grad()
def test_one_sign_moves_the_flow_a_little(network):
    """Each of 64 parts counts, and none for much."""
    key, strength = inputs(1)
    other = key.clone()
    other.view(-1)[63] *= -1
    one, two = network(key, strength), network(other, strength)
    moved = float((one - two).norm() / one.norm())
    assert 0.05 < moved < 0.6
    other = key.clone()
    other.view(-1)[64] *= -1
    assert torch.equal(network(other, strength), one)


@torch.no_grad()
def test_a_face_is_bent_alike_on_both_sides(network):
    flow = network(*inputs(3))
    assert float(flow.abs().max()) > 0
    assert torch.allclose(flow[:, 0], -flow[:, 0].flip(2), atol=1e-5)
    assert torch.allclose(flow[:, 1], flow[:, 1].flip(2), atol=1e-5)


@torch.no_grad()
def test_a_look_at_faces_knows_all_of_each_and_nothing_of_others():
    torch.manual_seed(1)
    # corners of a new network hardly hear of each other: in double precision they do
    look = Context().double()
    crop = torch.rand(2, 3, CROP, CROP, generator=torch.Generator().manual_seed(2)).double()
    strength = torch.tensor([0.6, 1.5]).double()
    fine, coarse = look(crop, strength)
    assert fine.shape == (2, WIDTHS[1], 28, 28)
    assert coarse.shape == (2, WIDTHS[2], 14, 14)
    changed = crop.clone()
    changed[0, :, :8, :8] = 0
    for before, after in zip((fine, coarse), look(changed, strength), strict=True):
        assert float((before[0, :, -1, -1] - after[0, :, -1, -1]).abs().max()) > 0
        assert torch.allclose(before[1], after[1], atol=1e-6)
