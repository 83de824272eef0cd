"""One pure function a term, each returning a scalar; lower is better.

Shape suffixes as in `blocks`; D embedding dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def attack(protected_BD: Tensor, person_BD: Tensor, margin: float = 0.1) -> Tensor:
    """Dodging: cosine between the protected face and the person, until below -margin."""
    return F.relu((protected_BD * person_BD).sum(1) + margin).mean()


def identity(restored_BD: Tensor, person_BD: Tensor) -> Tensor:
    """One minus the cosine between the restored face and the original photo."""
    return (1 - (restored_BD * person_BD).sum(1)).mean()


def linkage(protected_BD: Tensor, margin: float = 0.1) -> Tensor:
    """The same face under two keys (first and second half of the batch) must not match."""
    one, two = protected_BD.chunk(2)
    return F.relu((one * two).sum(1) - margin).mean()


def likeness(protected_BD: Tensor, margin: float = 0.1) -> Tensor:
    """Two people under one key must not look alike to a recogniser.

    Photo i of the second half is under the key of photo i - 1 of the first. A change that depends
    on the key alone moves everybody of a circle the same way: strangers would match each other, and
    the mean of their faces would give the change away.
    """
    one, two = protected_BD.chunk(2)
    return F.relu((one.roll(1, 0) * two).sum(1) - margin).mean()


def key_flow(flow_B2FF: Tensor, margin: float = 0.4) -> Tensor:
    """The same face under two keys must move in different directions: cosine below the margin.

    A single bit of the key choosing between two flows would satisfy a penalty on the mean
    cosine; the square over positive cosines is least when all pairs of keys are unrelated.
    """
    one, two = flow_B2FF.flatten(1).chunk(2)
    return F.relu(F.cosine_similarity(one, two, dim=1) - margin).square().mean()


def size(x_BCGG: Tensor, bound: float) -> Tensor:
    """Mean square relative to the bound: spend the budget where it pays."""
    return (x_BCGG / bound).square().mean()


def roughness(x_BCGG: Tensor, bound: float) -> Tensor:
    """Mean squared difference of neighbours: texture is what eyes see on skin."""
    across = (x_BCGG[..., 1:] - x_BCGG[..., :-1]) / bound
    down = (x_BCGG[..., 1:, :] - x_BCGG[..., :-1, :]) / bound
    return across.square().mean() + down.square().mean()


def pixels(restored_B3HW: Tensor, original_B3HW: Tensor, mask_11HH: Tensor) -> Tensor:
    """Charbonnier distance (Lai et al., 2017) inside the mask."""
    distance = torch.sqrt((restored_B3HW - original_B3HW).square() + 1e-6)
    return (distance * mask_11HH).sum() / (mask_11HH.sum() * 3 * len(restored_B3HW))


def flow_distance(undo_B2FF: Tensor, wanted_B2FF: Tensor, bound: float) -> Tensor:
    """How far the eraser's flow is from the way back of the one that was used."""
    return (undo_B2FF - wanted_B2FF).abs().mean() / bound


def told_apart(right_B: Tensor, wrong_B: Tensor) -> Tensor:
    """Cross entropy of what the eraser says of right and of wrong keys (logits)."""
    return (F.softplus(-right_B) + F.softplus(wrong_B)).mean()
