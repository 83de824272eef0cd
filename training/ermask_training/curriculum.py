"""Which part of training is on at a step: attack first, then erasure.

Attack and erasure pull against each other: with erasure on from the start the attack never
grows. So the protector learns alone, and rests while the eraser learns. The order follows
ErasableMask (arXiv 2412.17038); the rates and lengths are ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ermask_training.config import TrainConfig


@dataclass(frozen=True)
class Phase:
    """What one step does."""

    erase: bool
    """Whether the eraser learns, and the protector rests."""
    rate: float
    """Learning rate of the one that learns."""


def phase(config: TrainConfig, step: int) -> Phase:
    """The phase of `step` (from 0); a pure function, so that a resumed run is the same run."""
    erase = step >= config.erase_from
    start, end = (config.erase_from, config.steps) if erase else (0, config.erase_from)
    rise = min(1.0, (step - start + 1) / min(config.warm_up, end - start))
    progress = (step - start) / (end - start)
    peak = config.peak_rate if erase else config.flow_rate
    return Phase(erase, peak * rise * _cosine(progress))


def _cosine(progress: float) -> float:
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
