"""The weights of published networks, out of their ONNX files."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from ermask.contract import Role
from ermask.model_files import read_manifest

NETWORK, STUDENT = "network.", "student."
"""What the export puts before the names of the weights."""


def weights(folder: Path, role: Role) -> dict[str, Tensor]:
    """The weights of one network of a models folder, by their names in the network.

    Raises:
        ErmaskError: models.json or the file is missing or damaged.
    """
    file = read_manifest(folder).files[role]
    file.read()  # checks size and SHA-256
    return in_graph(onnx.load(str(file.path)))


def in_graph(model: onnx.ModelProto, prefix: str = NETWORK) -> dict[str, Tensor]:
    """The weights in a graph that the export wrote, by their names in the network."""
    return {
        each.name.removeprefix(prefix): torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in model.graph.initializer
        if each.name.startswith(prefix)
    }
