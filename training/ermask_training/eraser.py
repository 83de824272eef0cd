"""The eraser: bends a face back as the key says, then undoes what it sees, if the key fits.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask_training import render
from ermask_training.blocks import (
    KEYED,
    WIDTHS,
    Context,
    KeyedFlow,
    Residual,
    bound,
    cells,
    larger,
    natural,
    start_head,
)

Features = tuple[Tensor, Tensor]
"""What a `Context` makes of a face."""
FINE, DEPTH = 64, 6
"""Channels and blocks at 56 pixels, where it looks for shades; 4 x 4 pixels have 48 values."""
CLUES = 64
"""Channels at 14 pixels, of what tells right keys from wrong ones."""

STEEP = 3.0
"""How much of what it sees it undoes, as it judges that a key fits: a sigmoid, this steep."""


class Retoucher(nn.Module):
    """(crop, flow back, strength) -> (residual, flow): undoes what can be seen of a change.

    It needs no key: shades and a face's own bend can be seen, or cannot.

    Args:
        max_residual, max_flow: bounds at strength 1, of the residual and of what it adds to the
            flow.
    """

    def __init__(self, max_residual: float, max_flow: float) -> None:
        super().__init__()
        self.max_residual, self.max_flow = max_residual, max_flow
        self.context = Context()
        self.bend = nn.Conv2d(WIDTHS[2], 2, 3, padding=1)
        self.wide = nn.Conv2d(WIDTHS[1], FINE, 1)
        self.fine = nn.Conv2d(3 * 16, FINE, 3, padding=1)
        self.paint = nn.Sequential(*(Residual(FINE) for _ in range(DEPTH)))
        self.head = nn.Conv2d(FINE, 4, 3, padding=1)
        start_head(self.bend)
        start_head(self.head)

    def forward(
        self, crop_B3HW: Tensor, back_B2FF: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG, the same in all colours, and the whole flow back (B, 2, F, F)."""
        seen = self.look(crop_B3HW, back_B2FF, strength_B)
        return self.retouch(crop_B3HW, back_B2FF, strength_B, seen)

    def look(self, crop_B3HW: Tensor, back_B2FF: Tensor, strength_B: Tensor) -> Features:
        """What it makes of the face that was bent back, see `Context`."""
        seen: Features = self.context(render.bent(crop_B3HW, back_B2FF), strength_B)
        return seen

    def retouch(
        self, crop_B3HW: Tensor, back_B2FF: Tensor, strength_B: Tensor, seen: Features
    ) -> tuple[Tensor, Tensor]:
        """What `forward` returns, after the look at the face."""
        unit = strength_B[:, None, None, None]
        features_28, features_14 = seen
        more_B2FF = natural(self.bend(F.silu(features_14)).float())
        flow_B2FF = back_B2FF + more_B2FF * (self.max_flow * unit)
        straight_B3HW = render.bent(crop_B3HW, flow_B2FF)
        painted = self.paint(self.fine(cells(straight_B3HW)) + larger(self.wide(features_28)))
        shades_B1GG = bound(F.pixel_shuffle(self.head(F.silu(painted)).float(), 2))
        residual = shades_B1GG * (self.max_residual * unit)
        return residual.expand(-1, 3, -1, -1), flow_B2FF


class Eraser(nn.Module):
    """(crop, key field, strength, fits) -> (residual, flow), both bounded by strength.

    It sees a copy that may have been recompressed. The way back of the key's flow is the key's
    alone; the face is bent back by it first, and looked at then. Where the mark does not say that
    the key fits, a face that looks as if a wrong key had bent it a second time is left at that. It
    is there so that a wrong key does nothing, and keeps nobody away: whoever wants to says it fits.

    Args:
        max_residual, max_flow: bounds at strength 1, as in `ModelContract`.
    """

    def __init__(self, max_residual: float, max_flow: float) -> None:
        super().__init__()
        self.max_residual, self.max_flow = max_residual, max_flow
        self.flow = KeyedFlow(max_flow * KEYED).requires_grad_(False)
        """The protector's."""
        self.retoucher = Retoucher(max_residual, max_flow * (1 - KEYED))
        self.clues = nn.Conv2d(WIDTHS[2], CLUES, 3, padding=1)
        self.fit = nn.Linear(CLUES, 1)

    def forward(
        self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor, fits_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Returns residual_B3GG, the same in all colours, and flow_B2FF.

        Args:
            fits_B: how sure the mark is that the key fits, 0 to 1; the eraser judges by the face
                too, and goes by whichever is surer.
        """
        back_B2FF = self.back(key_BKHW, strength_B)
        residual, flow, logit_B = self.undone(crop_B3HW, back_B2FF, strength_B)
        share = torch.maximum(fits_B, torch.sigmoid(STEEP * logit_B))[:, None, None, None]
        return residual * share, back_B2FF + (flow - back_B2FF) * share

    def undone(
        self, crop_B3HW: Tensor, back_B2FF: Tensor, strength_B: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What the retoucher returns, as if the key fitted, and what `judge` says of that."""
        seen = self.retoucher.look(crop_B3HW, back_B2FF, strength_B)
        residual, flow = self.retoucher.retouch(crop_B3HW, back_B2FF, strength_B, seen)
        return residual, flow, self.judge(seen)

    def judge(self, seen: Features) -> Tensor:
        """Whether the key was the right one, as a logit (B,), by a look at the face bent back."""
        clues_BC = F.silu(self.clues(F.silu(seen[1]))).mean((2, 3))
        logit_B1: Tensor = self.fit(clues_BC)
        return logit_B1[:, 0].float()

    def back(self, key_BKHW: Tensor, strength_B: Tensor) -> Tensor:
        """The way back of the key's flow: (B, 2, F, F)."""
        return render.reverse(self.flow(key_BKHW, strength_B))
