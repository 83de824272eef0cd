"""Published attacks that change pixels within a bound, one photo at a time, without a key.

They stand beside ermask in its tables: what a few seconds of optimisation against the same
surrogates achieve. All minimise the mean cosine between the changed crop and the clean one over
all surrogates, inside the mask that ermask is bound to, and step by the sign of the gradient.

PGD: Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018.
MI-FGSM: Dong et al., "Boosting adversarial attacks with momentum", CVPR 2018.
DI: Xie et al., "Improving transferability of adversarial examples with input diversity", CVPR 2019.
TI: Dong et al., "Evading defenses to transferable adversarial examples by translation-invariant
attacks", CVPR 2019. TI-DIM is DI, TI and momentum together.

Shape suffixes: B faces, H = CROP, D embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ermask_training import render
from ermask_training.surrogates import Recogniser

EPSILON = 8 / 255
STEPS = 10


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One of the family."""

    step: float
    """Length of a step, as a share of EPSILON."""
    start: float
    """Reach of the random start, as a share of EPSILON. It cannot be 0: where changed and clean
    crop are equal, the cosine is at its maximum and its gradient zero."""
    momentum: float = 0.0
    """Decay of the running gradient; 0 takes each gradient alone."""
    diversity: float = 0.0
    """Chance that a step sees the crop shrunk and moved about."""
    kernel: int = 1
    """Side of the Gaussian that the gradient is smoothed with; 1 leaves it."""


ATTACKS = {
    "PGD": Attack(step=2.5 / STEPS, start=1.0),
    "MI-FGSM": Attack(step=1 / STEPS, start=0.1, momentum=1.0),
    "TI-DIM": Attack(step=1 / STEPS, start=0.1, momentum=1.0, diversity=0.7, kernel=7),
}


def run(
    attack: Attack,
    crop_B3HH: Tensor,
    surrogates: Sequence[Recogniser],
    generator: torch.Generator,
    *,
    steps: int = STEPS,
) -> Tensor:
    """The change that the attack makes: (B, 3, H, H), at most EPSILON, to be masked when applied.

    Args:
        crop_B3HH: clean crops in [0, 1].
        surrogates: what it is made against.
    """
    mask_11HH = render.mask_11HH()
    with torch.no_grad():
        clean = [surrogate(crop_B3HH) for surrogate in surrogates]
    reach = attack.start * EPSILON
    noise = torch.rand(crop_B3HH.shape, generator=generator)
    change_B3HH = (noise * 2 - 1) * reach
    running_B3HH = torch.zeros_like(crop_B3HH)
    for _ in range(steps):
        change_B3HH.requires_grad_(True)
        changed_B3HH = (crop_B3HH + mask_11HH * change_B3HH).clamp(0, 1)
        cosines = [
            (surrogate(diverse(changed_B3HH, attack.diversity, generator)) * own_BD).sum(1)
            for surrogate, own_BD in zip(surrogates, clean, strict=True)
        ]
        loss = torch.stack(cosines).mean(0).sum()
        [gradient_B3HH] = torch.autograd.grad(loss, change_B3HH)
        gradient_B3HH = smooth(gradient_B3HH, attack.kernel)
        # Dong et al. divide by the mean magnitude, so that steps count alike in the sum.
        size = gradient_B3HH.abs().mean((1, 2, 3), keepdim=True).clamp(min=1e-12)
        running_B3HH = attack.momentum * running_B3HH + gradient_B3HH / size
        stepped = change_B3HH.detach() - attack.step * EPSILON * running_B3HH.sign()
        change_B3HH = stepped.clamp(-EPSILON, EPSILON)
    return change_B3HH


def diverse(x_B3HH: Tensor, chance: float, generator: torch.Generator) -> Tensor:
    """The crops at 0.85 to 1 of their size somewhere on black, by chance; else as they are."""
    draw = torch.rand(4, generator=generator).tolist()
    if draw[0] >= chance:
        return x_B3HH
    side = x_B3HH.shape[-1]
    small = round(side * (0.85 + 0.15 * draw[1]))
    shrunk = F.interpolate(x_B3HH, (small, small), mode="bilinear", align_corners=False)
    left, top = int(draw[2] * (side - small + 1)), int(draw[3] * (side - small + 1))
    return F.pad(shrunk, (left, side - small - left, top, side - small - top))


def smooth(x_B3HH: Tensor, kernel: int) -> Tensor:
    """Convolution of every channel with a Gaussian that ends at three sigma."""
    if kernel == 1:
        return x_B3HH
    spots = torch.linspace(-3, 3, kernel)
    taps = torch.exp(-spots * spots / 2)
    taps = (taps / taps.sum()).repeat(3, 1, 1, 1)
    rows = F.conv2d(x_B3HH, taps, padding=(0, kernel // 2), groups=3)
    return F.conv2d(rows, taps.transpose(2, 3), padding=(kernel // 2, 0), groups=3)
