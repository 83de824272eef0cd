"""The student's shapes, and its gradient, which is written out by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn

from ermask_training.backward import traced
from ermask_training.student import REDUCTIONS, SIDE, Student, from_weights, shape_of


def faces(count: int):
    return torch.rand(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
def test_embeddings_are_unit_and_of_its_length(student):
    found = student(faces(3))
    assert found.shape == (3, student.shape[-1])
    assert torch.allclose(found.norm(dim=1), torch.ones(3), atol=1e-5)


@torch.no_grad()
def test_its_stages_end_at_the_sides_that_teachers_are_asked_at(student):
    *streams, embedding = student.features(faces(2))
    sides = [SIDE // each for each in REDUCTIONS]
    assert [x.shape for x in streams] == [
        (2, width, side, side) for width, side in zip(student.shape, sides, strict=False)
    ]
    assert embedding.shape == (2, student.shape[-1])


@torch.no_grad()
def test_weights_say_what_they_are_of(student):
    weights = student.state_dict()
    assert shape_of(weights) == student.shape
    assert torch.equal(from_weights(weights)(faces(2)), student(faces(2)))
    with pytest.raises(KeyError):
        from_weights({"stem.weight": torch.ones(1)})


def test_the_way_back_is_the_gradient(student):
    """Against automatic differentiation, through every kind of layer that the student has."""
    layers = nn.Sequential(*student.stages, student.head)
    face = (faces(2) * 2 - 1).requires_grad_()
    toward = torch.randn(2, student.shape[-1], generator=torch.Generator().manual_seed(1))
    (wanted,) = torch.autograd.grad((layers(face) * toward).sum(), face)
    with torch.no_grad():
        embedding, back = traced(layers, face.detach())
        found = back(toward)
    assert torch.equal(embedding, layers(face).detach())
    assert float((found - wanted).abs().max()) < 1e-5 * float(wanted.abs().max())


def test_there_is_no_way_back_through_an_unknown_layer():
    with pytest.raises(TypeError, match="no way back through a Tanh"):
        traced(nn.Tanh(), torch.ones(1))


def test_a_student_is_the_same_for_one_face_and_for_many():
    torch.manual_seed(0)
    student = Student((8, 8, 8, 4))
    with torch.no_grad():
        assert torch.allclose(student(faces(3))[:1], student(faces(1)), atol=1e-5)
