"""The chooser: what a key's bend alone would hide of a face; a photo takes the best of a few draws.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ermask_training.blocks import KEYED, KeyedFlow
from ermask_training.student import Shape, Student
from ermask_training.view import View, bare


class Chooser(nn.Module):
    """(crop, key field, strength) -> cosine between the face and the face as the key bends it.

    By the protector's student. What the protector does beyond the key's bend takes several times as
    long to find, and says no more about how well a face is hidden (docs/decisions/0017).

    Args:
        max_flow: bound of the protector's flow, see `Protector`.
        shape: that of the student.
    """

    max_residual = 0.0
    """It adds nothing to a face."""

    def __init__(self, max_flow: float, shape: Shape) -> None:
        super().__init__()
        self.max_flow = max_flow
        self.flow = KeyedFlow(max_flow * KEYED)
        self.student = Student(shape)
        self.requires_grad_(False)

    @torch.no_grad()
    def forward(self, crop_B3HW: Tensor, key_BKHW: Tensor, strength_B: Tensor) -> Tensor:
        """Returns similarity_B; the lower, the better the face is hidden."""
        bent_B3SS = View(crop_B3HW, self.flow(key_BKHW, strength_B)).face()
        known_BD, seen_BD = self.student(bare(crop_B3HW)), self.student(bent_B3SS)
        similarity_B: Tensor = (known_BD * seen_BD).sum(1)
        return similarity_B
