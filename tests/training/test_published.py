"""Weights out of a models folder, to start another run from."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")

from ermask.model_files import ROLES
from ermask_training import checkpoint, data, distil, published, recipes, split, surrogates
from ermask_training import fit as loop
from ermask_training.eraser import Eraser
from ermask_training.protector import Protector
from ermask_training.run import Run


@pytest.fixture
def folder(tmp_path, write_models):
    """A models folder with an eraser of known weights in both roles."""
    from ermask_export.graph import ShippedGraph
    from ermask_export.to_onnx import to_onnx

    torch.manual_seed(3)
    network = Eraser(8 / 255, 1.0)
    with torch.no_grad():  # the exporter keeps weights that are equal once
        for weight in network.parameters():
            weight.add_(0.03 * torch.randn(weight.shape))
    data = to_onnx(ShippedGraph(network))
    write_models(tmp_path / "models", dict.fromkeys(ROLES, data))
    return tmp_path / "models", network.state_dict()


def test_weights_come_out_by_name(folder):
    models, wanted = folder
    found = published.weights(models, "eraser")
    assert found.keys() == wanted.keys()
    assert all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("content", [None, b"no model"])
def test_a_file_that_is_none(tmp_path, content):
    if content is not None:
        (tmp_path / "eraser.onnx").write_bytes(content)
    with pytest.raises(ValueError, match=r"eraser\.onnx is missing or no ONNX model"):
        published.weights(tmp_path, "eraser")


def test_a_run_gives_its_averages(tmp_path, student):
    config = recipes.smoke()
    state = Run(config, student).state()
    state["averages"][1]["retoucher.head.bias"] += 1
    checkpoint.save(tmp_path, config, config.steps, state)
    found = published.weights(tmp_path, "eraser")
    assert torch.equal(found["retoucher.head.bias"], state["averages"][1]["retoucher.head.bias"])
    assert not torch.equal(found["retoucher.head.bias"], state["eraser"]["retoucher.head.bias"])


def test_a_run_starts_from_them(folder, tmp_path, crops, roster, student):
    models, wanted = folder
    said: list[str] = []
    config = replace(recipes.smoke(), steps=1, erase_from=1)
    judges = surrogates.load(roster, "train")
    run = Run(config, student)
    # the eraser takes all of it, the protector what bends faces
    shared = [name for name in run.protector.state_dict() if name in wanted]
    assert run.start_from(models) == len(wanted) + len(shared)
    for network in (run.protector, run.eraser, *run.averages):
        assert torch.equal(network.state_dict()["flow.parts"], wanted["flow.parts"])
    for name, weight in student.state_dict().items():
        assert torch.equal(run.protector.student.state_dict()[name], weight)
    crop_set = data.load(crops)
    loop.fit(config, crop_set, judges, student, tmp_path / "run", said.append, start_from=models)
    assert said[0] == f"{len(wanted) + len(shared)} tensors taken from {models}"


def test_the_student_of_a_protector(tmp_path, write_models, student):
    """A models folder has one, so that its eraser can go on learning without the lab's folders."""
    from ermask_export.graph import ShippedGraph
    from ermask_export.to_onnx import to_onnx

    protector = Protector(8 / 255, 1.0, student.shape)
    with torch.no_grad():
        for weight in protector.parameters():
            weight.add_(0.03 * torch.randn(weight.shape))
    data = to_onnx(ShippedGraph(protector))
    write_models(tmp_path / "models", dict.fromkeys(ROLES, data))
    found = distil.load(tmp_path / "models")
    assert found.shape == student.shape
    for name, weight in protector.student.state_dict().items():
        assert torch.equal(found.state_dict()[name], weight)


def test_a_models_folder_without_a_student(tiny_models):
    with pytest.raises(ValueError, match="has no student"):
        distil.load(tiny_models)


def test_what_they_were_trained_on_counts_for_the_new_run(folder, tmp_path):
    import json

    models, _ = folder
    manifest = json.loads((models / "models.json").read_text())
    before = split.Split(frozenset({"0123456789abcdef"}), frozenset({"aa"}))
    (models / "models.json").write_text(json.dumps({**manifest, "trained_on": before.as_json()}))
    new = split.Split(frozenset({"b"}), frozenset())
    both = split.Split(frozenset({"0123456789abcdef", "b"}), frozenset({"aa"}))
    for run, start in (("one", models), ("two", tmp_path / "one")):
        split.record(tmp_path / run, new, start)
        assert split.read(tmp_path / run) == both


def test_what_bends_faces_and_its_bounds_come_from_either(folder, tmp_path, student):
    models, _ = folder
    assert published.bounds(models, "eraser") == pytest.approx((8 / 255, 1.0))
    config = recipes.smoke()
    run = Run(config, student)
    checkpoint.save(tmp_path / "run", config, config.steps, run.state())
    assert published.bounds(tmp_path / "run", "protector") == (config.max_residual, config.max_flow)
    flow = published.flow(tmp_path / "run")
    assert torch.equal(flow.parts, run.protector.flow.parts)
    assert not any(weight.requires_grad for weight in flow.parameters())


def test_weights_of_another_generation(folder):
    _, wanted = folder
    with pytest.raises(ValueError, match="weights of the protector do not fit"):
        published.network("protector", (0.1, 1.0), wanted)
    with pytest.raises(ValueError, match="weights of the eraser do not fit"):
        published.network("eraser", (0.1, 1.0), {"retoucher.head.weight": torch.zeros(1)})
