"""Protected photos against protected photos."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training.attackers import linkage
from ermask_training.attackers.judge import Judge
from ermask_training.attackers.setting import Pairs


def test_every_way_of_comparing_has_a_row_and_strangers_bring_nothing_back(setting, judge):
    rows = {row.photo: row for row in linkage.attack(setting, judge).rows}
    for name in ("one person, same key", "one person, different keys"):
        assert rows[name].match.n == 4
    for name in linkage.STRANGERS:
        assert rows[name].returned is None


def test_the_same_photo_under_the_same_key_is_the_same_photo(setting):
    pairs = setting.pairs
    twice = replace(setting, pairs=Pairs(pairs.names, pairs.a, np.array(pairs.a)))
    rows = {row.photo: row for row in linkage.attack(twice, Judge(twice)).rows}
    assert rows["one person, same key"].match.value == 1
