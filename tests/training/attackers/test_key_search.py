"""Searching the field with a recogniser as oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask.contract import FIELD
from ermask_training.attackers import key_search
from ermask_training.attackers.judge import Judge
from ermask_training.attackers.key_search import SEARCHES, honest_far, live_entries
from ermask_training.attackers.setting import Pairs


def secret(count):
    return (
        torch.randint(0, 2, (count, *FIELD), generator=torch.Generator().manual_seed(9)) * 2.0 - 1
    )


def alike(key_SKHW, live):
    """An oracle that says how many of the entries that count are right: from -1 to 1."""
    right = (key_SKHW * secret(len(key_SKHW)) * live).flatten(1).sum(1)
    return right / live.sum()


@pytest.mark.parametrize("name", sorted(SEARCHES))
def test_each_search_climbs_a_hill(name):
    live = torch.zeros(FIELD, dtype=torch.bool)
    live.view(-1)[:24] = True
    generator = torch.Generator().manual_seed(0)
    found = SEARCHES[name](lambda key: alike(key, live), 3, live, 150, generator)
    assert found.shape == (3, *FIELD)
    assert found.abs().max() <= 1
    assert alike(found, live).min() > 0.8


def test_hill_climbing_never_gets_worse_and_keeps_to_signs():
    live = torch.ones(FIELD, dtype=torch.bool)
    heights = [
        alike(
            key_search.hill_climb(
                lambda key: alike(key, live), 2, live, n, torch.Generator().manual_seed(0)
            ),
            live,
        )
        for n in (1, 30)
    ]
    assert (heights[1] > heights[0]).all()
    found = key_search.hill_climb(
        lambda key: alike(key, live), 2, live, 5, torch.Generator().manual_seed(0)
    )
    assert set(found.unique().tolist()) == {-1.0, 1.0}


def test_live_entries_are_those_that_the_eraser_looks_at(setting):
    """The tiny eraser reads the first five planes."""
    live = live_entries(setting, setting.pairs.a)
    assert live[:5].all() and not live[5:].any()


def test_the_oracle_is_climbed_towards_the_suspect(setting, judge):
    suspects = setting.pairs.b
    eager = replace(setting, queries=12)
    found = key_search.search(eager, key_search.ascend, judge.posted, suspects)
    from ermask_training.attackers import copies
    from ermask_training.attackers.judge import TOLD

    oracle = setting.surrogates[0]
    target = copies.embed(oracle, suspects)
    before = np.sum(copies.embed(oracle, judge.references[TOLD]) * target, axis=1)
    after = np.sum(copies.embed(oracle, found) * target, axis=1)
    assert after.mean() > before.mean()


def test_few_trials_raise_the_rate_that_they_can_show():
    assert honest_far(0.01, 5000) == 0.01
    assert honest_far(0.01, 60) == pytest.approx(1 / 6)
    assert honest_far(0.01, 4) == 1.0


def test_the_report_puts_true_and_wrong_suspects_side_by_side(setting, judge):
    report = key_search.attack(setting, judge)
    usual = [row for row in report.rows if row.far == 0.05]
    named = {row.photo: row for row in usual}
    for name in SEARCHES:
        assert named[name].match.n == 4
        assert named[f"wrong suspect, {name}"].match.n == 12
        assert named[f"wrong suspect, {name}"].returned is None
    assert {row.far for row in report.rows} == {0.05, 10 / 12}
    assert any("245 of 392 entries" in remark for remark in report.remarks)


def test_one_pair_alone_has_no_wrong_suspect(setting):
    pairs = setting.pairs
    alone = replace(setting, pairs=Pairs(pairs.names[:1], pairs.a[:1], pairs.b[:1]))
    with pytest.raises(ValueError, match="two pairs at least"):
        key_search.attack(alone, Judge(alone))
