"""How natural a face looks to somebody who has only seen means: a Gaussian over small grey crops.

Shape suffixes as in `blocks`; P = SIDE * SIDE pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ermask_training import render
from ermask_training.attackers import copies
from ermask_training.data import CropSet

SIDE = 40
FACES = 3000
RIDGE = 0.02
"""Added to the covariance, as a share of its mean variance."""


@dataclass(frozen=True)
class NaturalFace:
    """The mean aligned face of a training set, and how faces vary around it."""

    mean: Tensor
    """(P,)"""
    precision: Tensor
    """Inverse of the covariance, (P, P)."""

    def evidence(self, crop_B3HW: Tensor) -> Tensor:
        """How far each crop is from the mean face, in units of the variance: (B,), 1 is usual."""
        away_BP = _small(crop_B3HW) - self.mean
        return ((away_BP @ self.precision) * away_BP).mean(1)


def natural_face(train: CropSet, rng: np.random.Generator) -> NaturalFace:
    """From at most FACES crops of the set, drawn by `rng`."""
    chosen = np.sort(rng.permutation(len(train))[:FACES])
    rows = [
        _small(copies.to_tensor(train.crops[chosen[here]])) for here in copies.chunks(len(chosen))
    ]
    faces_NP = torch.cat(rows)
    mean_P = faces_NP.mean(0)
    away_NP = faces_NP - mean_P
    covariance = away_NP.T @ away_NP / len(away_NP)
    ridge = RIDGE * float(covariance.diagonal().mean())
    precision = torch.linalg.inv(covariance + ridge * torch.eye(len(mean_P)))
    return NaturalFace(mean_P, precision)


def _small(crop_B3HW: Tensor) -> Tensor:
    """Grey, inside the mask, its own mean brightness taken away: (B, P)."""
    mask = F.interpolate(render.mask_11HH(), size=(SIDE, SIDE), mode="area")
    grey = F.interpolate(crop_B3HW.mean(1, keepdim=True), size=(SIDE, SIDE), mode="area")
    level = (grey * mask).sum((2, 3), keepdim=True) / mask.sum()
    return ((grey - level) * mask).flatten(1)
