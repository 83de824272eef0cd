"""Tiny networks of every kind that a roster opens, and a roster that people wrote by hand."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

DIM = 16
HAND_WRITTEN = """# Networks of the test.

[[recogniser]]
name = "tiny"  # the first
file = "tiny.onnx"
role = "train"
box = [0.0, 0.0, 112.0, 112.0]   # all of it
size = [32, 32]
channels = "RGB"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
dim = 16

# --- judges ---
[[recogniser]]
role = "validation"
name = "judge"
file = "judge.onnx"
box = [0.0, 0.0, 112.0, 112.0]
size = [32, 32]
channels = "BGR"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
dim = 16
# the end
"""


@pytest.fixture
def by_hand(tmp_path: Path, roster: Path) -> Path:
    """A folder with two recognisers and comments."""
    folder = tmp_path / "by_hand"
    folder.mkdir()
    (folder / "roster.toml").write_text(HAND_WRITTEN)
    network = (roster / "tiny.onnx").read_bytes()
    (folder / "tiny.onnx").write_bytes(network)
    (folder / "judge.onnx").write_bytes(network)
    return folder


@pytest.fixture
def tiny_module() -> Callable[..., Any]:
    """`tiny_module(side=32)`: a torch network (n, 3, side, side) to (n, DIM) that calls `view`."""
    pytest.importorskip("torch")
    import torch
    from torch import Tensor, nn

    def make(side: int = 32) -> nn.Module:
        torch.manual_seed(5)
        count = 6 * (side // 4) ** 2
        network = nn.Sequential(
            nn.Conv2d(3, 6, 4, 4), nn.PReLU(6), Flat(count), nn.Linear(count, DIM)
        )
        return network.eval()

    class Flat(nn.Module):
        def __init__(self, count: int) -> None:
            super().__init__()
            self.count = count

        def forward(self, x: Tensor) -> Tensor:
            return x.view(-1, self.count)

    return make


@pytest.fixture
def scripted(tmp_path: Path, tiny_module: Callable[..., Any]) -> Path:
    """A TorchScript file (n, 3, 32, 32) to (n, DIM), traced."""
    import torch

    path = tmp_path / "scripted.pt"
    torch.jit.trace(tiny_module(), torch.zeros(2, 3, 32, 32)).save(str(path))
    return path


def face_network(path: Path, side: int, dim: int, *, bytes_in: bool = False) -> Path:
    """An ONNX file (n, 3, side, side) to (n, dim) of two convolutions.

    With `bytes_in`, it begins with a subtraction and a multiplication, as MXNet's exports do.
    """
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(dim)
    shapes = {"w1": (4, 3, side // 8, side // 8), "w2": (dim, 4, 8, 8)}
    values = {name: rng.normal(0, 0.2, shape) for name, shape in shapes.items()}
    values |= {"middle": np.array(127.5), "scale": np.array(1 / 127.5)} if bytes_in else {}
    nodes, first = [], "data"
    if bytes_in:
        nodes = [
            helper.make_node("Sub", ["data", "middle"], ["centred"], "_minusscalar0"),
            helper.make_node("Mul", ["centred", "scale"], ["scaled"], "_mulscalar0"),
        ]
        first = "scaled"
    nodes += [
        helper.make_node("Conv", [first, "w1"], ["a"], strides=[side // 8, side // 8]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"]),
        helper.make_node("Flatten", ["c"], ["fc1"]),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, ["n", 3, side, side])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, dim])],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """An ONNX file (n, 3, 40, 40) to (n, 12)."""
    return face_network(tmp_path / "theirs.onnx", 40, 12)


@pytest.fixture
def pack(tmp_path: Path) -> Callable[..., Path]:
    """`pack(name, **options)`: a folder as InsightFace's are: attributes, landmarks, recogniser."""

    def make(name: str, *, bytes_in: bool = False, recognisers: int = 1) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        face_network(folder / "genderage.onnx", 96, 3)
        face_network(folder / "landmarks.onnx", 192, 12)
        for i in range(recognisers):
            face_network(folder / f"w600k_r{50 + i}.onnx", 112, DIM, bytes_in=bytes_in)
        return folder

    return make


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[[Path], Path]:
    """`zipped(folder)`: the folder as a zip, inside which it has its name."""

    def make(folder: Path) -> Path:
        path = tmp_path / f"{folder.name}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for each in sorted(folder.iterdir()):
                archive.write(each, f"{folder.name}/{each.name}")
        return path

    return make
