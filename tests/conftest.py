"""Fixtures that tests of more than one part share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ermask import contract
from ermask.contract import EMBEDDING, FIELD, FLOW_GRID, RESIDUAL_GRID, ModelContract, Role
from ermask.model_files import ROLES
from ermask.ort_session import INPUT_SHAPES, OUTPUT_SHAPES

TINY_RESIDUAL = 6 / 255
TINY_FLOW = 0.75


def tiny_network_bytes(role: Role, metadata: dict[str, str] | None = None) -> bytes:
    """A network of a few nodes that keeps the contract: the key's planes, enlarged and scaled.

    residual = key planes 0-2, flow = key planes 3-4, times the strength; the eraser gives the
    negation, half of the residual where it is not told that the key fits. To the chooser a face
    turns away from itself the more, the smaller the mean of key plane 5 is. The crop is not looked
    at.
    """
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    wanted = ModelContract(role=role, max_residual=TINY_RESIDUAL, max_flow=TINY_FLOW)
    sign = 1.0 if role == "protector" else -1.0
    rows = FIELD[1]
    nodes, constants = [], []

    def constant(name: str, kind: int, dims: list[int], values: list[float]) -> str:
        constants.append(helper.make_tensor(name, kind, dims, values))
        return name

    axis = constant("axis", TensorProto.INT64, [1], [1])
    column = constant("column", TensorProto.INT64, [4], [-1, 1, 1, 1])
    for output, first, last, size, amount in (
        ("residual", 0, 3, RESIDUAL_GRID, TINY_RESIDUAL),
        ("flow", 3, 5, FLOW_GRID, TINY_FLOW),
    ):
        if output not in wanted.outputs:
            continue
        start = constant(f"{output}_start", TensorProto.INT64, [1], [first])
        end = constant(f"{output}_end", TensorProto.INT64, [1], [last])
        scales = constant(
            f"{output}_scales", TensorProto.FLOAT, [4], [1, 1, size / rows, size / rows]
        )
        factor = constant(f"{output}_factor", TensorProto.FLOAT, [], [sign * amount])
        large, scaled = f"{output}_large", f"{output}_scaled"
        level = "strength"
        if (role, output) == ("eraser", "residual"):
            level = "strength_as_sure"
            one = constant("one", TensorProto.FLOAT, [], [1])
            half = constant("half", TensorProto.FLOAT, [], [0.5])
            nodes += [
                helper.make_node("Add", ["fits", one], ["sure"]),
                helper.make_node("Mul", ["sure", half], ["share"]),
                helper.make_node("Mul", ["strength", "share"], [level]),
            ]
        nodes += [
            helper.make_node("Slice", ["key", start, end, axis], [f"{output}_planes"]),
            helper.make_node(
                "Resize", [f"{output}_planes", "", scales], [large], mode="nearest",
                coordinate_transformation_mode="asymmetric", nearest_mode="floor",
            ),
            helper.make_node("Mul", [large, factor], [scaled]),
            helper.make_node("Reshape", [level, column], [f"{output}_strength"]),
            helper.make_node("Mul", [scaled, f"{output}_strength"], [output]),
        ]  # fmt: skip
    if role == "chooser":
        start = constant("plane_start", TensorProto.INT64, [1], [5])
        end = constant("plane_end", TensorProto.INT64, [1], [6])
        one = constant("one", TensorProto.FLOAT, [], [1])
        row = constant("row", TensorProto.INT64, [2], [-1, 1])
        zeros = constant("zeros", TensorProto.INT64, [4], [0, 0, 0, EMBEDDING - 2])
        nodes += [
            helper.make_node("Slice", ["key", start, end, axis], ["plane"]),
            helper.make_node("ReduceMean", ["plane"], ["mean"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Sub", [one, "mean"], ["turn"]),
            helper.make_node("Mul", ["turn", "strength"], ["angles"]),
            helper.make_node("Reshape", ["angles", row], ["angle"]),
            helper.make_node("Cos", ["angle"], ["cos"]),
            helper.make_node("Sin", ["angle"], ["sin"]),
            helper.make_node("Concat", ["cos", "sin"], ["direction"], axis=1),
            helper.make_node("Pad", ["direction", zeros], ["embedding"]),
        ]
    graph = helper.make_graph(
        nodes,
        f"tiny_{role}",
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *INPUT_SHAPES[name]])
            for name in wanted.inputs
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *OUTPUT_SHAPES[name]])
            for name in wanted.outputs
        ],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    helper.set_model_props(model, wanted.to_metadata() if metadata is None else metadata)
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data


def write_models_folder(folder: Path, networks: dict[str, bytes]) -> None:
    """Write networks by role, and the models.json that fits them."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {}
    for role, data in networks.items():
        (folder / f"{role}.onnx").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        entries[role] = {"file": f"{role}.onnx", "sha256": digest, "bytes": len(data)}
    manifest = {"contract": contract.VERSION, "models": entries, "figures": {}, "card": None}
    (folder / "models.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="session")
def tiny_network() -> Callable[..., bytes]:
    """`tiny_network_bytes(role, metadata=None)`; skips the test where `onnx` is absent."""
    return tiny_network_bytes


@pytest.fixture(scope="session")
def write_models() -> Callable[[Path, dict[str, bytes]], None]:
    """`write_models_folder(folder, networks)`."""
    return write_models_folder


@pytest.fixture(scope="session")
def student() -> Any:
    """A small student that was never taught."""
    torch = pytest.importorskip("torch")
    from ermask_training.student import Student

    torch.manual_seed(4)
    made = Student((8, 12, 16, EMBEDDING)).requires_grad_(False).eval()
    for name, weight in made.named_parameters():
        if name.endswith("bias"):  # or every face would look alike to it
            weight.zero_()
    return made


@pytest.fixture(scope="session")
def tiny_networks() -> dict[str, bytes]:
    """Networks that keep the contract, as ONNX bytes by role."""
    return {role: tiny_network_bytes(role) for role in ROLES}


@pytest.fixture
def tiny_models(tmp_path: Path, tiny_networks: dict[str, bytes]) -> Path:
    """A models folder with `tiny_networks` and its models.json."""
    folder = tmp_path / "models"
    write_models_folder(folder, tiny_networks)
    return folder


@pytest.fixture(autouse=True, scope="session")
def no_keychain() -> Iterator[None]:
    """No test, and no process that a test starts, touches the keychain of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
        yield


@pytest.fixture(scope="session")
def astronaut() -> np.ndarray[Any, Any]:
    """A public-domain portrait, uint8 (512, 512, 3): one face, 88 pixels wide, a little tilted."""
    data = pytest.importorskip("skimage.data")
    rgb: np.ndarray[Any, Any] = np.asarray(data.astronaut())
    rgb.setflags(write=False)
    return rgb


@pytest.fixture(scope="session")
def astronaut_landmarks() -> np.ndarray[Any, Any]:
    """The five landmarks of `astronaut`, float64 (5, 2), as a person sees them."""
    return np.array([[203.6, 101], [246.9, 103.6], [225.1, 126.7], [203.6, 140.5], [244, 141.7]])
