"""The protector: a bend that the key decides, then shades and a bend against a student."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional as F

from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training.blocks import KEYED
from ermask_training.keys import random_keys
from ermask_training.protector import DIM, LIGHT, Protector, astray, lit, room, softer
from ermask_training.view import View, bare

MAX_RESIDUAL, MAX_FLOW = 0.05, 1.5


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
    made = Protector(MAX_RESIDUAL, MAX_FLOW, student.shape)
    made.student.load_state_dict(student.state_dict())
    return made.eval()


def bent(count: int):
    """A smooth flow. A face that nothing was done to is at the peak of its own similarity."""
    coarse = torch.randn(count, 2, 5, 5, generator=torch.Generator().manual_seed(4))
    return F.interpolate(coarse, (FLOW_GRID, FLOW_GRID), mode="bicubic")


def alike(student, crop, residual, flow, mirror=False):
    """The student's similarity of faces and their changed copies (B,)."""
    changed, own = View(crop, flow).face(residual), bare(crop)
    if mirror:
        changed, own = changed.flip(3), own.flip(3)
    return (student(changed) * student(own)).sum(1)


def led(student, crop, shades=MAX_RESIDUAL, bend=0.0, steps=5):
    return astray(student, crop, bent(len(crop)), torch.ones(len(crop)), shades, bend, steps)


def test_shades_lead_the_student_further_than_chance_does(student, crop):
    found, flow = led(student, crop)
    assert torch.equal(flow, bent(3))
    signs = torch.randn(found.shape, generator=torch.Generator().manual_seed(1)).sign()
    by_design = alike(student, crop, found, flow)
    assert (by_design < alike(student, crop, MAX_RESIDUAL * room(crop) * signs, flow)).all()
    assert (by_design < alike(student, crop, -found, flow)).all()


def test_so_does_a_bend_of_the_faces_own(student, crop):
    none, flow = led(student, crop, shades=0.0, bend=0.5)
    assert float(none.abs().max()) == 0
    own = flow - bent(3)
    assert 0.25 < float(own.abs().max()) < 0.501
    by_design = alike(student, crop, none, flow).mean()
    assert float(by_design) < float(alike(student, crop, none, bent(3)).mean())
    assert float(by_design) < float(alike(student, crop, none, bent(3) - own).mean())


def test_a_bend_of_its_own_is_the_same_on_both_sides(student, crop):
    own = led(student, crop, bend=1.0)[1] - bent(3)
    other = own.flip(3) * torch.tensor([-1.0, 1.0])[:, None, None]
    assert torch.allclose(own, other, atol=1e-5)


def test_shades_lead_the_student_astray_in_a_mirror_too(student, crop):
    """Every other step looks into one: what it finds there must not come back the wrong way."""
    two, flow = led(student, crop, steps=2)

    def in_mirror(shades):
        return float(alike(student, crop, shades, flow, mirror=True).mean())

    assert in_mirror(two) < in_mirror(torch.zeros_like(two)) - 0.01
    assert in_mirror(two) < in_mirror(-two) - 0.01


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
    own = flow - protector.flow(key, strength)
    assert (own.abs() <= MAX_FLOW * (1 - KEYED) * unit * (1 + 1e-6)).all()
    assert (flow.abs() <= MAX_FLOW * unit * (1 + 1e-6)).all()
    assert float(own.abs().max()) > MAX_FLOW * (1 - KEYED) / 2


@torch.no_grad()
def test_flat_skin_is_spared(crop):
    share = room(crop)
    flat, rough = share[..., 20:48], share[..., 44:84, 60:76]
    assert float(flat.max()) < 0.01
    assert float(rough.mean()) > 0.3
    assert float(share[..., 100:].max()) == 0, "outside the face"
    # a soft fall of light is no texture
    light = torch.linspace(0.2, 0.8, CROP).expand(1, 3, CROP, CROP)
    assert float(room(light)[..., 4:-4, 4:-4].max()) < 0.01


@torch.no_grad()
def test_on_flat_skin_there_is_light_alone(student):
    """Soft, the same on both sides, and part of the bound."""
    skin = torch.full((1, 3, CROP, CROP), 0.8)
    found, _ = led(student, skin)
    assert (
        0.2 * LIGHT * MAX_RESIDUAL < float(found.abs().max()) <= LIGHT * MAX_RESIDUAL * (1 + 1e-6)
    )
    assert torch.allclose(found, found.flip(3), atol=1e-6)
    # from the darkest to the brightest it takes several places: a control point has eight
    assert float(found.diff(dim=3).abs().max()) < float(found.max() - found.min()) / 4


@torch.no_grad()
def test_a_dark_place_gets_less_light():
    dark, bright = (lit(torch.full((1, 3, CROP, CROP), level)) for level in (0.1, 0.9))
    assert float(bright.max()) == pytest.approx(1)
    assert torch.allclose(dark, DIM * bright)
    assert float(bright[..., 0].max()) == 0, "outside the face"


def test_softer_mixes_with_the_neighbours_and_moves_nothing():
    spot = torch.zeros(1, 1, 9, 9)
    spot[..., 4, 4] = 1
    weights = torch.tensor([0.25, 0.5, 0.25])
    expected = torch.zeros(9, 9)
    expected[3:6, 3:6] = weights[:, None] * weights
    assert torch.allclose(softer(spot)[0, 0], expected)


@torch.no_grad()
def test_a_crop_of_one_colour_gives_a_finite_change(protector):
    crop = torch.full((1, 3, CROP, CROP), 0.5)
    for found in protector(crop, random_keys(1, torch.Generator()), torch.ones(1)):
        assert found.isfinite().all()


def test_the_student_does_not_learn_with_the_protector(protector):
    learning = {name for name, weight in protector.named_parameters() if weight.requires_grad}
    assert learning
    assert not [name for name in learning if name.startswith("student.")]
