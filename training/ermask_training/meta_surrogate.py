"""Teach a student to be a better guide: by what descent on it does to other recognisers.

A distilled student knows faces as its teacher does; what leads it astray need not mislead others.
Here `astray` runs against it under random keys, surrogates judge the faces that come out, and its
weights go down the gradient of that, which leads back through every step of the descent. From
then on it is there to be attacked and no longer to recognise anybody: a meta-surrogate (Qin et al.,
"Training meta-surrogate model for transferable adversarial attack", AAAI 2023). Theirs replaces
the signs of the descent; the steps of ours have a gradient as they are.

Shape suffixes as in `blocks`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor
from torch.nn import functional as F

from ermask.contract import CROP
from ermask_training import losses, render, study, train
from ermask_training.blocks import KeyedFlow
from ermask_training.data import CropSet
from ermask_training.distil import BOUNDS, FILE
from ermask_training.keys import random_keys
from ermask_training.protector import astray
from ermask_training.student import Student
from ermask_training.surrogates import Recogniser

RATE = 3e-4
JITTER = 4.0, 0.05, 5.0
"""What judges look past: degrees, change of scale, and shift in crop pixels; see `jitter`."""
SHARPEST, COARSEST = CROP, 96
"""Sides of the crops that judges are shown."""


@dataclass(frozen=True)
class Rehearsal:
    """The loss of a step: how well surrogates still know faces that the student led astray."""

    student: Student
    flow: KeyedFlow
    material: train.Material
    photos: int
    """Faces a step, each under a key of its own."""
    judges: int
    """Surrogates drawn for a step."""
    device: torch.device

    def __call__(self, generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        chosen, crop_B3HW = train.photos(self.material.crop_set, self.photos, rng, self.device)
        in_mirror = torch.from_numpy(rng.random(self.photos) < 0.5).to(self.device)
        crop_B3HW = torch.where(in_mirror[:, None, None, None], crop_B3HW.flip(3), crop_B3HW)
        key_BKHW = random_keys(self.photos, generator).to(self.device)
        strength_B = train.strengths(self.photos, rng, self.device)
        residual, flow = astray(
            self.student, crop_B3HW, self.flow(key_BKHW, strength_B), strength_B, *BOUNDS
        )
        copy_B3HW = render.apply(crop_B3HW, residual.expand(-1, 3, -1, -1), flow)
        side = int(rng.integers(COARSEST, SHARPEST + 1))
        shown = F.interpolate(copy_B3HW, (side, side), mode="bilinear", antialias=True)
        aligned = render.realignment(flow)
        recognisers = self.material.recognisers
        left = []
        for judge in rng.permutation(len(recognisers))[: self.judges]:
            theta = render.jitter(self.photos, *JITTER, generator).to(self.device)
            seen = recognisers[judge](shown, render.chain(aligned, theta))
            left.append(losses.attack(seen, self.material.embeddings[judge][1][chosen]))
        return torch.stack(left).mean()


def rehearse(
    student: Student,
    flow: KeyedFlow,
    crop_set: CropSet,
    recognisers: list[Recogniser],
    accelerator: Accelerator,
    output: Path,
    *,
    steps: int,
    photos: int = 96,
    judges: int = 3,
    seed: int = 0,
    progress: Callable[[str], None] = print,
) -> Student:
    """Make the student a meta-surrogate, or go on with it; it is kept in OUTPUT/student.pt.

    Args:
        flow: the protector's, which bends faces before the student looks at them.
        photos: a step; no more than the set has.
        judges: surrogates a step.
        seed: decides photos, keys and judges.

    Raises:
        ValueError: what is in `output` was made under other circumstances, or accelerate has
            launched several processes.
    """
    if accelerator.num_processes > 1:
        raise ValueError("a student is taught by one process; start it without accelerate launch")
    made_with = {
        "student": study.fingerprint(student),
        "models": study.fingerprint(flow),
        "data": crop_set.fingerprint,
        "surrogates": [each.name for each in recognisers],
        "steps": steps,
        "photos": photos,
        "judges": judges,
        "seed": seed,
    }
    material = train.prepared(crop_set, recognisers, accelerator, progress)
    student.to(accelerator.device).requires_grad_(True)
    lesson = Rehearsal(
        student,
        flow.to(accelerator.device),
        material,
        min(photos, len(crop_set)),
        judges,
        accelerator.device,
    )
    study.study(
        student,
        lesson,
        steps=steps,
        rate=RATE,
        dice=(torch.Generator().manual_seed(seed + 1), np.random.default_rng(seed + 2)),
        path=output / FILE,
        made_with=made_with,
        progress=progress,
    )
    return student.cpu().requires_grad_(False)
