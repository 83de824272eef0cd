"""A released folder is one that the product loads."""

from __future__ import annotations

import hashlib
import json
import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from ermask.contract import VERSION
from ermask.errors import ModelCorrupt
from ermask.model_files import read_manifest
from ermask.ort_session import INPUT_SHAPES
from ermask.sessions import Models
from ermask_export.release import release, verify_folder
from ermask_export.to_onnx import to_onnx
from ermask_export.verify import VerificationError, sample_crops
from ermask_training import split


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def crops():
    return sample_crops(2)


@pytest.fixture
def folder(released, tmp_path):
    """A copy of the released folder, to be spoilt."""
    return shutil.copytree(released, tmp_path / "copy")


def test_the_product_loads_it(released):
    models = Models(released, device="cpu")
    assert models.verify() == dict.fromkeys(["chooser", "protector", "eraser", "detector"])
    for role in ("protector", "eraser"):
        session = models.load(role)
        assert session.contract is not None
        assert (session.contract.role, session.contract.max_flow) == (role, 1.5)
        feeds = {n: np.ones((2, *INPUT_SHAPES[n]), np.float32) for n in session.contract.inputs}
        assert np.isfinite(session.run(feeds)["residual"]).all()


def test_what_it_holds(released):
    assert {path.name for path in released.iterdir()} == {
        "chooser.onnx", "protector.onnx", "eraser.onnx", "models.json", "card.md",
    }  # fmt: skip
    entries = json.loads((released / "models.json").read_text())
    assert entries["contract"] == VERSION
    assert entries["figures"] == {}
    assert entries["card"] == "card.md"
    for role, entry in entries["models"].items():
        data = (released / f"{role}.onnx").read_bytes()
        assert entry == {
            "file": f"{role}.onnx",
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        }
    card = (released / "card.md").read_text("utf-8")
    assert "Recipe `smoke`, 6 of 6 steps" in card
    assert "10.2 of 255" in card
    assert "Nothing was measured yet" in card


def test_figures_and_card_are_taken_over(run, tmp_path, crops):
    (tmp_path / "figures.json").write_text('{"dodging": {"n": 200, "rate": 0.5}}')
    (tmp_path / "about.md").write_text("# Grüße\n", "utf-8")
    output = tmp_path / "out"
    said: list[str] = []
    release(
        run, output, crops, figures=tmp_path / "figures.json", card=tmp_path / "about.md",
        progress=said.append,
    )  # fmt: skip
    assert dict(read_manifest(output).figures) == {"dodging": {"n": 200, "rate": 0.5}}
    assert (output / "card.md").read_text("utf-8") == "# Grüße\n"
    assert sum("largest difference" in line for line in said) == 9
    assert "wrote" in said[-1]


def test_what_it_was_trained_on_travels_and_single_photos_do_not(run, tmp_path, crops):
    trained = split.Split(frozenset({"0123456789abcdef"}), frozenset({"aa"}))
    shutil.copytree(run, tmp_path / "run")
    split.record(tmp_path / "run", trained)
    figures = {"pairs": 1, "photos": {"ada": {"dodging": {}}}}
    (tmp_path / "figures.json").write_text(json.dumps(figures))
    output = tmp_path / "out"
    release(
        tmp_path / "run", output, crops, figures=tmp_path / "figures.json", progress=quiet
    )  # fmt: skip
    entries = json.loads((output / "models.json").read_text())
    assert entries["figures"] == {"pairs": 1}
    assert split.from_json(entries["trained_on"]) == trained
    assert dict(read_manifest(output).figures) == {"pairs": 1}


def test_a_second_release_is_the_same(run, released, tmp_path, crops):
    release(run, tmp_path / "again", crops, progress=quiet)
    for path in released.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", ["[1, 2]", "{"])
def test_figures_that_are_none(run, tmp_path, crops, content):
    (tmp_path / "figures.json").write_text(content)
    with pytest.raises(ValueError, match=r"figures\.json"):
        release(run, tmp_path / "out", crops, figures=tmp_path / "figures.json", progress=quiet)
    assert not (tmp_path / "out").exists()


def test_nothing_is_written_when_verification_fails(run, tmp_path, crops, monkeypatch):
    def broken(graph):
        with torch.no_grad():
            graph.network.flow.parts.add_(1)
        data = to_onnx(graph)
        with torch.no_grad():
            graph.network.flow.parts.sub_(1)
        return data

    monkeypatch.setattr("ermask_export.release.to_onnx", broken)
    with pytest.raises(VerificationError, match="differs from torch"):
        release(run, tmp_path / "out", crops, progress=quiet)
    assert not (tmp_path / "out").exists()


def test_networks_that_are_too_large(run, tmp_path, crops, monkeypatch):
    monkeypatch.setattr("ermask_export.release.MAX_BYTES", 10**6)
    with pytest.raises(VerificationError, match=r"may ship"):
        release(run, tmp_path / "out", crops, progress=quiet)
    assert not (tmp_path / "out").exists()


def test_a_good_folder_verifies(folder, run, crops):
    verify_folder(folder, crops, progress=quiet)
    verify_folder(folder, crops, run=run, progress=quiet)


def test_a_damaged_file(folder, crops):
    path = folder / "eraser.onnx"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelCorrupt):
        verify_folder(folder, crops, progress=quiet)


def swap(folder, data: bytes) -> None:
    """Put another protector into the folder, with the checksum that fits it."""
    (folder / "protector.onnx").write_bytes(data)
    path = folder / "models.json"
    entries = json.loads(path.read_text())
    digest = hashlib.sha256(data).hexdigest()
    entries["models"]["protector"].update(sha256=digest, bytes=len(data))
    path.write_text(json.dumps(entries))


def test_other_weights_than_the_runs(folder, run, crops):
    """Only the run can tell: the file is a good network, with the wrong weights."""
    model = onnx.load(folder / "protector.onnx")
    [parts] = [each for each in model.graph.initializer if each.name == "network.flow.parts"]
    value = onnx.numpy_helper.to_array(parts) + np.float32(0.5)
    parts.CopyFrom(onnx.numpy_helper.from_array(value, parts.name))
    swap(folder, model.SerializeToString())
    verify_folder(folder, crops, progress=quiet)
    with pytest.raises(VerificationError, match="differs from torch"):
        verify_folder(folder, crops, run=run, progress=quiet)


def test_another_graph_than_the_networks(folder, crops):
    """No run is needed to see that a file computes something else than its weights say."""
    model = onnx.load(folder / "protector.onnx")
    relu = next(node for node in model.graph.node if node.op_type == "Relu")
    relu.op_type = "Abs"
    swap(folder, model.SerializeToString())
    with pytest.raises(VerificationError, match="differs from torch"):
        verify_folder(folder, crops, progress=quiet)


def test_bytes_that_are_no_model(folder, crops):
    swap(folder, b"no model at all")
    with pytest.raises(ValueError, match="no valid ONNX model"):
        verify_folder(folder, crops, progress=quiet)
