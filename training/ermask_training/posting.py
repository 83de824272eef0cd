"""What an eraser learns from: protected copies as sites make them, and what undoes them.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ermask.contract import RESIDUAL_GRID
from ermask.mark import CELLS, FAINTEST, LOUDEST, TO_RGB
from ermask_training import degrade, render
from ermask_training.blocks import larger

MISPLACED = 2.4, 0.042, 2.5
"""What the place of a crop can be off: degrees, change of scale, and shift in crop pixels. Most are
off far less, see `misplaced`."""


def posted(
    crop_B3HW: Tensor,
    residual_B3GG: Tensor,
    flow_B2FF: Tensor,
    dice: tuple[torch.Generator, np.random.Generator],
) -> tuple[Tensor, Tensor, Tensor]:
    """Copies that were protected, marked and posted, cut again and freed of their marks.

    Marks are taken off where the crop is cut, which is a little off its place.

    Returns:
        copy_B3HW, original_B3HW, and the flow (B, 2, F, F) that is wanted of an eraser.
    """
    generator, rng = dice
    count, device = len(crop_B3HW), crop_B3HW.device
    mark_B3GG = marks(count, generator).to(device)
    protected_B3HW = render.apply(crop_B3HW, residual_B3GG + mark_B3GG, flow_B2FF)
    theta = misplaced(count, generator).to(device)
    marked_B3HW = render.move(degrade.sites(protected_B3HW, rng), theta)
    copy_B3HW = marked_B3HW - render.mask_11HH(device) * larger(mark_B3GG)
    return copy_B3HW, render.move(crop_B3HW, theta), render.move(render.reverse(flow_B2FF), theta)


def marks(count: int, generator: torch.Generator) -> Tensor:
    """Marks of random keys, on faces of any size, as residuals (count, 3, G, G).

    They are like those of `ermask.mark`.
    """
    signs = torch.randint(0, 2, (count, 2, CELLS, CELLS), generator=generator).float() * 2 - 1
    loud_B111 = torch.empty(count, 1, 1, 1).uniform_(FAINTEST, LOUDEST, generator=generator)
    colours_32 = torch.tensor(TO_RGB[:, 1:], dtype=torch.float32)
    rgb = torch.einsum("ij,bjhw->bihw", colours_32, signs * loud_B111)
    side = RESIDUAL_GRID // CELLS
    return rgb.repeat_interleave(side, 2).repeat_interleave(side, 3)


def misplaced(count: int, generator: torch.Generator) -> Tensor:
    """What restoring gets wrong about the place of a crop: similarities (count, 2, 3).

    Half of them are off by less than 0.7 crop pixels, one in ten by more than two. So it was,
    about, with the product's registration of 30 people of the calibration set, on whole photos
    and on photos of half the size after JPEG 75.
    """
    reach_B1 = torch.rand(count, 1, generator=generator).square()
    way_B4 = torch.rand(count, 4, generator=generator) * 2 - 1
    degrees, zoom, shift = MISPLACED
    return render.similarities(reach_B1 * way_B4 * torch.tensor([degrees, zoom, shift, shift]))
