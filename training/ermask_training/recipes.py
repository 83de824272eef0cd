"""Named runs. Each is a function that returns a full, frozen config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ermask_training.config import TrainConfig, Weights


def first() -> TrainConfig:
    """The first released model: a few hours on two CPU cores."""
    return TrainConfig(name="first", steps=2540, erase_from=1500, wrong_keys_from=1850)


def signed() -> TrainConfig:
    """Signs decided by the key, more geometry and less paint."""
    return replace(
        first(),
        name="signed",
        steps=1700,
        erase_from=600,
        wrong_keys_from=1700,
        warm_up=60,
        seed=10,
        max_residual=8 / 255,
        max_flow=1.5,
        weights=Weights(residual_size=0.01, residual_rough=0.01, residual_skin=0.15, likeness=0.1),
    )


def smoke() -> TrainConfig:
    """Seconds: every stage is entered, nothing is learned."""
    return replace(
        first(),
        name="smoke",
        steps=6,
        erase_from=2,
        wrong_keys_from=4,
        batch=4,
        surrogates_per_step=1,
        warm_up=2,
    )


RECIPES: dict[str, Callable[[], TrainConfig]] = {"first": first, "signed": signed, "smoke": smoke}


def find(name: str) -> TrainConfig:
    """The config of a recipe.

    Raises:
        ValueError: there is no such recipe.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no recipe {name!r}; there are {', '.join(sorted(RECIPES))}")
    return RECIPES[name]()
