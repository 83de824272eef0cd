"""The published networks as an attacker has them: differentiable, out of their ONNX files.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx
from torch import Tensor, nn

from ermask import contract
from ermask.contract import ModelContract, Role
from ermask.model_files import read_manifest
from ermask_training import published
from ermask_training.surrogates import to_module


class PublicModel(nn.Module):
    """A protector or an eraser: the graph of the file, through which gradients pass.

    The key may be any real field, so that an attacker can climb. The weights never change.
    """

    def __init__(self, path: Path, role: Role) -> None:
        super().__init__()
        model = onnx.load(str(path))
        metadata = {each.key: each.value for each in model.metadata_props}
        self.contract: ModelContract = contract.from_metadata(metadata, role)
        self.digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self.weights = published.in_graph(model)
        """By their names in the network that was exported; what an attacker may start from."""
        self.net = to_module(path)
        self.requires_grad_(False)
        self.eval()

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF."""
        residual_B3GG, flow_B2FF = self.net(crop_B3HW, key_BKHW, strength_B)
        return residual_B3GG, flow_B2FF


def open_model(folder: Path, role: Role) -> PublicModel:
    """The network of one role in a models folder.

    Raises:
        ErmaskError: models.json or the file is missing, damaged or of another contract.
    """
    file = read_manifest(folder).files[role]
    file.read()  # checks size and SHA-256
    return PublicModel(file.path, role)
