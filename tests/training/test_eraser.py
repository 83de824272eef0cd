"""The eraser's shapes, bounds, and what it starts from."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, FIELD, FLOW_GRID, RESIDUAL_GRID
from ermask_training import render
from ermask_training.eraser import STEEP, Eraser
from ermask_training.keys import random_keys

MAX_RESIDUAL, MAX_FLOW = 0.03, 1.8


@pytest.fixture
def eraser() -> Eraser:
    torch.manual_seed(0)
    return Eraser(MAX_RESIDUAL, MAX_FLOW)


def inputs(batch: int):
    """Crops, keys and strengths, and that the keys are known to fit."""
    draw = torch.Generator().manual_seed(5)
    crop = torch.rand(batch, 3, CROP, CROP, generator=draw)
    strength = torch.tensor([0.6, 1.0, 1.5])[:batch]
    return crop, random_keys(batch, draw), strength, torch.ones(batch)


@torch.no_grad()
def test_shapes_and_bounds(eraser):
    """With heads so strong that both outputs reach their bounds."""
    for weight in (eraser.flow.parts, eraser.retoucher.head.weight, eraser.retoucher.bend.weight):
        weight.mul_(1000)
    crop, key, strength, known = inputs(3)
    residual, flow = eraser(crop, key, strength, known)
    assert residual.shape == (3, 3, RESIDUAL_GRID, RESIDUAL_GRID)
    assert flow.shape == (3, 2, FLOW_GRID, FLOW_GRID)
    for face in range(3):
        unit = float(strength[face])
        assert float(residual[face].abs().max()) == pytest.approx(MAX_RESIDUAL * unit, rel=1e-3)
        assert 0.9 * MAX_FLOW * unit < float(flow[face].abs().max()) <= MAX_FLOW * unit * (1 + 1e-6)


@torch.no_grad()
def test_shades_are_grey_and_looked_for_on_the_face_that_was_bent_back(eraser):
    crop, key, strength, known = inputs(2)
    eraser.retoucher.bend.weight.zero_()
    shades, back = eraser(crop, key, strength, known)
    assert float(shades.abs().max()) > 0
    assert torch.equal(shades[:, 0], shades[:, 2])
    assert torch.equal(back, eraser.back(key, strength))
    straight, still = render.bent(crop, back), torch.zeros_like(back)
    assert torch.allclose(shades, eraser.retoucher(straight, still, strength)[0], atol=1e-5)
    other, _ = eraser(crop, -key, strength, known)
    assert not torch.equal(shades, other)


@torch.no_grad()
def test_a_face_of_its_own_is_bent_back_by_more_than_the_key_says(eraser):
    crop, key, strength, known = inputs(2)
    _, flow = eraser(crop, key, strength, known)
    more = flow - eraser.back(key, strength)
    assert float(more.abs().max()) > 0
    assert not torch.allclose(more[0], more[1], atol=1e-6)


@torch.no_grad()
def test_the_right_key_takes_its_bend_back(eraser):
    """To a tenth of what it was; the opposite key doubles it."""
    smooth, key, strength, _ = inputs(3)
    smooth = torch.nn.functional.interpolate(smooth[..., ::16, ::16], CROP, mode="bicubic")
    posted = render.bent(smooth, eraser.flow(key, strength), "bicubic")
    away = (posted - smooth).abs().mean()
    for field, least, most in ((key, 0, 0.1), (-key, 1.5, 3)):
        back = eraser.back(field, strength)
        left = (render.bent(posted, back, "bicubic") - smooth).abs().mean() / away
        assert least <= float(left) < most


@torch.no_grad()
def test_with_a_key_that_seems_not_to_fit_the_face_is_only_bent(eraser):
    crop, key, strength, known = inputs(2)
    eraser.retoucher.bend.weight.mul_(100)
    shades, flow = eraser(crop, key, strength, known)
    back = eraser.back(key, strength)
    eraser.fit.weight.zero_()
    for logit, share in ((-100.0, 0.0), (0.0, 0.5), (math.log(3) / STEEP, 0.75)):
        eraser.fit.bias.fill_(logit)
        some, other = eraser(crop, key, strength, 0 * known)
        assert torch.allclose(some, share * shades, atol=1e-7)
        assert torch.allclose(other, back + share * (flow - back), atol=1e-6)


@torch.no_grad()
def test_whether_a_key_seems_to_fit_is_seen_on_each_face(eraser):
    crop, key, strength, _ = inputs(3)
    doubts = [
        eraser.judge(eraser.retoucher.look(crop, eraser.back(field, strength), strength))
        for field in (key, -key)
    ]
    assert doubts[0].shape == (3,)
    assert not torch.isclose(doubts[0], doubts[1], rtol=0, atol=1e-6).any()


@torch.no_grad()
def test_faces_of_a_batch_do_not_touch_each_other(eraser):
    crop, key, strength, known = inputs(2)
    together, alone = (
        eraser(crop, key, strength, known),
        eraser(*(each[:1] for each in (crop, key, strength, known))),
    )
    for one, two in zip(together, alone, strict=True):
        assert torch.allclose(one[:1], two, atol=1e-5)


def test_random_keys_are_signs_and_differ():
    keys = random_keys(64, torch.Generator().manual_seed(0))
    assert keys.shape == (64, *FIELD)
    assert set(keys.unique().tolist()) == {-1.0, 1.0}
    agreement = (keys.flatten(1) @ keys.flatten(1).T) / keys[0].numel()
    off = agreement - torch.eye(64)
    assert float(off.abs().max()) < 0.3
