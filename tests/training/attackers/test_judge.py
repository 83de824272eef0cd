"""Thresholds, references, and who is compared with whom."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training.attackers.judge import ORIGINAL, PROTECTED, RANDOM_KEY, RIGHT_KEY, TOLD


def test_the_references_are_in_every_table(judge, setting):
    rows = judge.rows({"mine": setting.pairs.b})
    references = [ORIGINAL, PROTECTED, RIGHT_KEY, RANDOM_KEY, TOLD]
    assert [row.photo for row in rows] == [*references, "mine"]
    assert {(row.recogniser, row.far, row.match.n) for row in rows} == {("judge", 0.05, 4)}


def test_the_other_photo_itself_matches(judge, setting):
    [row] = [row for row in judge.rows({"mine": setting.pairs.b}) if row.photo == "mine"]
    assert row.match.value == 1


def test_cosines_compare_with_the_pair_that_is_named(judge, setting):
    each = setting.judges[0]
    who = np.array([2, 0])
    assert judge.cosines(each, setting.pairs.b[who], who) == pytest.approx([1, 1], abs=1e-5)
    assert judge.cosines(each, setting.pairs.b[who], who[::-1]).max() < 0.999


def test_some_victims_can_be_chosen(judge, setting):
    some = np.array([1, 3])
    rows = judge.rows({"mine": setting.pairs.b[some]}, some)
    assert {row.match.n for row in rows} == {2}
    assert rows[-1].match.value == 1


def test_the_threshold_is_set_on_the_calibration_people(judge, setting):
    each = setting.judges[0]
    clean = judge.clean[each.name]
    cosines = (clean @ clean.T)[np.triu_indices(46, 1)]
    assert (cosines > judge.limit(each, 0.05)).mean() == pytest.approx(0.05, abs=0.002)


def test_a_rate_that_so_few_people_cannot_show_is_refused(judge, setting):
    with pytest.raises(ValueError, match="too few"):
        judge.limit(setting.judges[0], 0.001)
