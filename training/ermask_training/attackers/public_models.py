"""The published networks as an attacker has them, out of their ONNX files.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ermask.contract import ModelContract
from ermask.model_files import ModelFile, read_manifest
from ermask.ort_session import OrtSession
from ermask_training import published
from ermask_training.surrogates import to_module


class PublicProtector:
    """A protector, run as the product runs it."""

    def __init__(self, file: ModelFile) -> None:
        self._session = OrtSession(file.read(), role="protector", device="cpu")
        if self._session.contract is None:
            raise TypeError("a session with a role has a contract")
        self.contract: ModelContract = self._session.contract
        self.digest = file.sha256

    def __call__(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF."""
        given = zip(self.contract.inputs, (crop_B3HW, key_BKHW, strength_B), strict=True)
        answer = self._session.run({name: each.contiguous().numpy() for name, each in given})
        return torch.from_numpy(answer["residual"]), torch.from_numpy(answer["flow"])


class PublicEraser(nn.Module):
    """An eraser: the graph of the file, through which gradients pass.

    The key may be any real field, so that an attacker can climb. The weights never change.
    """

    def __init__(self, file: ModelFile) -> None:
        super().__init__()
        # as the product opens it: what it would refuse is no model to attack
        OrtSession(file.read(), role="eraser", device="cpu").close()
        self.digest = file.sha256
        self.weights = published.in_graph(onnx.load(str(file.path)))
        """By their names in the network that was exported; what an attacker may start from."""
        self.net = to_module(file.path)
        self.requires_grad_(False)
        self.eval()

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF."""
        residual_B3GG, flow_B2FF = self.net(crop_B3HW, key_BKHW, strength_B)
        return residual_B3GG, flow_B2FF


def open_models(folder: Path) -> tuple[PublicProtector, PublicEraser]:
    """Both networks of a models folder.

    Raises:
        ErmaskError: models.json or a file is missing, damaged or of another contract.
    """
    files = read_manifest(folder).files
    return PublicProtector(files["protector"]), PublicEraser(files["eraser"])
