"""Recipes are full configs, and impossible configs cannot be made."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from ermask_training import recipes


@pytest.mark.parametrize("name", sorted(recipes.RECIPES))
def test_a_recipe_is_a_frozen_config_of_its_name(name):
    config = recipes.find(name)
    assert config.name == name
    assert config == recipes.find(name)
    with pytest.raises(FrozenInstanceError):
        config.steps = 1  # type: ignore[misc]


def test_an_unknown_recipe_is_refused_with_the_known_ones():
    known = "eraser, flow, flow_meta, impersonation, large, lit, smoke"
    with pytest.raises(ValueError, match=f"no recipe 'frist'; there are {known}"):
        recipes.find("frist")


def test_smoke_enters_every_stage():
    config = recipes.smoke()
    assert 0 < config.erase_from < config.steps <= 10


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"batch": 7}, "batch"),
        ({"batch": 2}, "batch"),
        ({"erase_from": -1}, "0 <= erase_from"),
        ({"erase_from": 0, "steps": 0}, "and a step"),
        ({"erase_from": 7}, "erase_from <= steps"),
        ({"meta_rate": -0.1}, "meta_rate must not be negative"),
        ({"meta_rate": 0.1}, "needs two surrogates_per_step"),
    ],
)
def test_impossible_configs(changes, said):
    with pytest.raises(ValueError, match=said):
        replace(recipes.smoke(), **changes)


def test_the_meta_step_is_all_that_its_recipe_changes():
    one, two = recipes.flow(), recipes.flow_meta()
    assert two.meta_rate > one.meta_rate == 0
    assert replace(two, name=one.name, meta_rate=0.0) == one
    assert one.erase_from == one.steps
