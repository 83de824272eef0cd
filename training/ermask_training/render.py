"""Apply a residual and a flow to crops, differentiably: the torch twin of `ermask.render`.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ermask import align
from ermask.contract import CROP


def mask_11HH() -> Tensor:
    """The soft mask of `ermask.align`, float32 (1, 1, CROP, CROP)."""
    return torch.from_numpy(np.array(align.soft_mask()))[None, None]


def identity_grid_1HW2(size: int = CROP) -> Tensor:
    """Sampling positions that change nothing, as `grid_sample` takes them."""
    centres = (torch.arange(size) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y], -1)[None]


def upsample(x_BCGG: Tensor, size: int = CROP) -> Tensor:
    return F.interpolate(x_BCGG, size=(size, size), mode="bilinear", align_corners=False)


def apply(crop_B3HW: Tensor, residual_B3GG: Tensor, flow_B2FF: Tensor) -> Tensor:
    """output(u) = crop(u + mask(u) flow(u)) + mask(u) residual(u), clamped to [0, 1]."""
    mask = mask_11HH().to(crop_B3HW.device)
    flow = upsample(flow_B2FF) * mask * (2 / CROP)
    grid = identity_grid_1HW2().to(crop_B3HW.device) + flow.permute(0, 2, 3, 1)
    warped = F.grid_sample(
        crop_B3HW, grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    return (warped + mask * upsample(residual_B3GG)).clamp(0, 1)


def jitter(
    batch: int, degrees: float, zoom: float, shift: float, generator: torch.Generator
) -> Tensor:
    """Random similarities (B, 2, 3) in `affine_grid` units: what re-detection gets wrong.

    Args:
        zoom: largest relative change of scale.
        shift: largest translation in crop pixels.
    """
    draw = torch.rand(batch, 4, generator=generator) * 2 - 1
    angle = draw[:, 0] * degrees * torch.pi / 180
    scale = 1 + draw[:, 1] * zoom
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    move = draw[:, 2:] * (2 * shift / CROP)
    rows = torch.stack([cos, -sin, move[:, 0], sin, cos, move[:, 1]], 1)
    return rows.reshape(batch, 2, 3)


def move(x_BCHW: Tensor, theta_B23: Tensor, size: int | None = None) -> Tensor:
    """Resample x under the similarities, to a square of `size` (default: its own)."""
    side = size or x_BCHW.shape[-1]
    grid = F.affine_grid(
        theta_B23, [x_BCHW.shape[0], x_BCHW.shape[1], side, side], align_corners=False
    )
    return F.grid_sample(x_BCHW, grid, mode="bilinear", padding_mode="border", align_corners=False)
