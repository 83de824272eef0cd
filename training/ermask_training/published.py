"""The weights of networks that were trained before, out of a models folder or a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from ermask.contract import METADATA_KEY, Role
from ermask_training import checkpoint
from ermask_training.blocks import KEYED, KeyedFlow
from ermask_training.chooser import Chooser
from ermask_training.eraser import Eraser
from ermask_training.persona import Persona
from ermask_training.protector import Protector
from ermask_training.student import Student, from_weights, shape_of

STUDENT, FLOW, PERSONA = "student.", "flow.", "persona."
"""What the names of weights of a protector's parts begin with."""
PREFIX = "network."
"""What the export puts before the names of the weights."""

Network = Chooser | Protector | Eraser


def weights(folder: Path, role: Role) -> dict[str, Tensor]:
    """The weights of one network of a models folder or a run, by their names in the network.

    A models folder may be of any contract: weights are taken by name where they fit.

    Raises:
        ValueError: there is no such file, or it is no ONNX model.
    """
    if _is_run(folder):
        return in_state(checkpoint.load(folder))[role]
    return in_graph(_open(folder, role))


def bounds(folder: Path, role: Role) -> tuple[float, float]:
    """The largest residual and flow of a models folder or a run; see `ModelContract`.

    Raises:
        ValueError: see `weights`; or the file has no contract of ours.
    """
    if _is_run(folder):
        config = checkpoint.read_config(folder)
        return config.max_residual, config.max_flow
    found = {each.key: each.value for each in _open(folder, role).metadata_props}
    try:
        entries = json.loads(found[METADATA_KEY])
        return entries["max_residual"], entries["max_flow"]
    except KeyError as error:
        raise ValueError(f"the {role} in {folder} carries no contract") from error


def network(role: Role, bounds: tuple[float, float], weights: dict[str, Tensor]) -> Network:
    """A network of these weights, for use and not for training.

    Raises:
        ValueError: the names or shapes are not those of the network.
    """
    try:
        made: Network
        if role == "chooser":
            made = Chooser(bounds[1], shape_of(_of_student(weights)))
        elif role == "protector":
            own = weights.get(PERSONA + "own")
            persona = None if own is None else Persona(len(own))
            made = Protector(*bounds, shape_of(_of_student(weights)), persona)
        else:
            made = Eraser(*bounds)
        made.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"the weights of the {role} do not fit this lab's network; those of another "
            "generation run as before, but only the lab they come from can verify them"
        ) from error
    made.requires_grad_(False)
    return made.eval()


def take_over(network: nn.Module, weights: Mapping[str, Tensor]) -> int:
    """Load those of the weights whose names and shapes fit; returns how many did."""
    own = network.state_dict()
    fitting = {
        name: weight
        for name, weight in weights.items()
        if name in own and own[name].shape == weight.shape
    }
    network.load_state_dict({**own, **fitting})
    return len(fitting)


def flow(folder: Path) -> KeyedFlow:
    """What bends faces in a models folder or a run, for use and not for training.

    Raises:
        ValueError: see `bounds`; or it is of another generation of networks.
    """
    made = KeyedFlow(bounds(folder, "protector")[1] * KEYED)
    given = weights(folder, "protector")
    try:
        made.load_state_dict({name: given[FLOW + name] for name in made.state_dict()})
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"the protector in {folder} is not of this lab's kind") from error
    made.requires_grad_(False)
    return made.eval()


def student(folder: Path) -> Student:
    """The student in the protector of a models folder or a run.

    Raises:
        ValueError: see `weights`; or it is of another generation of networks.
    """
    try:
        return from_weights(_of_student(weights(folder, "protector")))
    except (KeyError, RuntimeError) as error:
        raise ValueError(f"the protector in {folder} has no student of this lab's kind") from error


def in_state(state: Mapping[str, Any]) -> dict[Role, dict[str, Tensor]]:
    """The weights of a run's checkpoint that ship: averages; a chooser's are a protector's."""
    protector, eraser = state["averages"]
    parts = {name: w for name, w in protector.items() if name.startswith((FLOW, STUDENT))}
    return {"chooser": parts, "protector": protector, "eraser": eraser}


def _of_student(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What is a student's among a protector's weights, by its names in the student."""
    return {k.removeprefix(STUDENT): w for k, w in weights.items() if k.startswith(STUDENT)}


def _is_run(folder: Path) -> bool:
    """Whether this is the folder of a training run and not one of models."""
    return (folder / "state.pt").is_file()


def _open(folder: Path, role: Role) -> onnx.ModelProto:
    path = folder / f"{role}.onnx"
    try:
        return onnx.load(str(path))
    except (FileNotFoundError, DecodeError) as error:
        raise ValueError(f"{path} is missing or no ONNX model") from error


def in_graph(model: onnx.ModelProto) -> dict[str, Tensor]:
    """The weights in a graph that the export wrote, by their names in the network."""
    return {
        each.name.removeprefix(PREFIX): torch.from_numpy(numpy_helper.to_array(each).copy())
        for each in model.graph.initializer
        if each.name.startswith(PREFIX)
    }
