"""The protector: shades against a student, within bounds, after a bend that the key decides."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F

from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training.keys import random_keys
from ermask_training.protector import Protector, room, shades
from ermask_training.view import View, bare

MAX_RESIDUAL = 0.05


@pytest.fixture(scope="module")
def crop():
    """Half of each is flat, half is not."""
    small = torch.rand(3, 3, 40, 40, generator=torch.Generator().manual_seed(3))
    crop = F.interpolate(small, (CROP, CROP), mode="bicubic").clamp(0.2, 0.8)
    crop[..., : CROP // 2] = 0.5
    return crop


@pytest.fixture(scope="module")
def protector(student):
    torch.manual_seed(0)
    made = Protector(MAX_RESIDUAL, 1.5, student.shape)
    made.student.load_state_dict(student.state_dict())
    return made.eval()


def bent(count: int):
    """A smooth flow. A face that nothing was done to is at the peak of its own similarity."""
    coarse = torch.randn(count, 2, 5, 5, generator=torch.Generator().manual_seed(4))
    return F.interpolate(coarse, (FLOW_GRID, FLOW_GRID), mode="bicubic")


def alike(student, crop, residual):
    changed = student(View(crop, bent(len(crop))).face(residual))
    return (changed * student(bare(crop))).sum(1)


def test_shades_lead_the_student_further_than_chance_does(student, crop):
    bound = MAX_RESIDUAL * room(crop)
    found = shades(student, crop, bent(3), bound)
    signs = torch.randn(bound.shape, generator=torch.Generator().manual_seed(1)).sign()
    by_chance = alike(student, crop, bound * signs)
    by_design = alike(student, crop, found)
    opposite = alike(student, crop, -found)
    assert (by_design < by_chance).all()
    assert (by_design < opposite).all()


def test_shades_lead_the_student_astray_in_a_mirror_too(student, crop):
    """Every other step looks into one: what it finds there must not come back the wrong way."""

    def in_a_mirror(residual):
        changed = student(View(crop, bent(len(crop))).face(residual).flip(3))
        return (changed * student(bare(crop).flip(3))).sum(1)

    bound = MAX_RESIDUAL * room(crop)
    two = shades(student, crop, bent(3), bound, 2)
    assert (in_a_mirror(two) < in_a_mirror(torch.zeros_like(two))).all()
    assert float(in_a_mirror(two).mean()) < float(in_a_mirror(-two).mean())


@torch.no_grad()
def test_bounds(protector, crop):
    key = random_keys(3, torch.Generator().manual_seed(2))
    strength = torch.tensor([0.6, 1.0, 1.5])
    residual, flow = protector(crop, key, strength)
    assert residual.shape == (3, 3, RESIDUAL_GRID, RESIDUAL_GRID)
    assert torch.equal(residual[:, 0], residual[:, 2])
    unit = strength[:, None, None, None]
    largest = (residual / unit).abs().amax((1, 2, 3))
    assert (largest <= MAX_RESIDUAL * (1 + 1e-6)).all()
    assert (largest > MAX_RESIDUAL / 4).all()
    assert torch.equal(flow, protector.flow(key, strength))


@torch.no_grad()
def test_flat_skin_is_spared(crop):
    share = room(crop)
    flat, rough = share[..., 20:36], share[..., 76:92]
    assert float(flat.max()) < 0.06
    assert float(rough.mean()) > 0.3
    # a soft fall of light is no texture
    light = torch.linspace(0.2, 0.8, CROP).expand(1, 3, CROP, CROP)
    assert float(room(light)[..., 4:-4, 4:-4].max()) < 0.06


@torch.no_grad()
def test_a_crop_of_one_colour_gives_finite_shades(protector):
    crop = torch.full((1, 3, CROP, CROP), 0.5)
    residual, _ = protector(crop, random_keys(1, torch.Generator()), torch.ones(1))
    assert residual.isfinite().all()


def test_the_student_does_not_learn_with_the_protector(protector):
    learning = {name for name, weight in protector.named_parameters() if weight.requires_grad}
    assert learning
    assert not [name for name in learning if name.startswith("student.")]
