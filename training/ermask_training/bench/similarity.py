"""How alike two crops of one size look: PSNR, SSIM and, where its weights are, LPIPS."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ermask import align
from ermask.align import Pixels
from ermask_training.metrics import psnr

MAX_PSNR = 99.0
"""Stands for equal pictures, since JSON has no infinity."""
TRUNK = "alexnet-owt-7be5be79.pth"
"""The network under LPIPS, as torch.hub keeps it."""
SIGMA, RADIUS = 1.5, 5

Distance = Callable[[Pixels, Pixels], float]


def ssim(one: Pixels, two: Pixels) -> float:
    """Mean structural similarity (Wang et al., 2004) of two uint8 pictures (H, W, 3).

    Gaussian window of 11 pixels and sigma 1.5; the mean over channels and all whole windows.
    """
    x_C1HW, y_C1HW = (_planes(picture) for picture in (one, two))
    mean_x, mean_y = _blur(x_C1HW), _blur(y_C1HW)
    spread_x = _blur(x_C1HW * x_C1HW) - mean_x * mean_x
    spread_y = _blur(y_C1HW * y_C1HW) - mean_y * mean_y
    common = _blur(x_C1HW * y_C1HW) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    light = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    structure = (2 * common + c2) / (spread_x + spread_y + c2)
    return float((light * structure).mean())


def alike(one: Pixels, two: Pixels, lpips: Distance | None = None) -> dict[str, float]:
    """PSNR (dB), SSIM and LPIPS of two crops."""
    found = {"PSNR": min(MAX_PSNR, psnr(one, two)), "SSIM": ssim(one, two)}
    if lpips is not None:
        found["LPIPS"] = lpips(one, two)
    return {name: round(value, 4) for name, value in found.items()}


def lpips_missing() -> str | None:
    """Why LPIPS cannot be had without a download; None where it can."""
    if find_spec("lpips") is None:
        return "the package lpips is not installed"
    if not (Path(torch.hub.get_dir()) / "checkpoints" / TRUNK).is_file():
        return f"the weights under it ({TRUNK}) are not in torch.hub's folder"
    return None


def open_lpips() -> Distance | None:
    """LPIPS (Zhang et al., 2018; AlexNet); None where `lpips_missing` says why."""
    if lpips_missing():
        return None
    import lpips

    network = lpips.LPIPS(net="alex", verbose=False)
    network.requires_grad_(False)

    def distance(one: Pixels, two: Pixels) -> float:
        pair = torch.from_numpy(align.to_tensor([one, two])) * 2 - 1
        with torch.no_grad():
            return float(network(pair[:1], pair[1:]))

    return distance


def _planes(picture: Pixels) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)[:, None].double()


def _blur(x_C1HW: Tensor) -> Tensor:
    taps = _taps()
    return F.conv2d(F.conv2d(x_C1HW, taps[None, None, None, :]), taps[None, None, :, None])


@lru_cache(maxsize=1)
def _taps() -> Tensor:
    x = torch.arange(-RADIUS, RADIUS + 1, dtype=torch.float64)
    weights = torch.exp(-x * x / (2 * SIGMA * SIGMA))
    return weights / weights.sum()
