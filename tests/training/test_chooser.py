"""The chooser tells the draws of a key apart by what they hide."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, EMBEDDING
from ermask_training import render
from ermask_training.chooser import Chooser
from ermask_training.keys import random_keys
from ermask_training.protector import Protector
from ermask_training.view import bare

COUNT = 6


@pytest.fixture
def chooser(student):
    torch.manual_seed(1)
    made = Chooser(8.0, student.shape)
    made.student.load_state_dict(student.state_dict())
    return made


@pytest.fixture
def faces():
    dice = torch.Generator().manual_seed(2)
    coarse = torch.rand(COUNT, 3, 28, 28, generator=dice)
    crop = torch.nn.functional.interpolate(coarse, (CROP, CROP), mode="bicubic").clamp(0, 1)
    return crop, random_keys(COUNT, dice), torch.ones(COUNT)


def test_it_is_what_the_student_makes_of_the_face_as_the_key_bends_it(chooser, faces):
    crop, key, strength = faces
    found = chooser(crop, key, strength)
    assert found.shape == (COUNT, EMBEDDING)
    flow = chooser.flow(key, strength)
    bent = chooser.student(bare(render.bent(crop, flow), render.realignment(flow)))
    assert (found * bent).sum(1).min() > 0.999
    assert (found * chooser.student(bare(crop))).sum(1).max() < 0.999


def test_at_strength_0_the_face_is_not_bent(chooser, faces):
    crop, key, strength = faces
    bare_face = chooser.student(bare(crop))
    assert torch.allclose(chooser(crop, key, 0 * strength), bare_face, atol=1e-5)


def test_it_bends_as_the_protector_does(chooser, student):
    """So that the weights of a protector are a chooser's."""
    protector = Protector(0.06, 8.0, student.shape)
    fitting = {**protector.flow.state_dict(prefix="flow."), **student.state_dict(prefix="student.")}
    chooser.load_state_dict(fitting)
    dice = torch.Generator().manual_seed(3)
    key, strength = random_keys(2, dice), torch.ones(2)
    assert torch.equal(chooser.flow(key, strength), protector.flow(key, strength))
