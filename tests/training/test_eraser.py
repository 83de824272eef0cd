"""The eraser's shapes, bounds, and what it starts from."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, FIELD, FLOW_GRID, RESIDUAL_GRID
from ermask_training.blocks import SignedFlow
from ermask_training.eraser import Eraser, eraser_from
from ermask_training.keys import random_keys

MAX_RESIDUAL, MAX_FLOW = 0.03, 1.8


@pytest.fixture
def eraser() -> Eraser:
    torch.manual_seed(0)
    return Eraser(MAX_RESIDUAL, MAX_FLOW)


def inputs(batch: int):
    draw = torch.Generator().manual_seed(5)
    crop = torch.rand(batch, 3, CROP, CROP, generator=draw)
    return crop, random_keys(batch, draw), torch.tensor([0.6, 1.0, 1.5])[:batch]


@torch.no_grad()
def test_shapes_and_bounds(eraser):
    """With heads so strong that both outputs reach their bounds."""
    for head in (eraser.flow_head, eraser.residual_head):
        head.weight.mul_(1000)
    crop, key, strength = inputs(3)
    residual, flow = eraser(crop, key, strength)
    assert residual.shape == (3, 3, RESIDUAL_GRID, RESIDUAL_GRID)
    assert flow.shape == (3, 2, FLOW_GRID, FLOW_GRID)
    for face in range(3):
        unit = float(strength[face])
        assert float(residual[face].abs().max()) == pytest.approx(MAX_RESIDUAL * unit, rel=1e-3)
        assert float(flow[face].abs().max()) == pytest.approx(MAX_FLOW * unit, rel=1e-3)


@torch.no_grad()
def test_the_key_decides_the_flow_and_the_shades_are_grey_and_the_same_for_all(eraser):
    crop, key, strength = inputs(2)
    (shades, one), (same, two) = eraser(crop, key, strength), eraser(crop, -key, strength)
    assert float(shades.abs().max()) > 0
    assert torch.equal(shades, same)
    assert torch.equal(shades[:, 0], shades[:, 2])
    assert torch.equal(one, -two)


@torch.no_grad()
def test_it_starts_as_the_negated_flow():
    torch.manual_seed(1)
    flow = SignedFlow(MAX_FLOW)
    given = inputs(2)
    _, back = eraser_from(flow, MAX_RESIDUAL)(*given)
    assert torch.allclose(flow.bend(*given), -back, atol=1e-6)


@torch.no_grad()
def test_faces_of_a_batch_do_not_touch_each_other(eraser):
    crop, key, strength = inputs(2)
    together, alone = eraser(crop, key, strength), eraser(crop[:1], key[:1], strength[:1])
    for one, two in zip(together, alone, strict=True):
        assert torch.allclose(one[:1], two, atol=1e-5)


def test_random_keys_are_signs_and_differ():
    keys = random_keys(64, torch.Generator().manual_seed(0))
    assert keys.shape == (64, *FIELD)
    assert set(keys.unique().tolist()) == {-1.0, 1.0}
    agreement = (keys.flatten(1) @ keys.flatten(1).T) / keys[0].numel()
    off = agreement - torch.eye(64)
    assert float(off.abs().max()) < 0.3
