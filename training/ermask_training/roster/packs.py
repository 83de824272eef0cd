"""The recognition network in a model pack of InsightFace.

A pack (`~/.insightface/models/buffalo_l`, or the zip it came as) is a folder of ONNX files:
detectors, landmarks, attributes, and one recogniser, which sees the ArcFace template at 112
pixels in RGB. The package `insightface` is not needed to read it. Its `model_zoo.arcface_onnx`
says how a face is normalised: networks that came from MXNet begin with a subtraction and a
multiplication and take bytes, 0 to 255, as they are; others take (x - 127.5) / 127.5.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnx import ModelProto

SIDE = 112
FIRST = 8
"""Nodes among which a network's own normalisation is looked for."""


def is_pack(path: Path) -> bool:
    """Whether it is a folder or a zip, rather than one network's file."""
    return path.is_dir() or path.suffix.lower() == ".zip"


def find_recogniser(pack: Path) -> bytes:
    """The ONNX file in a pack, folder or zip, that is its recognition network.

    Raises:
        ValueError: the pack cannot be read, or has no recognition network or several.
    """
    import onnx

    seen, found = [], {}
    try:
        for name, content in _networks(pack):
            seen.append(name)
            if is_recognition(onnx.load_model_from_string(content)):
                found[name] = content
    except Exception as error:  # zip, decompression and protobuf have errors of their own
        raise ValueError(f"it cannot be read as a pack of InsightFace: {error}") from error
    if not found:
        raise ValueError(f"the pack has no recognition network among {seen}")
    if len(found) > 1:
        raise ValueError(f"the pack has {len(found)} recognisers, {sorted(found)}: add one file")
    return found.popitem()[1]


def is_recognition(model: ModelProto) -> bool:
    """Whether it takes one image (n, 3, 112, 112) and gives one matrix."""
    inputs = input_shapes(model)
    outputs = [value.type.tensor_type.shape.dim for value in model.graph.output]
    return (
        len(inputs) == 1
        and inputs[0][1:] == [3, SIDE, SIDE]
        and len(outputs) == 1
        and len(outputs[0]) == 2
    )


def require_recognition(model: ModelProto) -> None:
    """Raises ValueError where `is_recognition` says no."""
    if not is_recognition(model):
        raise ValueError(
            f"it takes {input_shapes(model)}, and InsightFace's recognition networks take one "
            f"image (n, 3, {SIDE}, {SIDE}) and give one matrix"
        )


def normalisation(model: ModelProto) -> tuple[float, float]:
    """Mean and standard deviation of its input, for x in [0, 1]."""
    first = {node.op_type for node in model.graph.node[:FIRST]}
    return (0.0, 1 / 255) if {"Sub", "Mul"} <= first else (0.5, 0.5)


def input_shapes(model: ModelProto) -> list[list[int | None]]:
    """Of every input of a graph that is no weight, the dimensions; None for those left open."""
    weights = {each.name for each in model.graph.initializer}
    return [
        [each.dim_value or None for each in value.type.tensor_type.shape.dim]
        for value in model.graph.input
        if value.name not in weights
    ]


def _networks(pack: Path) -> Iterator[tuple[str, bytes]]:
    """The ONNX files of a pack: name and content."""
    if pack.is_dir():
        for path in sorted(pack.rglob("*.onnx")):
            yield path.name, path.read_bytes()
        return
    with zipfile.ZipFile(pack) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".onnx"):
                yield Path(name).name, archive.read(name)
