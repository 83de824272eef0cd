"""Made-up crops, and a recogniser of two layers to train against: nothing is downloaded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ermask.contract import CROP

SIDE = 32
DIM = 16
ENTRY: dict[str, Any] = {
    "name": "tiny",
    "file": "tiny.onnx",
    "role": "train",
    "box": [0.0, 0.0, 112.0, 112.0],
    "size": [SIDE, SIDE],
    "channels": "RGB",
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
    "dim": DIM,
}


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Torch on one thread: the same sums in the same order, and no crowd on a busy machine."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def fresh_accelerate(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On the CPU, as runs that are the same to the bit need it; accelerate forgets each test."""
    state = pytest.importorskip("accelerate.state")
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")
    yield
    state.AcceleratorState._reset_state(reset_partial_state=True)


def write_roster(folder: Path, *entries: dict[str, Any]) -> Path:
    """A roster.toml; values as JSON happen to be TOML."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for entry in entries:
        fields = [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
        rows.append("\n".join(["[[recogniser]]", *fields, ""]))
    (folder / "roster.toml").write_text("\n".join(rows))
    return folder


def write_network(path: Path, nodes: list[Any], weights: list[Any], side: int, dim: int) -> None:
    """An ONNX file from `face` (n, 3, side, side) to `embedding` (n, dim)."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        nodes,
        "recogniser",
        [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 3, side, side])],
        [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", dim])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


@pytest.fixture(scope="session")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the recogniser `tiny`: random convolutions, (n, 3, SIDE, SIDE) to DIM."""
    pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    folder = write_roster(tmp_path_factory.mktemp("roster"), ENTRY)
    rng = np.random.default_rng(3)
    weights = [
        numpy_helper.from_array(rng.normal(0, 0.2, shape).astype(np.float32), name)
        for name, shape in (("w1", (8, 3, 4, 4)), ("w2", (DIM, 8, 8, 8)))
    ]
    nodes = [
        helper.make_node("Conv", ["face", "w1"], ["a"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], kernel_shape=[8, 8]),
        helper.make_node("Flatten", ["c"], ["embedding"]),
    ]
    write_network(folder / "tiny.onnx", nodes, weights, SIDE, DIM)
    return folder


@pytest.fixture(scope="session")
def several(roster: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with three surrogates and a judge: as the tiny one, with weights of their own."""
    onnx = pytest.importorskip("onnx")
    roles = {"one": "train", "two": "train", "three": "train", "judge": "validation"}
    entries = [
        {**ENTRY, "name": name, "file": f"{name}.onnx", "role": role}
        for name, role in roles.items()
    ]
    folder = write_roster(tmp_path_factory.mktemp("several"), *entries)
    rng = np.random.default_rng(5)
    for name in roles:
        model = onnx.load(roster / "tiny.onnx")
        for weights in model.graph.initializer:
            fresh = rng.normal(0, 0.2, onnx.numpy_helper.to_array(weights).shape)
            weights.CopyFrom(onnx.numpy_helper.from_array(fresh.astype(np.float32), weights.name))
        onnx.save(model, folder / f"{name}.onnx")
    return folder


@pytest.fixture(scope="session")
def school(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the recogniser `master`, which has residual streams at 28, 14 and 7 pixels."""
    pytest.importorskip("onnx")
    from onnx import helper, numpy_helper

    entry = {**ENTRY, "name": "master", "file": "master.onnx", "size": [112, 112]}
    folder = write_roster(tmp_path_factory.mktemp("school"), entry)
    rng = np.random.default_rng(3)
    weights, nodes, before, channels = [], [], "face", 3
    for i, (width, stride) in enumerate(((6, 4), (8, 2), (10, 2))):
        down = rng.normal(0, 0.3, (width, channels, stride, stride)).astype(np.float32)
        mix = rng.normal(0, 0.3, (width, width, 1, 1)).astype(np.float32)
        weights += [numpy_helper.from_array(down, f"d{i}"), numpy_helper.from_array(mix, f"m{i}")]
        nodes += [
            helper.make_node("Conv", [before, f"d{i}"], [f"a{i}"], strides=[stride, stride]),
            helper.make_node("Relu", [f"a{i}"], [f"b{i}"]),
            helper.make_node("Conv", [f"b{i}", f"m{i}"], [f"c{i}"]),
            helper.make_node("Add", [f"a{i}", f"c{i}"], [f"stream{i}"]),
        ]
        before, channels = f"stream{i}", width
    whole = rng.normal(0, 0.2, (DIM, channels, 7, 7)).astype(np.float32)
    weights.append(numpy_helper.from_array(whole, "w"))
    nodes += [
        helper.make_node("Conv", [before, "w"], ["e"]),
        helper.make_node("Flatten", ["e"], ["embedding"]),
    ]
    write_network(folder / "master.onnx", nodes, weights, 112, DIM)
    return folder


@pytest.fixture
def looking_glass(tmp_path: Path) -> Callable[..., Path]:
    """`looking_glass(**fields)`: a roster whose recogniser embeds what it is given, unchanged."""

    def write(**fields: Any) -> Path:
        pytest.importorskip("onnx")
        from onnx import helper

        side = fields.get("size", ENTRY["size"])[0]
        entry = {**ENTRY, "dim": 3 * side * side, **fields}
        nodes = [helper.make_node("Flatten", ["face"], ["embedding"])]
        folder = write_roster(tmp_path / "looking_glass", entry)
        write_network(folder / "tiny.onnx", nodes, [], side, 3 * side * side)
        return folder

    return write


def write_crops(folder: Path, identities: list[str], seed: int = 0) -> Path:
    """A prepared set with one smooth random crop for every name in `identities`."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    crops = [
        np.asarray(Image.fromarray(patch).resize((CROP, CROP), Image.Resampling.BICUBIC))
        for patch in rng.integers(0, 256, (len(identities), 12, 12, 3), np.uint8)
    ]
    np.save(folder / "crops.npy", np.stack(crops))
    photos = [f"{name}/{i}.jpg" for i, name in enumerate(identities)]
    index = {"crop": CROP, "identities": identities, "photos": photos}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared set of six crops of three people."""
    return write_crops(tmp_path_factory.mktemp("crops"), ["ada", "ada", "bo", "bo", "cy", "cy"])


@pytest.fixture
def prepared(tmp_path: Path) -> Callable[..., Path]:
    """`prepared(name, identities, seed=0)`: the folder of a new prepared set."""
    return lambda name, identities, seed=0: write_crops(tmp_path / name, identities, seed)


@pytest.fixture
def entry() -> dict[str, Any]:
    """A roster entry that is in order, to be spoilt."""
    return dict(ENTRY)


@pytest.fixture
def rostered(tmp_path: Path, roster: Path) -> Callable[..., Path]:
    """`rostered(*entries)`: a folder with the network `tiny.onnx` and these entries."""

    def write(*entries: dict[str, Any]) -> Path:
        folder = write_roster(tmp_path / "rostered", *entries)
        (folder / "tiny.onnx").write_bytes((roster / "tiny.onnx").read_bytes())
        return folder

    return write
