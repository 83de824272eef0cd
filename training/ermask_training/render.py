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

CPU = torch.device("cpu")


def mask_11HH(device: torch.device = CPU) -> Tensor:
    """The soft mask of `ermask.align`, float32 (1, 1, CROP, CROP)."""
    return torch.from_numpy(np.array(align.soft_mask()))[None, None].to(device)


def identity_grid_1HW2(size: int = CROP, device: torch.device = CPU) -> Tensor:
    """Sampling positions that change nothing, as `grid_sample` takes them."""
    centres = (torch.arange(size, device=device) + 0.5) * (2 / size) - 1
    y, x = torch.meshgrid(centres, centres, indexing="ij")
    return torch.stack([x, y], -1)[None]


def upsample(x_BCGG: Tensor, size: int = CROP) -> Tensor:
    return F.interpolate(x_BCGG, size=(size, size), mode="bilinear", align_corners=False)


def apply(crop_B3HW: Tensor, residual_B3GG: Tensor, flow_B2FF: Tensor) -> Tensor:
    """output(u) = crop(u + mask(u) flow(u)) + mask(u) residual(u), clamped to [0, 1]."""
    painted = mask_11HH(crop_B3HW.device) * upsample(residual_B3GG)
    return (bent(crop_B3HW, flow_B2FF, "bicubic") + painted).clamp(0, 1)


def bent(crop_B3HW: Tensor, flow_B2FF: Tensor, mode: str = "bilinear") -> Tensor:
    """crop(u + mask(u) flow(u)): what `apply` does without a residual, in a cheaper way."""
    flow = upsample(flow_B2FF) * mask_11HH(crop_B3HW.device) * (2 / CROP)
    grid = identity_grid_1HW2(device=crop_B3HW.device) + flow.permute(0, 2, 3, 1)
    return F.grid_sample(crop_B3HW, grid, mode=mode, padding_mode="border", align_corners=False)


def reverse(flow_B2FF: Tensor) -> Tensor:
    """The flow that takes this one back: b(u) = -f(u + b(u)), from -f(u) on, in two steps."""
    side = flow_B2FF.shape[-1]
    mask = F.avg_pool2d(mask_11HH(flow_B2FF.device), CROP // side)
    places = identity_grid_1HW2(side, flow_B2FF.device)
    back = -flow_B2FF
    for _ in range(2):
        shift = (mask * back * (2 / CROP)).permute(0, 2, 3, 1)
        back = -F.grid_sample(
            flow_B2FF, places + shift, mode="bilinear", padding_mode="border", align_corners=False
        )
    return back


def jitter(
    batch: int, degrees: float, zoom: float, shift: float, generator: torch.Generator
) -> Tensor:
    """Random similarities (B, 2, 3) in `affine_grid` units: what re-detection gets wrong.

    They are drawn on the CPU: the same generator gives the same ones for every device.

    Args:
        zoom: largest relative change of scale.
        shift: largest translation in crop pixels.
    """
    draw = torch.rand(batch, 4, generator=generator) * 2 - 1
    return similarities(draw * torch.tensor([degrees, zoom, shift, shift]))


def similarities(changes_B4: Tensor) -> Tensor:
    """(B, 2, 3) in `affine_grid` units, from degrees, change of scale, and shift in crop pixels."""
    angle = changes_B4[:, 0] * torch.pi / 180
    scale = 1 + changes_B4[:, 1]
    cos, sin = scale * torch.cos(angle), scale * torch.sin(angle)
    move = changes_B4[:, 2:] * (2 / CROP)
    rows = torch.stack([cos, -sin, move[:, 0], sin, cos, move[:, 1]], 1)
    return rows.reshape(-1, 2, 3)


def realignment(flow_B2FF: Tensor) -> Tensor:
    """What a recogniser's own alignment makes of a bent face: similarities (B, 2, 3) as `jitter`'s.

    The five landmarks move with the flow, and the crop is cut anew by them. So a flow that only
    shifts, turns or enlarges the face does nothing to a recogniser, and the attack must not be
    paid for one. Landmarks are taken to sit at their template places, the similarity is that of
    least squares (Umeyama, 1991), to first order in the flow.
    """
    places = torch.from_numpy((align.TEMPLATE * 2 / CROP - 1).astype(np.float32))
    places_5X = places.to(flow_B2FF.device)
    grid = places_5X.expand(flow_B2FF.shape[0], 1, 5, 2)
    shift = F.grid_sample(flow_B2FF, grid, mode="bilinear", align_corners=False)[:, :, 0]
    mask = F.grid_sample(mask_11HH(flow_B2FF.device), grid[:1], align_corners=False)[:, :, 0]
    moved = mask * shift
    moved_B5X = moved.transpose(1, 2) * (-2 / CROP)
    centre = moved_B5X.mean(1)
    mean = places_5X.mean(0)
    spread = (places_5X - mean).square().sum()
    x, y = (places_5X - mean).unbind(1)
    dx, dy = moved_B5X.unbind(2)
    stretch = (x * dx + y * dy).sum(1) / spread
    turn = (x * dy - y * dx).sum(1) / spread
    rows = torch.stack([1 + stretch, -turn, turn, 1 + stretch], 1).reshape(-1, 2, 2)
    offset = centre + mean - (rows @ mean)
    return torch.cat([rows, offset[:, :, None]], 2)


def chain(first_B23: Tensor, then_B23: Tensor) -> Tensor:
    """The similarity that samples by `then` and looks the result up by `first`."""
    linear = first_B23[:, :, :2] @ then_B23[:, :, :2]
    offset = first_B23[:, :, :2] @ then_B23[:, :, 2:] + first_B23[:, :, 2:]
    return torch.cat([linear, offset], 2)


def move(x_BCHW: Tensor, theta_B23: Tensor, size: int | None = None) -> Tensor:
    """Resample x under the similarities, to a square of `size` (default: its own)."""
    side = size or x_BCHW.shape[-1]
    grid = F.affine_grid(
        theta_B23, [x_BCHW.shape[0], x_BCHW.shape[1], side, side], align_corners=False
    )
    return F.grid_sample(x_BCHW, grid, mode="bilinear", padding_mode="border", align_corners=False)
