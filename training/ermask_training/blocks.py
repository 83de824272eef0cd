"""The U-Net that protector and eraser share.

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
FLOW_PARTS, RESIDUAL_PARTS = 16, 8
"""Parts of the change whose signs the key decides, one entry of the key field each."""


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


class SignedUNet(nn.Module):
    """(crop, key field, strength) -> (residual, flow), both bounded by strength.

    The network looks at the face and proposes parts of a change; the key decides the sign of each,
    and the change is their sum. So the flow is odd in the key: over all keys it has mean zero, the
    opposite key gives the opposite flow, and an eraser of this form can bend nothing back without
    knowing signs. With a wrong key it adds as much as it takes away. The residual has one part
    more, whose sign is fixed: what is painted can be seen, and so undone, by everybody.

    Args:
        max_residual: bound of |residual| at strength 1, as a share of the range.
        max_flow: bound of |dx| and |dy| at strength 1, in crop pixels.
    """

    def __init__(self, max_residual: float, max_flow: float) -> None:
        super().__init__()
        self.max_residual, self.max_flow = max_residual, max_flow
        wide = WIDTHS
        self.stem = nn.Conv2d(3 * 16, wide[0], 3, padding=1)
        self.strength = nn.Linear(1, wide[3])
        self.encode = nn.ModuleList([nn.Identity(), Residual(wide[1]), Residual(wide[2])])
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(wide)
        )
        self.middle = nn.ModuleList([Residual(wide[3]), Residual(wide[3])])
        self.up = nn.ModuleList(
            nn.Conv2d(a, b, 1) for a, b in zip(wide[:0:-1], wide[2::-1], strict=True)
        )
        self.decode = nn.ModuleList(Residual(width) for width in wide[2::-1])
        self.flow_head = nn.Conv2d(wide[2], FLOW_PARTS * 2, 3, padding=1)
        self.flow_base = nn.Parameter(torch.randn(FLOW_PARTS * 2, FLOW_SIDE, FLOW_SIDE) * 0.03)
        self.residual_head = nn.Conv2d(wide[0], (1 + RESIDUAL_PARTS) * 3 * 4, 3, padding=1)
        for head in (self.flow_head, self.residual_head):
            nn.init.normal_(head.weight, std=0.02)
            if head.bias is not None:
                nn.init.zeros_(head.bias)

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG and flow_B2FF."""
        return self.sign(self.parts(crop_B3HW, strength_B), key_BKHW, strength_B)

    def parts(self, crop_B3HW: Tensor, strength_B: Tensor) -> tuple[Tensor, Tensor]:
        """What the face suggests, before any key: the parts of the flow and of the residual.

        Most of the work, and the same for every key: under several keys it is done once.
        """
        x = self.stem(F.pixel_unshuffle(crop_B3HW * 2 - 1, 4))
        skips = []
        for block, down in zip(self.encode, self.down, strict=True):
            x = block(x)
            skips.append(x)
            x = down(F.silu(x))
        x = x + self.strength(strength_B[:, None])[:, :, None, None]
        for block in self.middle:
            x = block(x)
        features_14 = x
        for level, (up, block) in enumerate(zip(self.up, self.decode, strict=True)):
            x = block(F.interpolate(up(x), scale_factor=2.0, mode="nearest") + skips[-1 - level])
            if level == 0:
                features_14 = x
        return (
            self.flow_head(F.silu(features_14)) + self.flow_base,
            self.residual_head(F.silu(x)),
        )

    def sign(
        self, parts: tuple[Tensor, Tensor], key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Put the parts together as the key says; returns residual_B3GG and flow_B2FF."""
        scale = strength_B[:, None, None, None]
        signs = key_BKHW.flatten(1)
        control = bound(mirrored(signed_sum(parts[0], signs[:, :FLOW_PARTS])))
        flow = F.interpolate(
            control, scale_factor=FLOW_GRID / FLOW_SIDE, mode="bicubic", align_corners=False
        ).clamp(-1, 1)
        keyed = signs[:, FLOW_PARTS : FLOW_PARTS + RESIDUAL_PARTS]
        change = signed_sum(parts[1], F.pad(keyed, (1, 0), value=1.0))
        residual = bound(F.pixel_shuffle(change, 2))
        return residual * (self.max_residual * scale), flow * (self.max_flow * scale)


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


def eraser_from(protector: SignedUNet) -> SignedUNet:
    """An eraser that starts as the protector's guess, negated.

    The protected face is nearly the original one, so the protector's own answer to it is nearly
    what was added. Training starts from there instead of from nothing.
    """
    eraser = SignedUNet(protector.max_residual, protector.max_flow)
    eraser.load_state_dict(protector.state_dict())
    with torch.no_grad():
        for name, weight in eraser.named_parameters():
            if name.startswith(("flow_", "residual_")):
                weight.neg_()
    return eraser
