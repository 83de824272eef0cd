"""A student learns what its teacher sees."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

import numpy as np

from ermask.contract import CROP
from ermask.model_files import ROLES
from ermask_training import data, distil, surrogates
from ermask_training.blocks import KeyedFlow
from ermask_training.student import SIDE
from ermask_training.teacher import Teacher, residual_streams


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def master(school):
    return surrogates.load(school, "train")[0]


@pytest.fixture
def lessons(crops, master):
    torch.manual_seed(0)
    teacher = Teacher(master)
    lessons = distil.Lessons(data.load(crops), KeyedFlow(1.5), teacher, 3)
    rng = np.random.default_rng(0)
    teacher.calibrate(lessons.photos(rng) for _ in range(6))
    return lessons


def dice(seed: int):
    return torch.Generator().manual_seed(seed), np.random.default_rng(seed)


def test_streams_are_the_last_sums_at_each_size(school):
    model = onnx.load(school / "master.onnx")
    assert residual_streams(model) == {28: ("stream0", 6), 14: ("stream1", 8), 7: ("stream2", 10)}


def test_a_teacher_answers_as_the_recogniser_does(master):
    teacher = Teacher(master)
    crop = torch.rand(3, 3, CROP, CROP, generator=torch.Generator().manual_seed(1))
    teacher.calibrate([crop])
    *streams, embedding = teacher.features(crop, None)
    assert torch.allclose(embedding, master(crop), atol=1e-5)
    assert teacher.shape == (6, 8, 10, 16)
    for x, width, side in zip(streams, teacher.shape, (28, 14, 7), strict=False):
        assert x.shape == (3, width, side, side)
        assert float(x.mean((0, 2, 3)).abs().max()) < 1e-4
        assert torch.allclose(x.transpose(0, 1).flatten(1).std(1), torch.ones(width), atol=1e-3)


def test_who_cannot_teach(roster):
    [tiny] = surrogates.load(roster, "train")
    with pytest.raises(ValueError, match="tiny must see the 112-unit box at 112 pixels"):
        Teacher(tiny)


def test_a_network_without_streams_cannot_teach(looking_glass):
    [glass] = surrogates.load(looking_glass(size=[112, 112]), "train")
    with pytest.raises(ValueError, match="tiny has no residual stream at 28 x 28 pixels"):
        Teacher(glass)


def test_a_batch_has_photos_bent_copies_and_shaded_ones(lessons, student):
    plain = lessons.batch(*dice(1))
    shaded = lessons.batch(*dice(1), student)
    assert plain.seen.shape == (9, 3, SIDE, SIDE)
    same = (plain.seen - shaded.seen).abs().amax((1, 2, 3)) < 1e-6
    assert same.tolist() == [True] * 6 + [False] * 3
    agree = (plain.wanted[-1] * shaded.wanted[-1]).sum(1)
    assert float(agree[:6].min()) > 0.99999 > float(agree[6:].max())
    assert not torch.allclose(plain.seen[:3], plain.seen[3:6], atol=1e-3)


def test_photos_are_mirrored_and_blended_by_chance(lessons):
    same, other = lessons.photos(np.random.default_rng(1)), lessons.photos(np.random.default_rng(2))
    assert same.shape == (3, 3, CROP, CROP)
    assert 0 <= float(same.min()) <= float(same.max()) <= 1
    assert not torch.equal(same, other)


@pytest.fixture
def models(tmp_path, write_models, student):
    """A models folder with a protector whose flow can be taken."""
    from ermask_export.graph import ShippedGraph
    from ermask_export.to_onnx import to_onnx
    from ermask_training.protector import Protector

    torch.manual_seed(2)
    network = Protector(12 / 255, 1.5, student.shape)
    with torch.no_grad():  # the exporter keeps weights that are equal once
        for weight in network.parameters():
            weight.add_(0.03 * torch.randn(weight.shape))
    made = to_onnx(ShippedGraph(network))
    write_models(tmp_path / "models", dict.fromkeys(ROLES, made))
    return tmp_path / "models"


def test_lessons_bring_the_student_nearer(crops, master, models, tmp_path):
    def distance(student):
        crop_set = data.load(crops)
        crop = torch.from_numpy(np.array(crop_set.crops)).permute(0, 3, 1, 2).float() / 255
        from ermask_training.view import bare

        with torch.no_grad():
            return float(1 - (student(bare(crop)) * master(crop)).sum(1).mean())

    def taught(folder, steps):
        return distil.distil(
            models, data.load(crops), master, folder, steps=steps, photos=3, progress=quiet
        )

    before = distance(taught(tmp_path / "short", (1, 1)))
    student = taught(tmp_path / "long", (40, 20))
    assert distance(student) < before / 2
    again = distil.load(tmp_path / "long")
    assert again.shape == (6, 8, 10, 16)
    assert distance(again) == pytest.approx(distance(student), rel=1e-3)
    # a longer second lesson may follow the same first one, another first one may not
    state = torch.load(tmp_path / "long" / distil.STAGES, weights_only=True)
    assert json.loads(state["made_with"])["steps"] == [40]
    with pytest.raises(ValueError, match="steps differ"):
        taught(tmp_path / "long", (41, 20))
    # nor may copies that another flow bends
    models = None
    with pytest.raises(ValueError, match="models differ"):
        taught(tmp_path / "long", (40, 20))


def test_without_a_protector_copies_are_bent_by_parts_that_nobody_trained(crops, master, tmp_path):
    crop_set = data.load(crops)
    made = distil.distil(None, crop_set, master, tmp_path, steps=(1, 1), photos=3, progress=quiet)
    assert made.shape == distil.load(tmp_path).shape


def test_a_folder_without_a_student(tmp_path):
    with pytest.raises(ValueError, match="has no student; `ermask-train distil`"):
        distil.load(tmp_path)
