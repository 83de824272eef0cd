"""The eraser: takes the shades off a protected face, and bends it back as the key says.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask_training import degrade, render
from ermask_training.blocks import (
    WIDTHS,
    Residual,
    SignedFlow,
    bound,
    larger,
    start_head,
)

FINE, DEPTH = 48, 5
"""Channels and blocks at 56 pixels, where it looks for shades; 4 x 4 pixels have 48 values."""


class Eraser(SignedFlow):
    """(crop, key field, strength) -> (residual, flow), both bounded by strength.

    It sees a copy that may have been recompressed. The shades are the same for every key and can
    be seen, so every eraser can take them off; the way back of the flow only the key knows.

    Args:
        max_residual, max_flow: bounds at strength 1, as in `ModelContract`.
    """

    def __init__(self, max_residual: float, max_flow: float) -> None:
        super().__init__(max_flow)
        self.max_residual = max_residual
        self.up.append(nn.Conv2d(WIDTHS[2], WIDTHS[1], 1))
        self.decode.append(Residual(WIDTHS[1]))
        self.fine = nn.Conv2d(3 * 16, FINE, 3, padding=1)
        self.context = nn.Conv2d(WIDTHS[1], FINE, 1)
        self.paint = nn.Sequential(*(Residual(FINE) for _ in range(DEPTH)))
        self.residual_head = nn.Conv2d(FINE, 4, 3, padding=1)
        start_head(self.residual_head)

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG, the same in all colours, and flow_B2FF."""
        _, features_28, features_14 = self.features(crop_B3HW, strength_B)
        flow = self.sign(self.parts(features_14), key_BKHW, strength_B)
        context = self.decode[1](larger(self.up[1](features_14)) + features_28)
        fine = self.fine(F.pixel_unshuffle(crop_B3HW * 2 - 1, 4))
        painted = self.paint(fine + larger(self.context(context)))
        shades_B1GG = bound(F.pixel_shuffle(self.residual_head(F.silu(painted)), 2))
        residual = shades_B1GG * (self.max_residual * strength_B[:, None, None, None])
        return residual.expand(-1, 3, -1, -1), flow


def posted(
    crop_B3HW: Tensor,
    residual_B3GG: Tensor,
    flow_B2FF: Tensor,
    dice: tuple[torch.Generator, np.random.Generator],
) -> tuple[Tensor, Tensor, Tensor]:
    """What an eraser learns from: protected copies as sites make them, and what undoes them.

    All are shifted a little, as re-detection does it: a network, not a look-up.

    Returns:
        copy_B3HW, original_B3HW, and the flow (B, 2, F, F) that is wanted of an eraser.
    """
    generator, rng = dice
    protected_B3HW = render.apply(crop_B3HW, residual_B3GG, flow_B2FF)
    theta = render.jitter(len(crop_B3HW), 1.2, 0.015, 1.5, generator).to(crop_B3HW.device)
    copy_B3HW = render.move(degrade.sites(protected_B3HW, rng), theta)
    return copy_B3HW, render.move(crop_B3HW, theta), render.move(-flow_B2FF, theta)


def eraser_from(flow: SignedFlow, max_residual: float) -> Eraser:
    """An eraser that starts as the protector's guess of the flow, negated.

    The protected face is nearly the original one, so the protector's own answer to it is nearly
    what it was bent by. Training starts from there instead of from nothing.
    """
    eraser = Eraser(max_residual, flow.max_flow)
    own, given = eraser.state_dict(), flow.state_dict()
    eraser.load_state_dict({**own, **{name: given[name] for name in own if name in given}})
    with torch.no_grad():
        for name, weight in eraser.named_parameters():
            if name.startswith("flow_"):
                weight.neg_()
    return eraser
