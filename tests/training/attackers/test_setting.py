"""Who may be attacked with whom, and that the dice are loaded the same way each time."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training import data, split
from ermask_training.attackers.setting import open_setting, read_pairs


def test_roles_are_kept_apart(setting):
    assert [each.name for each in setting.surrogates] == ["tiny"]
    assert [each.name for each in setting.judges] == ["judge"]


@pytest.mark.parametrize(
    "one, other", [("train", "pairs"), ("train", "calibration"), ("pairs", "calibration")]
)
def test_no_two_sets_share_a_person(folders, prepared, one, other):
    folders[one] = prepared("one", ["same", "same", "x1"])
    folders[other] = prepared("other", ["same", "same", "x2"])
    with pytest.raises(ValueError, match="identity same is in two sets"):
        open_setting(**folders)


def test_a_victims_photo_under_another_name_is_refused(folders, prepared):
    folders["train"] = prepared("renamed", [f"t{i // 2}" for i in range(8)], seed=2)
    with pytest.raises(ValueError, match=r"p0/0\.jpg is t0/0\.jpg of the training set"):
        open_setting(**folders)


def test_a_judge_that_is_a_surrogate_is_refused(folders):
    roster = folders["roster"]
    (roster / "judge.onnx").write_bytes((roster / "tiny.onnx").read_bytes())
    with pytest.raises(ValueError, match="judge is the same file as tiny"):
        open_setting(**folders)


def test_people_that_the_models_were_trained_on_are_no_victims(folders):
    known = split.of(data.load(folders["pairs"]), [])
    manifest = folders["models"] / "models.json"
    entries = json.loads(manifest.read_text()) | {"trained_on": known.as_json()}
    manifest.write_text(json.dumps(entries))
    with pytest.raises(ValueError, match="p0, of the pairs, was trained on"):
        open_setting(**folders)


def test_pairs_are_the_first_two_of_everybody(prepared):
    crop_set = data.load(prepared("some", ["b", "a", "b", "lonely", "a", "b"]))
    pairs = read_pairs(crop_set)
    assert pairs.names == ("a", "b")
    assert np.array_equal(pairs.a, crop_set.crops[[1, 0]])
    assert np.array_equal(pairs.b, crop_set.crops[[4, 2]])
    assert read_pairs(crop_set, limit=1).names == ("a",)


def test_nobody_with_two_photos_is_an_error(prepared):
    with pytest.raises(ValueError, match="no identity with two crops"):
        read_pairs(data.load(prepared("some", ["a", "b"])))


def test_a_seed_gives_the_same_keys_and_others_than_the_attackers(setting):
    assert torch.equal(setting.victim_keys(4), setting.victim_keys(4))
    other = replace(setting, seed=1)
    assert not torch.equal(setting.victim_keys(4), other.victim_keys(4))
    generator, _ = setting.dice()
    drawn = torch.randint(0, 2, (4, 8, 7, 7), generator=generator).float() * 2 - 1
    assert not torch.equal(setting.victim_keys(4)[0, :4], drawn)
