"""What happens to crops in bulk: protected and posted, undone, embedded.

Crops are uint8 (N, CROP, CROP, 3), as in a prepared set; shape suffixes as in `blocks`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ermask import align
from ermask.align import Floats, Pixels
from ermask.contract import STRENGTHS
from ermask.engine import CHOICE, known_again
from ermask_training import degrade, render
from ermask_training.attackers.setting import Setting
from ermask_training.surrogates import Recogniser

BATCH = 16


def chunks(count: int, size: int = BATCH) -> Iterator[slice]:
    """Slices that cover range(count) in order."""
    for start in range(0, count, size):
        yield slice(start, min(count, start + size))


def to_tensor(crops: Pixels) -> Tensor:
    """Crops as the networks take them: float32 (N, 3, CROP, CROP) in [0, 1]."""
    return torch.from_numpy(align.to_tensor(list(crops)))


def to_pixels(crop_B3HW: Tensor) -> Pixels:
    """Back to what a file holds."""
    levels = (crop_B3HW.detach().clamp(0, 1) * 255).round().to(torch.uint8)
    pixels: Pixels = levels.permute(0, 2, 3, 1).numpy()
    return pixels


def each(crops: Pixels, change: Callable[[Image.Image], Image.Image]) -> Pixels:
    """Every crop through `change`."""
    return np.stack([np.asarray(change(Image.fromarray(crop))) for crop in crops])


def post(crops: Pixels, quality: int) -> Pixels:
    """Every crop through a JPEG file, as a site saves it."""
    return each(crops, lambda image: degrade.jpeg(image, quality))


@torch.no_grad()
def protect(setting: Setting, crops: Pixels, key_NKHW: Tensor) -> tuple[Pixels, Tensor]:
    """The posted copies of the protected crops, and the flow that was used (N, 2, F, F)."""
    made, flows = [], []
    for here in chunks(len(crops)):
        crop_B3HW = to_tensor(crops[here])
        strength_B = setting.strengths(len(crop_B3HW))
        residual, flow = setting.protector(crop_B3HW, key_NKHW[here], strength_B)
        made.append(to_pixels(render.apply(crop_B3HW, residual, flow)))
        flows.append(flow)
    return post(np.concatenate(made), setting.quality), torch.cat(flows)


def drawn(setting: Setting, crops: Pixels, key_NDKHW: Tensor, generator: torch.Generator) -> Tensor:
    """The draws that the product takes, but for how well marks read: fields (N, *FIELD).

    Args:
        key_NDKHW: the fields of all draws of each photo's key.
    """
    count, draws = key_NDKHW.shape[:2]
    start_N = torch.randint(0, draws, (count,), generator=generator)
    rows_N = torch.arange(count)
    fields = [key_NDKHW[rows_N, (start_N + more) % draws] for more in range(CHOICE)]
    seen = []
    for here in chunks(count):
        crop_B3HW = to_tensor(crops[here])

        def look(
            field_NKHW: Tensor, level: float, here: slice = here, crop_B3HW: Tensor = crop_B3HW
        ) -> Floats:
            strength_B = torch.full((len(crop_B3HW),), level)
            return setting.protector.look(crop_B3HW, field_NKHW[here], strength_B)

        seen.append(known_again(look, fields, STRENGTHS[setting.strength]))
    best_N = torch.from_numpy(np.concatenate(seen, 1).argmin(0))
    return torch.stack(fields)[best_N, rows_N]


@torch.no_grad()
def undo(
    setting: Setting, posted: Pixels, key_NKHW: Tensor, *, fits: bool
) -> tuple[Pixels, Tensor]:
    """What the published eraser makes of posted copies with these fields, and its flow.

    Args:
        fits: it is told that they fit; the product says so where the mark does, anybody can.
    """
    made, flows = [], []
    for here in chunks(len(posted)):
        copy_B3HW = to_tensor(posted[here])
        strength_B = setting.strengths(len(copy_B3HW))
        residual, flow = setting.eraser(copy_B3HW, key_NKHW[here], strength_B, fits=fits)
        made.append(to_pixels(render.apply(copy_B3HW, residual, flow)))
        flows.append(flow)
    return np.concatenate(made), torch.cat(flows)


@torch.no_grad()
def embed(recogniser: Recogniser, crops: Pixels) -> Floats:
    """Unit embeddings (N, D)."""
    rows = [recogniser(to_tensor(crops[here])) for here in chunks(len(crops))]
    found: Floats = torch.cat(rows).numpy()
    return found


def flow_undone(undo_N2FF: Tensor, used_N2FF: Tensor) -> Floats:
    """Cosine (N,) between what an attacker's flow does and what would undo the one that was used.

    1 is the right way back, 0 is no idea, -1 is as far again in the wrong direction.
    """
    mask = render.mask_11HH()
    small = torch.nn.functional.adaptive_avg_pool2d(mask, undo_N2FF.shape[-1])
    one, two = ((flow * small).flatten(1) for flow in (undo_N2FF, -used_N2FF))
    cosine: Floats = torch.nn.functional.cosine_similarity(one, two, dim=1).numpy()
    return cosine
