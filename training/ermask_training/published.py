"""The weights of networks that were trained before, out of a models folder or a run."""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor

from ermask.contract import Role
from ermask.model_files import ROLES
from ermask_training import checkpoint

PREFIX = "network."
"""What the export puts before the names of the weights."""


def weights(folder: Path, role: Role) -> dict[str, Tensor]:
    """The weights of one network of a models folder or a run, by their names in the network.

    A models folder may be of any contract: weights are taken by name where they fit.

    Raises:
        ValueError: there is no such file, or it is no ONNX model.
    """
    if (folder / "state.pt").is_file():
        state: dict[str, Tensor] = checkpoint.load(folder)["averages"][ROLES.index(role)]
        return state
    path = folder / f"{role}.onnx"
    try:
        return in_graph(onnx.load(str(path)))
    except (FileNotFoundError, DecodeError) as error:
        raise ValueError(f"{path} is missing or no ONNX model") from error


def in_graph(model: onnx.ModelProto) -> dict[str, Tensor]:
    """The weights in a graph that the export wrote, by their names in the network."""
    return {
        each.name.removeprefix(PREFIX): torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in model.graph.initializer
        if each.name.startswith(PREFIX)
    }
