"""What is done to crops in bulk."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask.contract import CROP, DRAWS, FLOW_GRID
from ermask.engine import CHOICE
from ermask_training.attackers import copies


def test_chunks_cover_everything_once():
    covered = [i for here in copies.chunks(37, 16) for i in range(37)[here]]
    assert covered == list(range(37))
    assert list(copies.chunks(0)) == []


def test_pixels_survive_the_way_there_and_back(setting):
    crops = setting.pairs.a
    assert np.array_equal(copies.to_pixels(copies.to_tensor(crops)), crops)


def test_the_right_key_undoes_more_than_a_wrong_one(setting):
    crops, keys = setting.pairs.a, setting.victim_keys(4)[:, 0]
    posted, _ = copies.protect(setting, crops, keys)
    plain = copies.post(crops, setting.quality)

    def apart(one):
        return float(np.abs(one.astype(int) - plain).mean())

    right, _ = copies.undo(setting, posted, keys, fits=True)
    some, _ = copies.undo(setting, posted, keys, fits=False)
    wrong, _ = copies.undo(setting, posted, -keys, fits=True)
    assert apart(right) < apart(some) < apart(posted) < apart(wrong)


def test_every_photo_has_the_best_of_some_fields_of_its_own_key(setting):
    draws = setting.victim_keys(40)
    crops = np.resize(setting.pairs.a, (40, CROP, CROP, 3))
    fields = copies.drawn(setting, crops, draws, torch.Generator().manual_seed(1))
    places = (fields[:, None] == draws).flatten(2).all(2)
    assert places.sum(1).tolist() == [1] * 40
    taken = places.int().argmax(1)
    assert len(set(taken.tolist())) > 4
    ones, crop = torch.ones(DRAWS), copies.to_tensor(crops)

    def similarity(each, fields):
        known, seen = (setting.protector.look(each, fields, s) for s in (0 * ones, ones))
        return torch.from_numpy((known * seen).sum(1))

    better = [
        similarity(each.expand(DRAWS, -1, -1, -1), fields).argsort()
        for each, fields in zip(crop, draws, strict=True)
    ]
    ranks = [order.tolist().index(i) for order, i in zip(better, taken.tolist(), strict=True)]
    # of the eight, as many are left out as are looked at
    assert max(ranks) <= DRAWS - CHOICE
    assert 0 < np.mean(ranks) < 1.5


def test_flow_undone_tells_the_way_back_from_the_way_on():
    flow = torch.randn(3, 2, FLOW_GRID, FLOW_GRID, generator=torch.Generator().manual_seed(0))
    assert copies.flow_undone(-flow, flow) == pytest.approx(np.ones(3), abs=1e-5)
    assert copies.flow_undone(flow, flow) == pytest.approx(-np.ones(3), abs=1e-5)


def test_embeddings_do_not_depend_on_the_batch(setting, monkeypatch):
    judge = setting.judges[0]
    together = copies.embed(judge, setting.pairs.a)
    monkeypatch.setattr(copies, "BATCH", 1)
    alone = np.concatenate([copies.embed(judge, crop[None]) for crop in setting.pairs.a])
    assert np.abs(together - alone).max() < 1e-6
    assert setting.pairs.a.shape[1:] == (CROP, CROP, 3)
