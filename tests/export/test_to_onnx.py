"""An exported file keeps the contract and is reproducible."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from ermask import contract
from ermask.contract import CROP, FIELD, ModelContract
from ermask.errors import ContractMismatch
from ermask.model_files import ROLES
from ermask.ort_session import INPUT_SHAPES, OUTPUT_SHAPES, OrtSession
from ermask_export import graph, to_onnx
from ermask_training import checkpoint, published


@pytest.fixture(scope="module")
def graphs(run):
    return graph.from_run(run)


@pytest.fixture(scope="module")
def files(graphs):
    return {role: to_onnx.to_onnx(each) for role, each in graphs.items()}


@pytest.mark.parametrize("role", ROLES)
def test_names_types_and_sizes(files, role):
    model = to_onnx.open_model(files[role])
    wanted = ModelContract(role=role, max_residual=0.04, max_flow=1.5)
    shapes = {**INPUT_SHAPES, **OUTPUT_SHAPES}
    for values, names in ((model.graph.input, wanted.inputs), (model.graph.output, wanted.outputs)):
        assert [each.name for each in values] == list(names)
        for each in values:
            dims = each.type.tensor_type.shape.dim
            assert dims[0].dim_param == "N"
            assert tuple(dim.dim_value for dim in dims[1:]) == shapes[each.name]
            assert each.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert [(each.domain, each.version) for each in model.opset_import] == [("", to_onnx.OPSET)]


def test_the_contract_is_read_back(files):
    for role, data in files.items():
        metadata = to_onnx.read_metadata(to_onnx.open_model(data))
        found = contract.from_metadata(metadata, role)
        residual = 0.0 if role == "chooser" else 0.04
        assert found == ModelContract(role=role, max_residual=residual, max_flow=1.5)
        assert OrtSession(data, role=role, device="cpu").contract == found
    with pytest.raises(ContractMismatch, match="role"):
        OrtSession(files["eraser"], role="protector", device="cpu")


def test_the_same_weights_give_the_same_bytes(run, files):
    again = to_onnx.to_onnx(graph.from_run(run)["eraser"])
    assert again == files["eraser"]
    assert files["protector"] != files["eraser"]


def test_equal_constants_are_kept_once(files):
    """A mask of 200 kB is used at several places."""
    for data in files.values():
        model = to_onnx.open_model(data)
        constants = [n.attribute[0].t for n in model.graph.node if n.op_type == "Constant"]
        large = [each for each in constants if len(each.raw_data) > 1000]
        assert large
        assert len({(tuple(each.dims), each.raw_data) for each in large}) == len(large)


def test_nothing_in_the_file_tells_where_or_when_it_was_made(files):
    model = to_onnx.open_model(files["protector"])
    assert (model.producer_name, model.producer_version, model.doc_string) == ("", "", "")
    assert not [node for node in model.graph.node if node.doc_string]
    assert set(to_onnx.read_metadata(model)) == {contract.METADATA_KEY}


def test_the_averages_are_what_ships(run, files):
    state = checkpoint.load(run)
    protector, eraser = state["averages"]
    for role, weights in {"chooser": protector, "protector": protector, "eraser": eraser}.items():
        found = published.in_graph(to_onnx.open_model(files[role]))
        assert found.keys() == weights.keys()
        assert all(torch.equal(found[name], weights[name]) for name in found)
        learning = state["eraser" if role == "eraser" else "protector"]
        assert not all(torch.equal(found[name], learning[name]) for name in found)


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_any_number_of_faces(graphs, files, batch):
    rng = np.random.default_rng(batch)
    feeds = {
        "crop": rng.random((batch, 3, CROP, CROP), np.float32) * 1.4 - 0.2,
        "key": rng.choice([-1.0, 1.0], (batch, *FIELD)).astype(np.float32),
        "strength": rng.uniform(0.6, 1.5, batch).astype(np.float32),
        "fits": rng.choice([0.0, 1.0], batch).astype(np.float32),
    }
    found = OrtSession(files["eraser"], role="eraser", device="cpu").run(feeds)
    wanted = graphs["eraser"](*(torch.from_numpy(feeds[n]) for n in INPUT_SHAPES))
    for name, output in zip(("residual", "flow"), wanted, strict=True):
        assert found[name].shape == (batch, *OUTPUT_SHAPES[name])
        np.testing.assert_allclose(found[name], output.numpy(), atol=1e-5)
        assert np.abs(found[name]).max() > 1e-3


def test_a_run_without_a_trained_eraser_cannot_ship(run, tmp_path):
    state = checkpoint.load(run)
    config = replace(checkpoint.read_config(run), erase_from=3)
    checkpoint.save(tmp_path, config, 3, {**state, "step": 3})
    with pytest.raises(ValueError, match="nothing to ship"):
        graph.from_run(tmp_path)


def test_weights_of_another_network(graphs):
    wanted = graphs["eraser"].contract
    with pytest.raises(ValueError, match="weights of the eraser do not fit"):
        graph.from_weights(wanted, {"retoucher.head.weight": torch.zeros(1)})


@pytest.mark.parametrize("data", [b"", b"no model", b"\x08\x08"])
def test_bytes_that_are_no_model(data):
    with pytest.raises(ValueError, match="no valid ONNX model"):
        to_onnx.open_model(data)
