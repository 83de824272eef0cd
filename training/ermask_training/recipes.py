"""Named runs. Each is a function that returns a full, frozen config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ermask_training.config import TrainConfig

MANY = 1000
"""More surrogates than a roster has: all of them."""


def lit() -> TrainConfig:
    """The released model: an hour and a half on two CPU cores with AMX, after its student."""
    return TrainConfig(name="lit", steps=4400, erase_from=400, seed=70)


def eraser() -> TrainConfig:
    """The eraser alone, on a GPU: eight minutes for a protector that stays as it is."""
    return TrainConfig(name="eraser", steps=1750, erase_from=0, batch=96, seed=80)


def large() -> TrainConfig:
    """For a machine with GPUs and photos of 256 pixels or more (docs/lab.md); not yet trained by.

    Four times the batch, on every process; twenty times the steps, of which a third are the
    protector's, so that it needs no earlier flow to start from; every surrogate at every step.
    """
    return TrainConfig(
        name="large",
        steps=90_000,
        erase_from=30_000,
        batch=64,
        seed=30,
        warm_up=1000,
        averaging=0.9995,
        surrogates_per_step=MANY,
        checkpoint_minutes=10.0,
    )


def smoke() -> TrainConfig:
    """Seconds: every stage is entered, nothing is learned."""
    return replace(
        lit(),
        name="smoke",
        steps=6,
        erase_from=2,
        batch=4,
        surrogates_per_step=1,
        warm_up=2,
    )


def impersonation() -> TrainConfig:
    """As `lit`, towards a given person or one made up by the key; not yet trained by."""
    return replace(lit(), name="impersonation", impersonate=True)


def flow() -> TrainConfig:
    """The flow alone, from scratch, for minutes: what a change to its training is held against."""
    return TrainConfig(name="flow", steps=360, erase_from=360, surrogates_per_step=3)


def flow_meta() -> TrainConfig:
    """The same with the meta-auxiliary step; as many surrogates judge."""
    return replace(flow(), name="flow_meta", meta_rate=20.0)


RECIPES: dict[str, Callable[[], TrainConfig]] = {
    each.__name__: each for each in (lit, eraser, impersonation, large, smoke, flow, flow_meta)
}


def find(name: str) -> TrainConfig:
    """The config of a recipe.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(sorted(RECIPES))}")
    return RECIPES[name]()
