"""Which parts of training are on at a step: attack first, then erasure, then wrong keys.

Attack and erasure pull against each other: with erasure on from the start the attack never
grows. The three stages follow ErasableMask (arXiv 2412.17038); the rates and lengths are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ermask_training.config import LOOKS, TrainConfig


@dataclass(frozen=True)
class Phase:
    """What one step does."""

    erase: bool
    wrong_keys: bool
    protector_rate: float
    eraser_rate: float
    looks: float
    """Share of the weights of `config.LOOKS` that counts."""

    def share(self, term: str) -> float:
        """Share of its weight with which a loss term counts."""
        return self.looks if term in LOOKS else 1.0


def phase(config: TrainConfig, step: int) -> Phase:
    """The phase of `step` (from 0); a pure function, so that a resumed run is the same run."""
    erase = step >= config.erase_from
    joint = config.steps - config.erase_from
    if erase:
        progress = (step - config.erase_from) / joint
        # A short rest lets the new eraser catch up before the protector moves again.
        rest = min(1.0, progress / 0.1)
        protector_rate = config.joint_rate * rest * _cosine(progress)
        eraser_rate = config.peak_rate * _cosine(progress)
    else:
        rise = min(1.0, (step + 1) / config.warm_up)
        fall = step / config.erase_from
        low = config.joint_rate / config.peak_rate
        protector_rate = config.peak_rate * rise * (low + (1 - low) * _cosine(fall))
        eraser_rate = 0.0
    looks = min(1.0, (step + 1) / max(1, config.looks_from))
    return Phase(erase, step >= config.wrong_keys_from, protector_rate, eraser_rate, looks)


def _cosine(progress: float) -> float:
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
