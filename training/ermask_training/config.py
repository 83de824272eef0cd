"""Everything that decides a training run, frozen, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weight of each loss term; `losses` says what each one is."""

    attack: float = 1.5
    linkage: float = 0.1
    likeness: float = 0.3
    key_flow: float = 0.3
    residual_size: float = 0.02
    residual_rough: float = 0.05
    residual_skin: float = 0.3
    flow_rough: float = 0.4
    flow_size: float = 0.03
    erase_pixels: float = 6.0
    erase_identity: float = 1.0
    erase_flow: float = 1.5
    wrong_key: float = 1.0


LOOKS = ("residual_size", "residual_rough", "residual_skin", "flow_rough", "flow_size")
"""Terms that are about looks alone."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run. `recipes` has the named ones."""

    name: str
    steps: int
    erase_from: int
    """Step at which the eraser joins (attack first; see `curriculum`)."""
    wrong_keys_from: int
    batch: int = 16
    """Crops a step: half as many photos, each under two keys."""
    seed: int = 0
    max_residual: float = 10 / 255
    max_flow: float = 1.5
    peak_rate: float = 8e-4
    erase_pull: float = 0.05
    """Share of the erasure losses' gradient that reaches the protector. At 1 it gives up its
    residual within a hundred steps, and the attack with it."""
    joint_rate: float = 6e-4
    """Protector's peak rate once the eraser has joined."""
    warm_up: int = 150
    looks_from: int = 0
    """Step up to which the weights of `LOOKS` rise to what they are. A change of signed parts has
    no gradient at zero: parts that are pushed down at once never learn what they are good for."""
    averaging: float = 0.998
    """Decay of the exponential moving average of the weights; the average is what ships."""
    surrogates: tuple[str, ...] = ()
    """Names from the roster; empty: all with role `train`."""
    surrogates_per_step: int = 2
    checkpoint_minutes: float = 4.0
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        if self.batch % 2 or self.batch < 4:
            raise ValueError("batch must be even and at least 4")
        if not 0 < self.erase_from <= self.wrong_keys_from <= self.steps:
            raise ValueError("need 0 < erase_from <= wrong_keys_from <= steps")
