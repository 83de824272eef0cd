"""Nobody is judged on what they were trained with."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")

from ermask_training import data, split
from ermask_training.bench import guard
from ermask_training.split import Split
from ermask_training.surrogates import read_roster


@pytest.fixture
def entries(judged_roster):
    return {entry.name: entry for entry in read_roster(judged_roster)}


def trained_with(*people, recognisers=()):
    return Split(frozenset(map(split.identity_digest, people)), frozenset(recognisers))


def test_a_person_in_two_sets_is_refused():
    with pytest.raises(ValueError, match="bo is in the photos and in the calibration set"):
        guard.require_new_people({"photos": ["ada", "bo"], "calibration set": ["bo"]}, None)
    with pytest.raises(ValueError, match="bo is in the photos and in the distractors"):
        guard.require_new_people({"photos": ["bo"], "distractors": ["bo"]}, None)


@pytest.mark.parametrize("title", ["photos", "calibration set"])
def test_a_person_who_was_trained_on_is_refused(title):
    with pytest.raises(ValueError, match=f"bo, of the {title}, was trained on"):
        guard.require_new_people({title: ["ada", "bo"]}, trained_with("bo"))


def test_distractors_may_have_been_trained_on():
    guard.require_new_people({"photos": ["ada"], "distractors": ["bo"]}, trained_with("bo"))


def test_a_judge_that_is_a_surrogate_under_another_name_is_refused(entries):
    guard.require_new_recognisers([entries["judge"]], [entries["tiny"]], None)
    with pytest.raises(ValueError, match="judge tiny is the same file as tiny"):
        guard.require_new_recognisers([entries["tiny"]], [entries["tiny"]], None)


def test_a_judge_that_was_trained_against_is_refused(entries):
    known = trained_with(recognisers=[split.file_digest(entries["judge"].path)])
    with pytest.raises(ValueError, match="judge judge was trained against"):
        guard.require_new_recognisers([entries["judge"]], [entries["tiny"]], known)


def test_a_photo_under_another_name_is_found(calibration):
    crop_set = data.load(calibration)
    crop = np.array(crop_set.crops[7])
    shown = {"ada/a.png": crop, "bo/a.png": None}
    with pytest.raises(ValueError, match=r"ada/a.png is judged7/1.jpg of the calibration set"):
        guard.require_new_photos(shown, {"calibration set": crop_set})
    guard.require_new_photos({"ada/a.png": crop ^ np.uint8(1)}, {"calibration set": crop_set})


def test_a_split_is_kept_with_the_run_and_grows(tmp_path, crops, prepared, entries):
    one, two = data.load(crops), data.load(prepared("more", ["dee"]))
    split.record(tmp_path / "run", split.of(one, [entries["tiny"]]))
    split.record(tmp_path / "run", split.of(two, []))
    found = split.read(tmp_path / "run")
    assert found is not None
    assert found.identities == set(map(split.identity_digest, ["ada", "bo", "cy", "dee"]))
    assert found.recognisers == {split.file_digest(entries["tiny"].path)}
    split.record(tmp_path / "next", split.of(two, []), tmp_path / "run")
    assert split.read(tmp_path / "next") == found
    assert split.read(tmp_path) is None


def test_what_a_folder_and_a_run_say_is_added(networks, tmp_path):
    assert guard.trained_on(networks, None) is None
    split.record(tmp_path, trained_with("ada"))
    assert guard.trained_on(networks, tmp_path) == trained_with("ada")
    entries = json.loads((networks / "models.json").read_text())
    entries["trained_on"] = trained_with("bo").as_json()
    (tmp_path / "models.json").write_text(json.dumps(entries))
    assert guard.trained_on(tmp_path, None) == trained_with("bo")
    assert guard.trained_on(tmp_path, tmp_path) == trained_with("ada", "bo")


def test_a_record_that_is_none_is_an_error(networks, tmp_path):
    (tmp_path / "models.json").write_text('{"trained_on": []}')
    with pytest.raises(ValueError, match="no record"):
        guard.trained_on(tmp_path, None)


def test_an_evaluation_refuses_people_and_judges_of_the_run(setting, tmp_path, judged_roster):
    split.record(tmp_path / "people", trained_with("bo"))
    with pytest.raises(ValueError, match="bo, of the photos, was trained on"):
        setting(run=tmp_path / "people")
    digest = split.file_digest(judged_roster / "judge.onnx")
    split.record(tmp_path / "judges", trained_with(recognisers=[digest]))
    with pytest.raises(ValueError, match="judge was trained against"):
        setting(run=tmp_path / "judges")
