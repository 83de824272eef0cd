"""The student: a small recogniser of our own, distilled from surrogates (Hinton et al., 2015).

It ships inside the protector and says how alike a face and its protected copy still look to a
recogniser, so that the machine can choose among the draws of a key (docs/decisions/0005).

Shape suffixes as in `blocks`; D embedding dimensions, S = SIDE.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F

from ermask.align import TEMPLATE_SCALE
from ermask.contract import CROP
from ermask_training import render
from ermask_training.blocks import Residual

STEM = 16
WIDTHS = (32, 64, 96)
"""Channels at 28, 14 and 7 pixels."""
DEPTH = 2
SIDE = 112
"""Side of what it sees, the 112-unit box of the ArcFace template: what most recognisers see."""


class Student(nn.Module):
    """A crop and a change of it -> how alike the two faces are, a cosine (B,).

    Args:
        dim: length of the embedding, that of its teachers together.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, STEM, 5, stride=2, padding=2),
            nn.SiLU(),
            nn.Conv2d(STEM, WIDTHS[0], 3, stride=2, padding=1),
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(Residual(width) for _ in range(DEPTH))) for width in WIDTHS
        )
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(WIDTHS)
        )
        # Each channel looks at the whole face its own way, as in MobileFaceNet (Chen et al., 2018).
        self.whole = nn.Conv2d(WIDTHS[-1], WIDTHS[-1], SIDE // 16, groups=WIDTHS[-1])
        self.embedding = nn.Linear(WIDTHS[-1], dim)

    def forward(self, crop_B3HW: Tensor, residual_B3GG: Tensor, flow_B2FF: Tensor) -> Tensor:
        """The cosine (B,) between the crop and its protected copy, as a recogniser sees them."""
        clean_BD = self.embed(self.look(crop_B3HW))
        changed_BD = self.embed(self.look(crop_B3HW, residual_B3GG, flow_B2FF))
        return (clean_BD * changed_BD).sum(1)

    def embed(self, face_B3SS: Tensor) -> Tensor:
        """Unit embeddings (B, dim) of faces in [0, 1]."""
        x = self.stem(face_B3SS * 2 - 1)
        for level, stage in enumerate(self.stages):
            x = stage(x if level == 0 else self.down[level - 1](F.silu(x)))
        return F.normalize(self.embedding(self.whole(F.silu(x)).flatten(1)), dim=1)

    def look(
        self,
        crop_B3HW: Tensor,
        residual_B3GG: Tensor | None = None,
        flow_B2FF: Tensor | None = None,
    ) -> Tensor:
        """Its box (B, 3, S, S) of the crop, or of the crop changed and aligned anew.

        `render.apply` and a cut in one, with fewer pixels.
        """
        window_1SS2 = render.identity_grid_1HW2(SIDE) * (SIDE * TEMPLATE_SCALE / CROP)
        grid_BSS2 = window_1SS2.expand(crop_B3HW.shape[0], -1, -1, -1)
        if residual_B3GG is None or flow_B2FF is None:
            return sampled(crop_B3HW, grid_BSS2)
        theta_B23 = render.realignment(flow_B2FF)
        flat = grid_BSS2.flatten(1, 2) @ theta_B23[:, :, :2].transpose(1, 2)
        grid_BSS2 = (flat + theta_B23[:, None, :, 2]).reshape(grid_BSS2.shape)
        mask = sampled(render.mask_11HH().expand(crop_B3HW.shape[0], -1, -1, -1), grid_BSS2)
        shift = mask * sampled(flow_B2FF, grid_BSS2) * (2 / CROP)
        warped = sampled(crop_B3HW, grid_BSS2 + shift.permute(0, 2, 3, 1))
        return (warped + mask * sampled(residual_B3GG, grid_BSS2)).clamp(0, 1)


def from_weights(weights: dict[str, Tensor]) -> Student:
    """The student with these weights."""
    student = Student(len(weights["embedding.bias"]))
    student.load_state_dict(weights)
    return student


def sampled(x_BCHW: Tensor, grid_BSS2: Tensor) -> Tensor:
    return F.grid_sample(
        x_BCHW, grid_BSS2, mode="bilinear", padding_mode="border", align_corners=False
    )
