"""Sums over outcomes that were made up, so that every figure can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from ermask import align, mark, mark_reading
from ermask.contract import CROP, RESIDUAL_GRID
from ermask.keys import Key
from ermask_training import surrogates
from ermask_training.bench import linkage
from ermask_training.bench.attacker import Judge, Seen, embed
from ermask_training.bench.dodging import Dodging
from ermask_training.bench.erasure import Erasure
from ermask_training.bench.identification import Identification, gallery_size, one_each, strangers
from ermask_training.bench.impersonation import Impersonation
from ermask_training.bench.marks import Marks
from ermask_training.bench.photos import read_pairs
from ermask_training.bench.subject import Subject
from ermask_training.bench.variants import VARIANTS, label
from ermask_training.data import load as load_set

LIMITS = {"judge": {"FAR 0.01": 0.5}}


def rows_of(**columns):
    """Rows of cosines from label -> one value a person."""
    people = zip(*columns.values(), strict=True)
    return {
        f"p{i}": {"cosine": {"judge": dict(zip(columns, values, strict=True))}}
        for i, values in enumerate(people)
    }


def test_no_face_matches_nobody_and_is_counted():
    rows = rows_of(original=[0.6, 0.5, 0.49], veiled=[None, 0.9, None])
    entry = Dodging().summarise(rows, LIMITS)["recognisers"]["judge"]
    rates = entry["FAR 0.01"]["match rate"]
    assert (rates["original"]["rate"], rates["original"]["n"]) == (0.6667, 3)
    assert rates["veiled"]["rate"] == 0.3333
    assert entry["no face found"] == {"original": 0, "veiled": 2}


def test_erasure_counts_among_the_matches_before_and_among_the_hidden():
    columns = {"original": [0.9, 0.9, 0.9, 0.1]}
    for variant in VARIANTS:
        columns[label("protected mid", variant)] = [0.1, 0.1, 0.9, 0.1]
        columns[label("restored, right key", variant)] = [0.9, 0.1, 0.9, 0.9]
        columns[label("restored, one-bit-off key", variant)] = [0.1, 0.1, 0.1, 0.1]
        columns[label("restored, random key", variant)] = [0.1, 0.1, 0.9, 0.1]
    entry = Erasure().summarise(rows_of(**columns), LIMITS)["recognisers"]["judge"]["FAR 0.01"]
    back, hidden = entry["matches brought back"], entry["hidden matches brought back"]
    assert {name: (cell["rate"], cell["n"]) for name, cell in back.items() if "," not in name} == {
        "not restored": (0.3333, 3)
    }
    assert (back["restored, right key"]["rate"], back["restored, right key"]["n"]) == (0.6667, 3)
    assert back["restored, one-bit-off key, JPEG 60"]["rate"] == 0
    assert (hidden["restored, right key"]["rate"], hidden["restored, right key"]["n"]) == (0.5, 2)
    assert hidden["restored, random key"]["rate"] == 0
    assert entry["match rate"]["restored, right key"]["n"] == 4


def test_a_linked_pair_is_told_by_its_larger_cosine():
    apart = np.array([[[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]])
    assert linkage.told_apart(apart) == pytest.approx([1.0])
    assert linkage.told_apart(apart[..., ::-1]) == pytest.approx([0.0])
    same = np.full((1, 4, 2), 0.5)
    assert linkage.told_apart(same) == pytest.approx([0.5])


def test_photos_agree_in_the_mark_that_they_share():
    """Two flat photos, of which one has slipped by two pixels."""
    one, other = (Key(bytes([i]) * 32) for i in (1, 2))

    def read(key, shift=0):
        crop = np.full((1, 3, CROP, CROP), 0.5, np.float32)
        side = CROP // RESIDUAL_GRID
        pattern = mark.residual(key, "mid", mark.LOUDEST).repeat(side, 1).repeat(side, 2)
        return mark_reading.read(np.roll(crop + pattern * align.soft_mask(), shift, (2, 3)))

    same = linkage.agreement(read(one, 2), read(one))
    different = linkage.agreement(read(one, 2), read(other))
    assert same is not None and same > 0.5
    assert different is not None and different < 0.2
    assert linkage.agreement(None, read(one)) is None


def test_marks_are_told_apart_by_their_agreement():
    def row(same, different, one_draw):
        names = {"same person, same key": same, "same person, different keys": different}
        others = {"another person, same key": None, "another person, different keys": 0.1}
        return {
            "marks agree": names | others,
            "one draw": {"same person, same key": one_draw, "another person, same key": False},
            "cosine between": {},
        }

    rows = {"ada": row(0.9, 0.1, True), "bo": row(0.05, 0.2, False), "cy": row(0.0, 0.3, False)}
    found = linkage.Linkage.summarise(rows, {})["linkage by the mark"]
    every = found["one person, same key told from different keys"]
    assert (every["AUC"], every["n"]) == (0.3333, 3)
    one = found["one person, one draw told from different keys"]
    assert (one["AUC"], one["n"]) == (1.0, 1)
    assert found["two people, same key told from different keys"]["n"] == 0


def test_taken_for_a_target_is_a_mean_over_photos_of_shares_over_targets():
    names = {"original": [0.9, 0.1], "protected mid": [None, 0.6]}
    rows = {f"p{i}": {"cosine to target": {"judge": names}} for i in range(3)}
    found = Impersonation.summarise(rows, LIMITS)["impersonation"]
    assert found["targets"] == 2
    entry = found["recognisers"]["judge"]["FAR 0.01"]["taken for a target"]
    assert (entry["original"]["rate"], entry["original"]["n"]) == (0.5, 3)
    assert entry["protected mid"]["rate"] == 0.5


@pytest.fixture
def gallery(judged_roster, calibration):
    """A gallery of two measured people and the calibration set; their crops are two of its own."""
    [recogniser] = surrogates.load(judged_roster, "validation")
    crop_set = load_set(calibration)
    vectors = embed(recogniser, [np.array(crop_set.crops[row]) for row in (20, 30)])
    mates = {"judge": dict(zip(("ada", "bo"), vectors, strict=True))}
    judge = Judge(recogniser, {"FAR 0.01": 0.5})
    others = one_each(crop_set, 10)
    return Identification([judge], mates, others, lambda line: None), vectors


def test_a_rank_is_the_place_of_the_owner(gallery):
    protocol, vectors = gallery
    assert protocol.size == 12
    assert protocol._rank("judge", "ada", vectors[0]) == 1
    assert protocol._rank("judge", "bo", vectors[0]) > 1
    assert protocol._rank("judge", "ada", None) is None


def test_ties_count_against_the_person(gallery):
    protocol, vectors = gallery
    protocol._gallery["judge"][1] = protocol._gallery["judge"][0]
    assert protocol._rank("judge", "ada", vectors[0]) == 2


def test_ranks_are_summed_up_with_the_gallerys_size(gallery):
    rows = {
        f"p{i}": {"rank": {"judge": {"original": rank}}, "gallery": 12}
        for i, rank in enumerate([1, 5, 6, None])
    }
    found = gallery[0].summarise(rows, LIMITS)["identification"]
    assert found["gallery"] == [12]
    ranks = found["recognisers"]["judge"]
    assert ranks["rank 1"]["original"]["rate"] == 0.25
    assert ranks["rank 5"]["original"]["rate"] == 0.5


def test_the_gallery_takes_one_crop_a_person_and_is_full_at_its_size(crops, calibration):
    small, large = load_set(crops), load_set(calibration)
    assert len(one_each(small, 10)) == 3
    assert (one_each(small, 1)[0] == small.crops[0]).all()
    assert len(strangers(2, [small, large], size=20)) == 18
    assert len(strangers(30, [small, large], size=20)) == 0
    for people, size in ((2, 20), (30, 20), (2, 1000)):
        whole = people + len(strangers(people, [small, large], size))
        assert gallery_size(people, [small, large], size) == whole


def test_the_mark_names_the_right_key_on_protected_photos_only(engine, photos):
    pairs = read_pairs(photos)
    subject = Subject(engine, 1, pairs[0], pairs[1])
    row = Marks().outcome(subject, Seen())
    assert row["clean"]["named"] is True
    assert row["clean"]["tried"] == 39
    assert row["unprotected photo"] == {"named": False, "false": 0, "tried": 40, "score": None}
    figures = Marks().summarise({"ada": row}, LIMITS)["key found"]
    assert figures["clean"]["right key named"]["rate"] == 1.0
    assert figures["unprotected photo"]["key accepted"]["n"] == 40


def test_what_the_engine_refuses_leaves_the_photo_and_is_counted(engine, photos, monkeypatch):
    from ermask.errors import NoFaceFound

    def refuse(*arguments, **options):
        raise NoFaceFound("No face was found in this photo.")

    pairs = read_pairs(photos)
    subject = Subject(engine, 1, pairs[0], pairs[1])
    monkeypatch.setattr(engine, "protect", refuse)
    assert subject.protected("high") is subject.a
    assert subject.failures == ["protect a at high"]


def test_the_attacker_looks_anew(engine, photos, judged_roster):
    from ermask_training.bench.attacker import look
    from ermask_training.bench.photos import decode

    [recogniser] = surrogates.load(judged_roster, "validation")
    photo = decode(photos / "ada" / "a.png")
    seen = look(engine, [Judge(recogniser, {})], {"a": photo})
    [face] = engine.find(photo.rgb)
    crop = align.crop(photo.rgb, face.similarity)
    assert (seen.vectors["judge"]["a"] == embed(recogniser, [crop])[0]).all()
    seen.mates["judge"] = None
    assert seen.cosines(["a"]) == {"judge": {"a": None}}
