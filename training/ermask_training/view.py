"""What recognisers see of a crop: the 112-unit box of the ArcFace template, aligned anew.

Shape suffixes as in `blocks`; S = student.SIDE.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ermask.align import TEMPLATE_SCALE
from ermask.contract import CROP, FLOW_GRID, RESIDUAL_GRID
from ermask_training import render
from ermask_training.blocks import FEATURES, FLOW_SIDE, ellipse
from ermask_training.student import SIDE

SCALE = SIDE * TEMPLATE_SCALE / CROP
"""Side of the view as a share of the crop's."""


class View:
    """The view of crops (B, 3, H, W) after a flow, to which residuals can be added.

    `render.apply` and a cut in one, with fewer pixels.

    Args:
        theta_B23: similarities by which the crop is cut, as `Recogniser` takes them; by default
            those of `render.realignment`.
    """

    def __init__(self, crop_B3HW: Tensor, flow_B2FF: Tensor, theta_B23: Tensor | None = None):
        theta = render.realignment(flow_B2FF) if theta_B23 is None else theta_B23
        self._theta_B23 = theta
        device = crop_B3HW.device
        grid = render.identity_grid_1HW2(SIDE, device) * SCALE
        self._grid_BSS2 = moved(grid, theta)
        # in one go: looking places up costs more than what is found there
        mask_11FF = F.avg_pool2d(render.mask_11HH(device), CROP // FLOW_GRID)
        both = torch.cat([mask_11FF.expand(flow_B2FF.shape[0], -1, -1, -1), flow_B2FF], 1)
        found = sampled(both, self._grid_BSS2)
        self._mask_B1SS = found[:, :1]
        shift = self._mask_B1SS * found[:, 1:] * (2 / CROP)
        self._bent_B3SS = sampled(crop_B3HW, self._grid_BSS2 + shift.permute(0, 2, 3, 1))

    def face(self, residual_BCGG: Tensor | None = None) -> Tensor:
        """Faces (B, 3, S, S) in [0, 1]; with this residual of one colour or three, if any."""
        if residual_BCGG is None:
            return self._bent_B3SS
        painted = self._mask_B1SS * sampled(residual_BCGG, self._grid_BSS2)
        return (self._bent_B3SS + painted).clamp(0, 1)

    def back(self, gradient_B3SS: Tensor) -> tuple[Tensor, Tensor]:
        """A gradient by the face, as one by what changes it.

        The view is resampled the other way; the exact adjoint scatters, which ONNX does not do.
        What a shift does to a pixel is the slope of the bent face there.

        Returns:
            Up to their sizes, those by a grey residual (B, 1, G, G) and by the control points of
            a bend (B, 2, P, P), P = FLOW_SIDE.
        """
        wide = F.pad(self._bent_B3SS, (1, 1, 1, 1), mode="replicate")
        across = wide[:, :, 1:-1, 2:] - wide[:, :, 1:-1, :-2]
        down = wide[:, :, 2:, 1:-1] - wide[:, :, :-2, 1:-1]
        changes = [gradient_B3SS, gradient_B3SS * across, gradient_B3SS * down]
        summed = torch.cat([each.sum(1, keepdim=True) for each in changes], 1) * self._mask_B1SS
        places_1GG2 = render.identity_grid_1HW2(RESIDUAL_GRID, summed.device)
        grid_BGG2 = moved(places_1GG2, inverse(self._theta_B23)) / SCALE
        found = F.grid_sample(
            F.avg_pool2d(summed, 3, 1, 1), grid_BGG2, mode="bilinear", align_corners=False
        )
        by_points = F.avg_pool2d(found[:, 1:], RESIDUAL_GRID // FLOW_SIDE)
        return found[:, :1], by_points * ellipse(FLOW_SIDE, *FEATURES, by_points.device)


def bare(crop_B3HW: Tensor, theta_B23: Tensor | None = None) -> Tensor:
    """The faces (B, 3, S, S) of crops that nothing was done to."""
    grid = render.identity_grid_1HW2(SIDE, crop_B3HW.device) * SCALE
    if theta_B23 is None:
        return sampled(crop_B3HW, grid.expand(crop_B3HW.shape[0], -1, -1, -1))
    return sampled(crop_B3HW, moved(grid, theta_B23))


def moved(grid_1GG2: Tensor, theta_B23: Tensor) -> Tensor:
    """Places under the similarities: (B, G, G, 2)."""
    flat = grid_1GG2.flatten(1, 2) @ theta_B23[:, :, :2].transpose(1, 2)
    side = grid_1GG2.shape[1]
    return (flat + theta_B23[:, None, :, 2]).reshape(-1, side, side, 2)


def inverse(theta_B23: Tensor) -> Tensor:
    """The similarities that take these back."""
    a, b = theta_B23[:, 0, 0], theta_B23[:, 1, 0]
    size = a.square() + b.square()
    turned = torch.stack([a, b, -b, a], 1).div(size[:, None]).reshape(-1, 2, 2)
    return torch.cat([turned, -turned @ theta_B23[:, :, 2:]], 2)


def sampled(x_BCHW: Tensor, grid_BSS2: Tensor) -> Tensor:
    return F.grid_sample(
        x_BCHW, grid_BSS2, mode="bilinear", padding_mode="border", align_corners=False
    )
