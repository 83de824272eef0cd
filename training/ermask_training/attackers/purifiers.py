"""Filters that know nothing about ermask: what weakens the change may bring back the match.

The trained denoiser of this family is the keyless eraser.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.nn import functional as F

from ermask.align import Pixels
from ermask_training import degrade
from ermask_training.attackers import copies
from ermask_training.attackers.judge import ORIGINAL, Judge
from ermask_training.attackers.report import Report, circumstances
from ermask_training.attackers.setting import Setting

Filter = Callable[[Pixels], Pixels]


def _pictures(change: Callable[[Image.Image], Image.Image]) -> Filter:
    return lambda crops: copies.each(crops, change)


def _pillow(kernel: ImageFilter.Filter) -> Filter:
    return _pictures(lambda image: image.filter(kernel))


@torch.no_grad()
def non_local_means(
    crops: Pixels, *, reach: int = 4, patch: int = 5, noise: float = 10 / 255
) -> Pixels:
    """Mean of the pixels around whose patches look alike (Buades et al., 2005).

    Args:
        crops: uint8 (N, H, W, 3).
        reach: how far it looks, pixels; patch: side of what is compared, odd.
        noise: root mean square difference at which a patch weighs 1 / e, share of the range.
    """
    cleaned = []
    for here in copies.chunks(len(crops)):
        crop_B3HW = copies.to_tensor(crops[here])
        height, width = crop_B3HW.shape[-2:]
        wide = F.pad(crop_B3HW, [reach] * 4, mode="reflect")
        total = torch.zeros_like(crop_B3HW)
        weights = torch.zeros_like(crop_B3HW[:, :1])
        for dy in range(2 * reach + 1):
            for dx in range(2 * reach + 1):
                moved = wide[..., dy : dy + height, dx : dx + width]
                apart = (moved - crop_B3HW).square().mean(1, keepdim=True)
                apart = F.avg_pool2d(apart, patch, 1, patch // 2, count_include_pad=False)
                weight = torch.exp(-apart / noise**2)
                total += weight * moved
                weights += weight
        cleaned.append(copies.to_pixels(total / weights))
    return np.concatenate(cleaned)


PURIFIERS: dict[str, Filter] = {
    "Gaussian blur, sigma 1": _pillow(ImageFilter.GaussianBlur(1)),
    "Gaussian blur, sigma 2": _pillow(ImageFilter.GaussianBlur(2)),
    "median 3 x 3": _pillow(ImageFilter.MedianFilter(3)),
    "median 5 x 5": _pillow(ImageFilter.MedianFilter(5)),
    "JPEG 50": _pictures(partial(degrade.jpeg, quality=50)),
    "JPEG 30": _pictures(partial(degrade.jpeg, quality=30)),
    "half size and back": _pictures(partial(degrade.resize, scale=0.5)),
    "a third and back": _pictures(partial(degrade.resize, scale=1 / 3)),
    "bilateral": partial(non_local_means, patch=1, noise=20 / 255),
    "non-local means": non_local_means,
}
"""By name, on crops of 224 pixels. A patch of one pixel is the bilateral filter (Tomasi and
Manduchi, 1998) with a flat window."""


def attack(setting: Setting, judge: Judge) -> Report:
    """Every purifier on the posted copies, and on originals: what it costs the attacker."""
    attacked = {}
    for name, purify in PURIFIERS.items():
        setting.progress(f"purify: {name}")
        attacked[name] = purify(judge.posted)
        attacked[f"original, {name}"] = purify(judge.references[ORIGINAL])
    return Report(
        attacker="purifiers",
        what="Common filters on the posted copy, before it is matched.",
        circumstances=circumstances(setting),
        rows=judge.rows(attacked),
    )
