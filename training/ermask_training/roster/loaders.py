"""Files of recognition networks to torch modules through which gradients pass.

Every module takes faces as its network does, float32 (B, 3, height, width), already normalised,
and gives embeddings (B, dim).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from ermask_training.roster import conversion, packs
from ermask_training.roster.entries import Loader

FACENET_SIZE = (160, 160)
FACENET_PACKAGES = (
    "run `pip install --no-deps facenet-pytorch`, since what it pins would replace the lab's "
    "torch, and `pip install requests tqdm`"
)


def open_network(path: Path, loader: Loader) -> nn.Module:
    """A file as a module, on the CPU, in evaluation mode.

    A TorchScript file is a program and is run; the other kinds are data.

    Raises:
        ValueError: the file cannot be read by this loader, or a package that it needs is missing.
    """
    openers: dict[Loader, Callable[[Path], nn.Module]] = {
        "onnx": conversion.to_module,
        "insightface": _open_insightface,
        "torchscript": _Script,
        "facenet-pytorch": _open_facenet,
    }
    try:
        return openers[loader](path).eval()
    except ModuleNotFoundError as error:
        wanted = FACENET_PACKAGES if loader == "facenet-pytorch" else "install ermask[lab]"
        raise ValueError(
            f"loader {loader} needs the package {error.name}, which is not installed: {wanted}"
        ) from error
    except Exception as error:  # each library has errors of its own for a file it cannot read
        raise ValueError(f"{path.name} cannot be read by loader {loader}: {error}") from error


def face_size(path: Path, loader: Loader) -> tuple[int, int] | None:
    """Height and width (pixels) that the file says its network takes; None where it is silent.

    Raises:
        ValueError: the file is an ONNX that does not take one image of three channels, or none.
    """
    if loader == "facenet-pytorch":
        return FACENET_SIZE
    if loader == "torchscript":
        return None
    import onnx

    try:
        inputs = packs.input_shapes(onnx.load(str(path), load_external_data=False))
    except Exception as error:  # protobuf's errors have no class in common
        raise ValueError(f"{path.name} cannot be read as ONNX: {error}") from error
    if len(inputs) != 1 or len(inputs[0]) != 4 or inputs[0][1] not in (3, None):
        raise ValueError(f"{path.name} takes {inputs}, not one image (n, 3, height, width)")
    height, width = inputs[0][2:]
    return None if height is None or width is None else (height, width)


class _Script(nn.Module):
    """A TorchScript file. Its views of memory were written for contiguous faces."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.script = torch.jit.load(  # type: ignore[no-untyped-call]
            str(path), map_location="cpu"
        )

    def forward(self, face_B3HW: Tensor) -> Tensor:
        embedding_BD: Tensor = self.script(face_B3HW.contiguous())
        return embedding_BD


def _open_insightface(path: Path) -> nn.Module:
    import onnx

    packs.require_recognition(onnx.load(str(path), load_external_data=False))
    return conversion.to_module(path)


def _open_facenet(path: Path) -> nn.Module:
    conversion.define_nms()
    from facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1

    weights = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(weights, dict):
        raise ValueError("it holds no state dict")
    network: nn.Module = InceptionResnetV1()
    # published files have the classifier too, whose size is the number of people in training
    network.load_state_dict({k: v for k, v in weights.items() if not k.startswith("logits.")})
    return network
