"""What protector and eraser share: the network that bends a face as the key says.

Shape suffixes: B faces, C channels, H = W = contract.CROP, G residual grid, F flow grid,
K key planes. Images are RGB in [0, 1]; flows are in crop pixels.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask.contract import FLOW_GRID

WIDTHS = (24, 56, 104, 144)
"""Channels at 56, 28, 14 and 7 pixels."""
FLOW_SIDE = 14
"""Control points of the flow along one side: what makes it smooth."""
FLOW_PARTS = 16
"""Parts of the flow whose signs the key decides, one entry of the key field each."""


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a skip; starts as the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.gain = nn.Parameter(torch.full((channels, 1, 1), 0.1))

    def forward(self, x_BCHW: Tensor) -> Tensor:
        change: Tensor = self.second(F.silu(self.first(F.silu(x_BCHW))))
        return x_BCHW + self.gain * change


class SignedFlow(nn.Module):
    """(crop, key field, strength) -> flow, bounded by strength.

    The network looks at the face and proposes parts of a flow; the key decides the sign of each,
    and the flow is their sum. So it is odd in the key: over all keys it has mean zero, the
    opposite key gives the opposite flow, and an eraser of this form can bend nothing back without
    knowing signs. With a wrong key it adds as much as it takes away.

    Args:
        max_flow: bound of |dx| and |dy| at strength 1, in crop pixels.
    """

    def __init__(self, max_flow: float) -> None:
        super().__init__()
        self.max_flow = max_flow
        wide = WIDTHS
        self.stem = nn.Conv2d(3 * 16, wide[0], 3, padding=1)
        self.strength = nn.Linear(1, wide[3])
        self.encode = nn.ModuleList([nn.Identity(), Residual(wide[1]), Residual(wide[2])])
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(wide)
        )
        self.middle = nn.ModuleList([Residual(wide[3]), Residual(wide[3])])
        self.up = nn.ModuleList([nn.Conv2d(wide[3], wide[2], 1)])
        self.decode = nn.ModuleList([Residual(wide[2])])
        self.flow_head = nn.Conv2d(wide[2], FLOW_PARTS * 2, 3, padding=1)
        self.flow_base = nn.Parameter(torch.randn(FLOW_PARTS * 2, FLOW_SIDE, FLOW_SIDE) * 0.03)
        start_head(self.flow_head)

    def features(self, crop_B3HW: Tensor, strength_B: Tensor) -> list[Tensor]:
        """What it makes of a face at 56, 28 and 14 pixels; the last knows of the whole face."""
        x = self.stem(F.pixel_unshuffle(crop_B3HW * 2 - 1, 4))
        skips = []
        for block, down in zip(self.encode, self.down, strict=True):
            x = block(x)
            skips.append(x)
            x = down(F.silu(x))
        x = x + self.strength(strength_B[:, None])[:, :, None, None]
        for block in self.middle:
            x = block(x)
        skips[2] = self.decode[0](larger(self.up[0](x)) + skips[2])
        return skips

    def parts(self, features_14: Tensor) -> Tensor:
        """What the face suggests, before any key: the parts of the flow (B, 2 P, 14, 14).

        The same for every key: under several keys it is done once.
        """
        parts: Tensor = self.flow_head(F.silu(features_14)) + self.flow_base
        return parts

    def sign(self, parts: Tensor, key_BKHW: Tensor, strength_B: Tensor) -> Tensor:
        """Put the parts together as the key says; returns flow_B2FF."""
        signs = key_BKHW.flatten(1)[:, :FLOW_PARTS]
        control = bound(mirrored(signed_sum(parts, signs)))
        flow = F.interpolate(
            control, scale_factor=FLOW_GRID / FLOW_SIDE, mode="bicubic", align_corners=False
        ).clamp(-1, 1)
        return flow * (self.max_flow * strength_B[:, None, None, None])

    def bend(self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor) -> Tensor:
        """Returns flow_B2FF."""
        parts = self.parts(self.features(crop_B3HW, strength_B)[2])
        return self.sign(parts, key_BKHW, strength_B)


def start_head(head: nn.Conv2d) -> None:
    """Let an output start near zero."""
    nn.init.normal_(head.weight, std=0.02)
    if head.bias is not None:
        nn.init.zeros_(head.bias)


def larger(x_BCHW: Tensor) -> Tensor:
    """Twice as many rows and columns."""
    return F.interpolate(x_BCHW, scale_factor=2.0, mode="nearest")


def signed_sum(parts_BCHW: Tensor, signs_BP: Tensor) -> Tensor:
    """Sum of P groups of C / P channels, each under its sign: (B, C / P, H, W)."""
    batch, channels, height, width = parts_BCHW.shape
    count = signs_BP.shape[1]
    grouped = parts_BCHW.reshape(batch, count, channels // count, height, width)
    return (grouped * signs_BP[:, :, None, None, None]).sum(1)


def mirrored(flow_B2FF: Tensor) -> Tensor:
    """The part of a flow that is the same on both sides of the face.

    A face that is wider, or has a longer nose, is another face; one whose mouth hangs on one side
    is a bent photo, and eyes see it at once.
    """
    other = flow_B2FF.flip(3) * flow_B2FF.new_tensor([-1.0, 1.0])[:, None, None]
    return (flow_B2FF + other) / 2


def bound(x: Tensor) -> Tensor:
    """Into (-1, 1), with tails that keep a gradient where tanh has none left."""
    return x * torch.rsqrt(1 + x * x)
