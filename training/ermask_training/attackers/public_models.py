"""The published networks as an attacker has them, out of their ONNX files.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from torch import Tensor, nn

from ermask.align import Floats
from ermask.contract import ModelContract
from ermask.model_files import ModelFile, read_manifest
from ermask.ort_session import Feeds, OrtSession
from ermask_training import published
from ermask_training.surrogates import to_module


class PublicProtector:
    """A protector and its chooser, run as the product runs them."""

    def __init__(self, chooser: ModelFile, protector: ModelFile) -> None:
        self._chooser = OrtSession(chooser.read(), role="chooser", device="cpu")
        self._protector = OrtSession(protector.read(), role="protector", device="cpu")
        if self._protector.contract is None:
            raise TypeError("a session with a role has a contract")
        self.contract: ModelContract = self._protector.contract
        self.digest = protector.sha256

    def __call__(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF."""
        answer = self._protector.run(self._feeds(crop_B3HW, key_BKHW, strength_B))
        return torch.from_numpy(answer["residual"]), torch.from_numpy(answer["flow"])

    def look(self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor) -> Floats:
        """What the chooser makes of each face as its key bends it: embedding_BD."""
        return self._chooser.run(self._feeds(crop_B3HW, key_BKHW, strength_B))["embedding"]

    def _feeds(self, *given: Tensor) -> Feeds:
        named = zip(self.contract.inputs, given, strict=True)
        return {name: each.contiguous().numpy() for name, each in named}


class PublicEraser(nn.Module):
    """An eraser: the graph of the file, through which gradients pass.

    The key may be any real field, so that an attacker can climb. The weights never change.
    """

    def __init__(self, file: ModelFile) -> None:
        super().__init__()
        data = file.read()
        # as the product opens it: what it would refuse is no model to attack
        OrtSession(data, role="eraser", device="cpu").close()
        self.digest = file.sha256
        model = onnx.load_from_string(data)
        self.weights = published.in_graph(model)
        """By their names in the network that was exported; what an attacker may start from."""
        self.net = to_module(model)
        self.requires_grad_(False)
        self.eval()

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor, *, fits: bool
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF.

        Args:
            fits: whether it is told that the keys fit, which anybody can.
        """
        fits_B = torch.full_like(strength_B, float(fits))
        residual_B3GG, flow_B2FF = self.net(crop_B3HW, key_BKHW, strength_B, fits_B)
        return residual_B3GG, flow_B2FF


def open_models(folder: Path) -> tuple[PublicProtector, PublicEraser]:
    """The networks of a models folder.

    Raises:
        ErmaskError: models.json or a file is missing, damaged or of another contract.
    """
    files = read_manifest(folder).files
    protector = PublicProtector(files["chooser"], files["protector"])
    return protector, PublicEraser(files["eraser"])
