"""Named runs. Each is a function that returns a full, frozen config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ermask_training.config import TrainConfig


def shaded() -> TrainConfig:
    """The released model: an hour on two CPU cores, from an earlier protector's flow."""
    return TrainConfig(name="shaded", steps=4400, erase_from=300, seed=20)


def smoke() -> TrainConfig:
    """Seconds: every stage is entered, nothing is learned."""
    return replace(
        shaded(),
        name="smoke",
        steps=6,
        erase_from=2,
        batch=4,
        surrogates_per_step=1,
        warm_up=2,
    )


def flow() -> TrainConfig:
    """The flow alone, from scratch, for minutes: what a change to its training is held against."""
    return TrainConfig(name="flow", steps=200, erase_from=200, surrogates_per_step=3)


def flow_meta() -> TrainConfig:
    """The same with the meta-auxiliary step; as many surrogates judge."""
    return replace(flow(), name="flow_meta", meta_rate=0.3)


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    each.__name__: each for each in (shaded, smoke, flow, flow_meta)
}


def find(name: str) -> TrainConfig:
    """The config of a recipe.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(sorted(RECIPES))}")
    return RECIPES[name]()
