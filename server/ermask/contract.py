"""What the lab and the machine must agree on about the three networks, written once.

Shapes: N faces, H = W = CROP. Coordinates are pixels of the canonical crop unless said otherwise.
docs/contract.md has the same in words. A change of meaning means VERSION + 1.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

from ermask.errors import ContractMismatch

VERSION = 4
CROP = 224
"""Side of the canonical crop in pixels, RGB, float32 in [0, 1], layout (N, 3, CROP, CROP)."""
FIELD = (8, 7, 7)
"""Planes, rows and columns of the key field, float32, each entry -1 or +1."""
RESIDUAL_GRID = 112
"""Side of the residual (N, 3, g, g): added to the crop after bilinear upsampling; 1.0 = white."""
FLOW_GRID = 56
"""Side of the flow (N, 2, g, g): (dx, dy) in crop pixels; output(u) = input(u + flow(u))."""
EMBEDDING = 128
"""Length of what the chooser makes of a face (N, EMBEDDING), of Euclidean length one."""
DRAWS = 16
"""Keys that are made of a key; a photo is protected under one of them."""
STRENGTHS = {"low": 0.7, "mid": 1.0, "high": 1.5}
"""Presets: the value fed to the networks' strength input, float32 (N,), one per face."""

Role = Literal["chooser", "protector", "eraser"]
METADATA_KEY = "ermask.contract"


@dataclass(frozen=True, kw_only=True)
class ModelContract:
    """The contract as it travels in a model file's metadata."""

    role: Role
    version: int = VERSION
    crop: int = CROP
    field: tuple[int, int, int] = FIELD
    residual_grid: int = RESIDUAL_GRID
    flow_grid: int = FLOW_GRID
    max_residual: float
    """Largest |residual| at strength 1, as a share of the range (8/255 = 0.031)."""
    max_flow: float
    """Largest |dx| or |dy| at strength 1, in crop pixels."""

    @property
    def inputs(self) -> tuple[str, ...]:
        both = ("crop", "key", "strength")
        return (*both, "fits") if self.role == "eraser" else both

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("embedding",) if self.role == "chooser" else ("residual", "flow")

    def to_metadata(self) -> dict[str, str]:
        """Entries for the ONNX file's metadata_props."""
        return {METADATA_KEY: json.dumps(asdict(self), sort_keys=True)}


def from_metadata(metadata: dict[str, str], role: Role) -> ModelContract:
    """Read and check a model file's contract.

    Raises:
        ContractMismatch: no contract, another version, another role or other shapes.
    """
    try:
        entries = json.loads(metadata[METADATA_KEY])
        entries["field"] = tuple(entries["field"])
        found = ModelContract(**entries)
    except (KeyError, TypeError, ValueError) as error:
        raise ContractMismatch("The model file carries no readable ermask contract.") from error
    wanted = ModelContract(role=role, max_residual=found.max_residual, max_flow=found.max_flow)
    for name in ("version", "role", "crop", "field", "residual_grid", "flow_grid"):
        if getattr(found, name) != getattr(wanted, name):
            raise ContractMismatch(
                f"The model's {name} is {getattr(found, name)!r}; "
                f"this ermask needs {getattr(wanted, name)!r}."
            )
    return found
