"""The eraser: bends a protected face back as the key says, and takes the shades off.

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
    Context,
    KeyedFlow,
    Residual,
    bound,
    cells,
    larger,
    start_head,
)

FINE, DEPTH = 64, 6
"""Channels and blocks at 56 pixels, where it looks for shades; 4 x 4 pixels have 48 values."""


class Painter(nn.Module):
    """(crop, strength) -> the residual that takes shades off, bounded by strength.

    It needs no key: shades can be seen, or cannot.

    Args:
        max_residual: bound at strength 1, as in `ModelContract`.
    """

    def __init__(self, max_residual: float) -> None:
        super().__init__()
        self.max_residual = max_residual
        self.context = Context()
        self.wide = nn.Conv2d(WIDTHS[1], FINE, 1)
        self.fine = nn.Conv2d(3 * 16, FINE, 3, padding=1)
        self.paint = nn.Sequential(*(Residual(FINE) for _ in range(DEPTH)))
        self.head = nn.Conv2d(FINE, 4, 3, padding=1)
        start_head(self.head)

    def forward(self, crop_B3HW: Tensor, strength_B: Tensor) -> Tensor:
        """Returns residual_B3GG, the same in all colours."""
        features_28, _ = self.context(crop_B3HW, strength_B)
        painted = self.paint(self.fine(cells(crop_B3HW)) + larger(self.wide(features_28)))
        shades_B1GG = bound(F.pixel_shuffle(self.head(F.silu(painted)), 2))
        residual = shades_B1GG * (self.max_residual * strength_B[:, None, None, None])
        return residual.expand(-1, 3, -1, -1)


class Eraser(nn.Module):
    """(crop, key field, strength) -> (residual, flow), both bounded by strength.

    It sees a copy that may have been recompressed. The way back of the flow is the key's alone;
    the face is bent back first, and looked at then.

    Args:
        max_residual, max_flow: bounds at strength 1, as in `ModelContract`.
    """

    def __init__(self, max_residual: float, max_flow: float) -> None:
        super().__init__()
        self.flow = KeyedFlow(max_flow).requires_grad_(False)
        """The protector's."""
        self.painter = Painter(max_residual)

    @property
    def max_residual(self) -> float:
        return self.painter.max_residual

    @property
    def max_flow(self) -> float:
        return self.flow.max_flow

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG, the same in all colours, and flow_B2FF."""
        back = self.back(key_BKHW, strength_B)
        residual: Tensor = self.painter(render.bent(crop_B3HW, back), strength_B)
        return residual, back

    def back(self, key_BKHW: Tensor, strength_B: Tensor) -> Tensor:
        """The way back of the protector's flow: (B, 2, F, F)."""
        return render.reverse(self.flow(key_BKHW, strength_B))


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
