"""The chooser tells the draws of a key apart by what they hide."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP
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


def test_it_is_the_cosine_of_what_the_student_sees(chooser, faces):
    crop, key, strength = faces
    found = chooser(crop, key, strength)
    assert found.shape == (COUNT,)
    flow = chooser.flow(key, strength)
    bent = bare(render.bent(crop, flow), render.realignment(flow))
    wanted = (chooser.student(bare(crop)) * chooser.student(bent)).sum(1)
    assert torch.allclose(found, wanted, atol=0.02)
    assert found.max() < 0.999


def test_a_face_that_is_not_bent_is_itself(chooser, faces):
    crop, key, strength = faces
    assert torch.allclose(chooser(crop, key, 0 * strength), torch.ones(COUNT), atol=1e-5)


def test_it_bends_as_the_protector_does(chooser, student):
    """So that the weights of a protector are a chooser's."""
    protector = Protector(0.06, 8.0, student.shape)
    fitting = {**protector.flow.state_dict(prefix="flow."), **student.state_dict(prefix="student.")}
    chooser.load_state_dict(fitting)
    dice = torch.Generator().manual_seed(3)
    key, strength = random_keys(2, dice), torch.ones(2)
    assert torch.equal(chooser.flow(key, strength), protector.flow(key, strength))
