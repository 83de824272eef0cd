"""The chooser: a face under a key's bend alone; of a few draws a photo takes the best hidden one.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ermask_training.blocks import KEYED, KeyedFlow
from ermask_training.student import Shape, Student
from ermask_training.view import View


class Chooser(nn.Module):
    """(crop, key field, strength) -> what the student makes of the face as the key bends it.

    At strength 0 that is the face as it is, and the cosine of the two says how well the key hides
    it. What the protector does beyond the key's bend takes several times as long to find, and says
    no more about it (docs/decisions/0017).

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
        """Returns unit embeddings (B, D)."""
        embedding_BD: Tensor = self.student(View(crop_B3HW, self.flow(key_BKHW, strength_B)).face())
        return embedding_BD
