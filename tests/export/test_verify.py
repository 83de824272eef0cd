"""Verification passes what is right and stops what is not."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from onnx import numpy_helper

from ermask.contract import CROP, ModelContract
from ermask.errors import ContractMismatch
from ermask_export import graph, to_onnx, verify
from ermask_training import published

CROPS = 3


@pytest.fixture(scope="module")
def protector(run):
    return graph.from_run(run)["protector"]


@pytest.fixture(scope="module")
def eraser(run):
    return graph.from_run(run)["eraser"]


@pytest.fixture(scope="module")
def data(protector):
    return to_onnx.to_onnx(protector)


@pytest.fixture(scope="module")
def crops():
    return verify.sample_crops(CROPS)


def edited(data, edit):
    """The file after `edit(model)`."""
    model = onnx.load_from_string(data)
    edit(model)
    return model.SerializeToString()


def test_a_good_file(data, protector, crops):
    found = verify.compare(data, protector, crops)
    assert found.size == len(data)
    assert found.crops == CROPS
    assert set(found.difference) == {1, 2, 5}
    for worst in found.difference.values():
        assert 0 < worst["residual"] < verify.DRIFT * 0.04
        assert 0 < worst["flow"] < verify.DRIFT * 1.5
    assert 0.001 < found.largest["residual"] <= 0.04
    assert 0.1 < found.largest["flow"] <= 1.5 * (1 + 1e-5)
    assert len(found.lines()) == 5


@pytest.mark.parametrize(
    ("role", "name"),
    [
        ("chooser", "flow.parts"),
        ("chooser", "student.head.4.weight"),
        ("chooser", "student.head.4.bias"),
        ("protector", "flow.parts"),
        ("protector", "student.head.4.weight"),
    ],
)
def test_a_changed_weight(run, crops, role, name):
    def perturb(model):
        for each in model.graph.initializer:
            if each.name == published.PREFIX + name:
                value = numpy_helper.to_array(each) + np.float32(0.2)
                each.CopyFrom(numpy_helper.from_array(value, each.name))
                return
        raise AssertionError(f"no weight {name}")

    shipped = graph.from_run(run)[role]
    with pytest.raises(verify.VerificationError, match="differs from torch"):
        verify.compare(edited(to_onnx.to_onnx(shipped), perturb), shipped, crops)


def test_another_interpolation(eraser, crops):
    """What goes wrong when an exporter mistranslates how pictures are sampled."""

    def relax(model):
        corners = [
            attribute
            for node in model.graph.node
            for attribute in node.attribute
            if node.op_type == "GridSample" and attribute.name == "align_corners"
        ]
        assert corners
        for corner in corners:
            corner.i = 1

    data = to_onnx.to_onnx(eraser)
    with pytest.raises(verify.VerificationError, match="differs from torch"):
        verify.compare(edited(data, relax), eraser, crops)


def test_a_network_without_its_clamp(data, protector, crops):
    def unclamp(model):
        [clip] = [node for node in model.graph.node if node.input and node.input[0] == "crop"]
        assert clip.op_type == "Clip"
        replacement = onnx.helper.make_node("Identity", ["crop"], list(clip.output))
        clip.CopyFrom(replacement)

    with pytest.raises(verify.VerificationError, match="does not clamp"):
        verify.compare(edited(data, unclamp), protector, crops)


def test_a_larger_bound_than_the_contract_says(crops, protector):
    """A graph and a file that agree with each other, but not with their contract."""
    loud = graph.ShippedGraph(protector.network)
    loud.contract = ModelContract(role="protector", max_residual=0.04, max_flow=0.2)
    with pytest.raises(verify.VerificationError, match="flow reaches"):
        verify.compare(to_onnx.to_onnx(loud), loud, crops)


def test_another_contract(data, protector, crops):
    other = graph.ShippedGraph(protector.network)
    other.contract = ModelContract(role="protector", max_residual=0.04, max_flow=1.6)
    with pytest.raises(verify.VerificationError, match="contract"):
        verify.compare(data, other, crops)


def test_a_file_of_the_other_role(run, data, crops):
    with pytest.raises(ContractMismatch):
        verify.compare(data, graph.from_run(run)["eraser"], crops)


def test_made_up_crops_are_like_photos():
    crops = verify.sample_crops(2)
    assert crops.shape == (2, 3, CROP, CROP)
    assert crops.dtype == np.float32
    assert np.array_equal(crops, verify.sample_crops(2))
    assert 0 <= crops.min() < 0.2
    assert 0.8 < crops.max() <= 1
    power = np.abs(np.fft.rfft2(crops - crops.mean((2, 3), keepdims=True))) ** 2
    low, high = power[..., 1:8, 1:8].mean(), power[..., 40:60, 40:60].mean()
    assert low > 30 * high


def test_crops_of_a_prepared_set(tmp_path):
    import json

    pixels = np.random.default_rng(0).integers(0, 256, (4, CROP, CROP, 3), np.uint8)
    np.save(tmp_path / "crops.npy", pixels)
    index = {"crop": CROP, "identities": list("abcd"), "photos": list("abcd")}
    (tmp_path / "index.json").write_text(json.dumps(index))
    found = verify.prepared_crops(tmp_path, 3)
    assert found.shape == (3, 3, CROP, CROP)
    rows = [np.rint(crop.transpose(1, 2, 0) * 255).astype(np.uint8) for crop in found]
    assert all(any(np.array_equal(row, each) for each in pixels) for row in rows)
    assert len(verify.prepared_crops(tmp_path)) == 4
