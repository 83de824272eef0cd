"""Teach the student what its teachers see: whole faces, and what a change does to a face.

The pairs it learns from are made by the run's own protector under random keys, at every preset:
what it will be asked about.

Shape suffixes as in `blocks`; D embedding dimensions.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ermask.contract import STRENGTHS
from ermask_training import checkpoint, degrade, render
from ermask_training.blocks import SignedUNet
from ermask_training.data import CropSet
from ermask_training.student import Student, from_weights
from ermask_training.study import study
from ermask_training.surrogates import Recogniser
from ermask_training.train import random_keys

FILE = "student.pt"
PEAK_RATE = 2e-3
PAIRS = 4.0
"""Weight of the error in the similarity of a pair, beside the distance to the teachers."""


def distil(
    run: Path,
    crop_set: CropSet,
    teachers: list[Recogniser],
    *,
    steps: int,
    batch: int = 16,
    seed: int = 0,
    progress: Callable[[str], None] = print,
) -> Student:
    """Train the student of a run, or go on with it; it is kept in RUN/student.pt.

    Args:
        batch: photos a step; each is seen clean and protected.

    Raises:
        ValueError: the run has no checkpoint, or its student was made under other circumstances.
    """
    torch.manual_seed(seed)
    protector = _protector(run)
    student = Student(sum(teacher.entry.dim for teacher in teachers))
    student.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    levels = np.array(list(STRENGTHS.values()), np.float32)

    def loss(generator: torch.Generator, rng: np.random.Generator) -> Tensor:
        chosen = np.sort(rng.choice(len(crop_set), min(batch, len(crop_set)), replace=False))
        pixels = torch.from_numpy(crop_set.crops[chosen]).permute(0, 3, 1, 2).float() / 255
        crop_B3HW = degrade.soften(pixels, rng)
        if rng.random() < 0.5:
            crop_B3HW = crop_B3HW.flip(3)
        strength_B = torch.from_numpy(rng.choice(levels, len(chosen)))
        with torch.no_grad():
            key_BKHW = random_keys(len(chosen), generator)
            residual, flow = protector(crop_B3HW, key_BKHW, strength_B)
            protected_B3HW = render.apply(crop_B3HW, residual, flow)
            clean = together([teacher(crop_B3HW) for teacher in teachers])
            theta = render.realignment(flow)
            changed = together([teacher(protected_B3HW, theta) for teacher in teachers])
        one = student.embed(student.look(crop_B3HW))
        two = student.embed(student.look(crop_B3HW, residual, flow))
        away = 2 - (one * clean).sum(1).mean() - (two * changed).sum(1).mean()
        alike = F.mse_loss((one * two).sum(1), (clean * changed).sum(1))
        return away + PAIRS * alike

    study(
        student,
        loss,
        steps=steps,
        rate=PEAK_RATE,
        dice=(torch.Generator().manual_seed(seed + 1), np.random.default_rng(seed + 2)),
        path=run / FILE,
        made_with={
            "teachers": [teacher.name for teacher in teachers],
            "steps": steps,
            "batch": batch,
            "seed": seed,
        },
        progress=progress,
    )
    return student


def load(run: Path) -> Student | None:
    """The student of a run; None where none was taught."""
    path = run / FILE
    if not path.is_file():
        return None
    weights = torch.load(path, map_location="cpu", weights_only=True)["network"]
    return from_weights(weights)


def together(embeddings: list[Tensor]) -> Tensor:
    """One embedding whose cosine is the mean of the teachers' cosines: unit, (B, D)."""
    return torch.cat(embeddings, 1).div(len(embeddings) ** 0.5)


def _protector(run: Path) -> SignedUNet:
    config = checkpoint.read_config(run)
    protector = SignedUNet(config.max_residual, config.max_flow)
    protector.load_state_dict(checkpoint.load(run)["averages"][0])
    protector.requires_grad_(False)
    return protector.eval()
