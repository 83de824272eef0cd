"""The gradient of a network with respect to its input, written out as a network.

Automatic differentiation does not survive the export to ONNX; the layers of the student have
gradients that are layers themselves. Weights are constants here.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from ermask_training.student import Bottleneck

Back = Callable[[Tensor], Tensor]
"""The gradient by the output to the gradient by the input."""


def traced(layer: nn.Module, x: Tensor) -> tuple[Tensor, Back]:
    """What a layer makes of `x`, and the way back.

    Raises:
        TypeError: there is no way back through such a layer.
    """
    match layer:
        case nn.Sequential():
            backs = []
            for each in layer:
                x, back = traced(each, x)
                backs.append(back)
            return x, lambda g: _through(backs[::-1], g)
        case Bottleneck():
            change, back = traced(layer.change, x)
            return x + layer.gain * change, lambda g: g + back(layer.gain * g)
        case nn.Conv2d():
            return layer(x), lambda g: convolved_back(layer, g)
        case nn.ReLU():
            y = F.relu(x)
            return y, lambda g: g * (y > 0)
        case nn.Flatten():
            return layer(x), lambda g: g.reshape(-1, *x.shape[1:])
        case nn.Linear():
            return layer(x), lambda g: g @ layer.weight
    raise TypeError(f"no way back through a {type(layer).__name__}")


def convolved_back(layer: nn.Conv2d, g: Tensor) -> Tensor:
    """The gradient by the input of a convolution whose output is as large, or half."""
    stride, padding = layer.stride[0], int(layer.padding[0])
    if stride == 1 and 2 * padding + 1 == layer.kernel_size[0]:
        # a convolution itself, which runs faster than a transposed one
        turned = layer.weight.flip(2, 3)
        if layer.groups == 1:
            turned = turned.transpose(0, 1)
        return F.conv2d(g, turned, padding=padding, groups=layer.groups)
    return F.conv_transpose2d(
        g,
        layer.weight,
        stride=stride,
        padding=padding,
        output_padding=stride - 1,
        groups=layer.groups,
    )


def _through(backs: list[Back], g: Tensor) -> Tensor:
    for back in backs:
        g = back(g)
    return g
