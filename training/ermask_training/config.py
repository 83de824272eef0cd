"""Everything that decides a training run, frozen, in one place."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Weights:
    """Weight of each loss term; `losses` says what each one is."""

    attack: float = 1.5
    linkage: float = 0.1
    likeness: float = 0.1
    persona: float = 1.0
    key_flow: float = 0.3
    flow_rough: float = 0.4
    flow_size: float = 0.03
    erase_flow: float = 1.5
    erase_pixels: float = 6.0
    erase_identity: float = 2.0
    erase_student: float = 1.0
    erase_fits: float = 0.5


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How a run is spread over a machine. No part of a recipe, and kept with the checkpoint."""

    processes: int = 1
    precision: str = "no"
    """Mixed precision of the recognisers: `no` or `bf16`."""
    device: str = "cpu"
    """Kind of device: `cpu`, `cuda`, ..."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """One run. `recipes` has the named ones."""

    name: str
    steps: int
    erase_from: int
    """Step from which the eraser learns and the protector rests; 0: the eraser alone learns."""
    batch: int = 16
    """Crops a step and process. The protector learns on half as many photos, each under two keys.
    """
    seed: int = 0
    impersonate: bool = False
    """Drive faces towards a persona (see `persona`), and not only away from their owner."""
    max_residual: float = 34 / 255
    max_flow: float = 2.0
    flow_rate: float = 6e-2
    """Peak learning rate of the protector, whose weights are a flow's control points."""
    peak_rate: float = 8e-4
    """Peak learning rate of the eraser."""
    warm_up: int = 60
    averaging: float = 0.998
    """Decay of the exponential moving average of the weights; the average is what ships."""
    surrogates: tuple[str, ...] = ()
    """Names from the roster; empty: all with role `train`."""
    surrogates_per_step: int = 2
    """For the protector; the eraser is judged by one, and by the student."""
    meta_rate: float = 0.0
    """Size of the inner step of the meta-auxiliary step, see `meta`; 0: there is none."""
    checkpoint_minutes: float = 4.0
    weights: Weights = field(default_factory=Weights)

    def __post_init__(self) -> None:
        if self.batch % 2 or self.batch < 4:
            raise ValueError("batch must be even and at least 4")
        if not 0 <= self.erase_from <= self.steps or self.steps < 1:
            raise ValueError("need 0 <= erase_from <= steps, and a step")
        if self.meta_rate < 0:
            raise ValueError("meta_rate must not be negative")
        if self.meta_rate and self.surrogates_per_step < 2:
            raise ValueError("a meta-auxiliary step needs two surrogates_per_step")
