"""A recogniser that is taught to see through the change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training import data
from ermask_training.attackers import finetuned
from ermask_training.attackers.judge import ORIGINAL, PROTECTED
from ermask_training.surrogates import Recogniser


def test_only_the_copy_learns(setting):
    before = {k: v.clone() for k, v in setting.surrogates[0].state_dict().items()}
    learner = finetuned.train(setting)
    after = setting.surrogates[0].state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    own = learner.state_dict()
    assert any(not torch.equal(before[name], own[name]) for name in before)
    assert not any(parameter.requires_grad for parameter in learner.parameters())


def test_a_frozen_script_has_nothing_to_train(setting, tmp_path):
    oracle = setting.surrogates[0]
    path = tmp_path / "frozen.pt"
    side = oracle.entry.size
    traced = torch.jit.trace(oracle.net, torch.zeros(2, 3, *side))
    torch.jit.freeze(traced.eval()).save(str(path))
    frozen = Recogniser(replace(oracle.entry, path=path, loader="torchscript"))
    with pytest.raises(ValueError, match="without weights that could still be trained"):
        finetuned.train(replace(setting, surrogates=(frozen,)))


def test_photos_of_one_person_are_drawn_together():
    one = torch.eye(3)
    assert finetuned._together(one, one) < 1e-5 < finetuned._together(one, one.roll(1, 0))


def test_too_few_people_to_learn_from_are_refused(setting, prepared):
    alone = data.load(prepared("alone", ["a", "a", "b", "c"]))
    with pytest.raises(ValueError, match="only 1 people with two photos"):
        finetuned.train(replace(setting, train=alone))


def test_a_recogniser_that_finds_protected_faces_alike_gains_nothing():
    """All protected photos in one place: the threshold rises above that place."""
    rng = np.random.default_rng(0)
    clean = rng.normal(size=(60, 16)).astype(np.float32)
    clean += np.eye(16, dtype=np.float32)[0] * 3
    clean /= np.linalg.norm(clean, axis=1, keepdims=True)
    alike = np.tile(np.eye(16, dtype=np.float32)[0], (60, 1))
    names = [f"p{i}" for i in range(60)]
    limit = finetuned.mixed_threshold(alike, clean, names, 0.05)
    assert ((alike @ clean.T) >= limit).mean() <= 0.06
    with pytest.raises(ValueError, match="too few"):
        finetuned.mixed_threshold(alike, clean, names, 0.001)


def test_the_report_sets_it_beside_the_one_it_was(setting, judge):
    report = finetuned.attack(setting, judge)
    assert [(row.recogniser, row.photo) for row in report.rows] == [
        ("tiny", ORIGINAL),
        ("tiny", PROTECTED),
        ("tiny, fine-tuned", ORIGINAL),
        ("tiny, fine-tuned", PROTECTED),
    ]
    plain, protected = report.rows[2:]
    assert plain.threshold != protected.threshold
