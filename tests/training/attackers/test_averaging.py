"""Many photos under one key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask.contract import FIELD
from ermask_training.attackers import averaging, copies, natural
from ermask_training.attackers.averaging import guess_fields


def test_the_key_of_each_circle_is_found_where_the_evidence_points_at_it(setting):
    """Evidence that knows the change: the signs of the planes that act come out right."""
    keys = setting.victim_keys(2)[:, 0]
    posted, _ = copies.protect(setting, setting.pairs.a, keys.repeat_interleave(2, 0))
    with torch.no_grad():
        strength = setting.strengths(2)
        wanted = setting.eraser(copies.to_tensor(posted[::2]), keys, strength, fits=True)

    def evidence(copy, undo, back):
        circle = torch.arange(len(copy)) // 2
        apart = [
            (mine - true[circle]).square().flatten(1)
            for mine, true in zip((undo, back), wanted, strict=True)
        ]
        return sum(each.sum(1) for each in apart)

    found = guess_fields(setting, posted, 2, evidence)
    assert found.shape == (2, *FIELD)
    assert torch.equal(found[:, :5], keys[:, :5])


def test_the_mean_face_looks_more_natural_than_a_changed_one(setting):
    rng = np.random.default_rng(0)
    faces = np.asarray(setting.train.crops)
    face = natural.natural_face(setting.train, rng)
    mean = torch.from_numpy(faces.mean(0).astype(np.float32) / 255).permute(2, 0, 1)[None]
    other = copies.to_tensor(setting.pairs.a[:1])
    assert face.evidence(mean) < face.evidence(other)


def test_brightness_does_not_count_as_unnatural(setting):
    face = natural.natural_face(setting.train, np.random.default_rng(0))
    crop = copies.to_tensor(setting.pairs.a[:1]) * 0.5
    assert float(face.evidence(crop + 0.2)) == pytest.approx(float(face.evidence(crop)), rel=1e-3)


def test_circles_that_do_not_fit_are_named_and_left_out(setting, judge, monkeypatch):
    monkeypatch.setattr(averaging, "SIZES", (1, 3, 64))
    monkeypatch.setattr(averaging, "UPDATES", 2)
    report = averaging.attack(setting, judge)
    counts = {row.photo: row.match.n for row in report.rows}
    assert counts["keyless, 1 photo"] == 4
    assert counts["natural face, 3 photos"] == counts["posted, circle of 3"] == 3
    assert not any("64" in name for name in counts)
    assert any(remark.startswith("64 photos") for remark in report.remarks)


def test_a_circle_has_one_key(setting, judge, monkeypatch):
    seen = []
    protect = copies.protect
    monkeypatch.setattr(averaging, "SIZES", (2,))
    monkeypatch.setattr(averaging, "UPDATES", 1)

    def watched(setting, crops, keys):
        seen.append(keys)
        return protect(setting, crops, keys)

    monkeypatch.setattr(copies, "protect", watched)
    averaging.attack(replace(setting, steps=1), judge)
    [keys] = seen
    assert torch.equal(keys[0], keys[1]) and torch.equal(keys[2], keys[3])
    assert not torch.equal(keys[0], keys[2])
