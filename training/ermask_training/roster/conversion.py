"""ONNX graphs to torch modules through which gradients pass, by onnx2torch, and what it lacks."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    import onnx

MODES = {"linear": "bilinear", "cubic": "bicubic"}
"""Names of interpolations that ONNX changed after opset 16, to torch's."""


def to_module(source: Path | onnx.ModelProto) -> nn.Module:
    """ONNX file or model to a differentiable module."""
    define_nms()
    import onnx
    import onnx2torch

    _register_grid_sample()
    module: nn.Module = onnx2torch.convert(
        onnx.load(str(source)) if isinstance(source, Path) else source
    )
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


class GridSample(nn.Module):
    """The ONNX operator of this name, for pictures."""

    def __init__(self, mode: str, padding_mode: str, align_corners: bool) -> None:
        super().__init__()
        self.mode = MODES.get(mode, mode)
        self.padding_mode = padding_mode
        self.align_corners = align_corners

    def forward(self, x_BCHW: Tensor, grid_BHW2: Tensor) -> Tensor:
        return F.grid_sample(
            x_BCHW,
            grid_BHW2,
            mode=self.mode,
            padding_mode=self.padding_mode,
            align_corners=self.align_corners,
        )


@cache
def _register_grid_sample() -> None:
    """Teach onnx2torch the operator by which our eraser bends faces back."""
    from onnx2torch.node_converters.registry import add_converter
    from onnx2torch.utils.common import OperationConverterResult, onnx_mapping_from_node

    def convert(node: Any, graph: Any) -> Any:
        module = GridSample(
            node.attributes.get("mode", "bilinear"),
            node.attributes.get("padding_mode", "zeros"),
            bool(node.attributes.get("align_corners", 0)),
        )
        return OperationConverterResult(
            torch_module=module, onnx_mapping=onnx_mapping_from_node(node)
        )

    for version in (16, 20):
        add_converter(operation_type="GridSample", version=version)(convert)


def define_nms() -> None:
    """Let torchvision import beside a torch it was not built with.

    onnx2torch imports torchvision for one operator that recognisers do not have, facenet-pytorch
    for its detector. Its wheel fails to import ("operator torchvision::nms does not exist") when
    its compiled part does not fit the installed torch, for instance a CPU build; declaring the
    operators is all it needs.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]
        _LIBRARIES.append(library)


_LIBRARIES: list[torch.library.Library] = []
"""Keeps the declarations alive: they vanish with the object."""
