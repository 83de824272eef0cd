"""The two halves of a change, apart: what the residual does, and what the flow does.

A bend of a pixel is nearly invisible and costs ten decibels, so plain PSNR and SSIM say little
about a protector that bends. The flow is known here, so it can be taken back before comparing, or
left away. What is left says how the residual looks; how the bend looks, pictures must show.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional as F

from ermask import align
from ermask import render as product
from ermask.align import Floats, Pixels, Similarity
from ermask.codec import Photo
from ermask.contract import CROP
from ermask_training import render

ROUNDS = 20
"""Of the fixed-point iteration that inverts a flow; smooth flows settle in a few."""


def residual_only(photo: Photo, made: list[product.Change]) -> Photo:
    """The photo with the residuals and marks, but not bent."""
    still = [replace(change, flow=None) for change in made]
    return photo.with_rgb(product.apply(photo.rgb, still))


def flow_taken_back(crop: Pixels, flow: Floats) -> Pixels:
    """A protected crop (CROP, CROP, 3) as it would be without the flow (2, g, g).

    Protecting makes output(u) = input(u + f(u)), f masked. What came from v is thus found at the
    u with u + f(u) = v, which is u = v - f(u) repeated from u = v.
    """
    bend_12HH = render.upsample(torch.from_numpy(np.array(flow))[None]) * render.mask_11HH()
    bend_12HH = bend_12HH * (2 / CROP)
    start = render.identity_grid_1HW2()
    grid = start
    for _ in range(ROUNDS):
        here = F.grid_sample(bend_12HH, grid, padding_mode="border", align_corners=False)
        grid = start - here.permute(0, 2, 3, 1)
    picture = torch.from_numpy(align.to_tensor([crop]))
    straight = F.grid_sample(
        picture, grid, mode="bicubic", padding_mode="border", align_corners=False
    )
    pixels = (straight[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8)
    return np.asarray(pixels.numpy())


def change_at(made: list[product.Change], similarity: Similarity) -> product.Change | None:
    """The change of the face at this place."""
    here = (change for change in made if np.allclose(change.similarity.matrix, similarity.matrix))
    return next(here, None)
