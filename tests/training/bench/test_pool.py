"""One model under several draws of keys."""

from __future__ import annotations

import copy

import pytest

pytest.importorskip("torch")

from ermask_training.bench import document as documents
from ermask_training.bench.pool import pool, pooled

MATCH = "Match rate: judge, FAR 0.01"
HIDDEN = "Of the matches that protection hid, those brought back: judge, FAR 0.01"


@pytest.fixture
def draws(measured):
    """What was measured, three times as under three seeds."""
    found = [documents.load(measured) for _ in range(3)]
    for number, each in enumerate(found):
        each["settings"]["seed"] = number
    return found


def cells(draws, title, name):
    [table] = [each for each in pooled(draws) if each.title == title]
    [row] = [row for label, row in table.rows if label == name]
    return row


def put(document, protocol, name, cosines):
    for person, cosine in zip(("ada", "bo"), cosines, strict=True):
        document["photos"][person][protocol]["cosine"]["judge"][name] = cosine


def test_a_photo_counts_by_the_share_of_draws(draws):
    for each, cosines in zip(draws, ((0.99, 0.99), (0.99, -1), (-1, -1)), strict=True):
        put(each, "dodging", "protected mid", cosines)
    mean, *each = cells(draws, MATCH, "protected mid")
    assert each == ["1.000", "0.500", "0.000"]
    assert mean["rate"] == 0.5
    assert mean["n"] == 2


def test_more_draws_do_not_make_an_interval_narrower(draws):
    widths = []
    for count in (2, 3):
        low, high = cells(draws[:count], MATCH, "original")[0]["interval_95"]
        widths.append(high - low)
    assert widths[0] == widths[1]


def test_of_the_hidden_only_draws_that_hid_a_photo_count(draws):
    for each in draws:
        put(each, "erasure", "original", (0.99, 0.99))
        put(each, "erasure", "restored, right key", (0.99, -1))
    # ada is hidden in one draw, and comes back; bo is hidden in two, and does not
    for each, posted in zip(draws, ((-1, -1), (0.99, -1), (0.99, 0.99)), strict=True):
        put(each, "erasure", "protected mid", posted)
    mean, *each = cells(draws, HIDDEN, "restored, right key")
    assert each == ["0.500", "0.000", "no case"]
    assert (mean["rate"], mean["n"]) == (0.5, 2)
    left = "Of the matches before protection, those brought back: judge, FAR 0.01"
    assert cells(draws, left, "not restored")[1:] == ["0.000", "0.500", "1.000"]


def test_looks_are_means(draws):
    name = "protected mid against original"
    for number, each in enumerate(draws):
        for person in ("ada", "bo"):
            each["photos"][person]["looks"][name]["PSNR"] = 30.0 + number
    mean, *each = cells(draws, "Looks", f"{name}: PSNR")
    assert each == ["30.0", "31.0", "32.0"]
    assert (mean["mean"], mean["n"]) == (31.0, 2)


def test_the_terminal_gets_every_table(draws):
    text = pool(draws)
    assert "2 pairs of photos, each under the keys of 3 seeds." in text
    for title in (MATCH, HIDDEN, "those brought back: judge, FAR 0.001", "Looks"):
        assert title in text
    assert "| photo | mean | seed 0 | seed 1 | seed 2 |" in text


def test_what_one_file_lacks_is_left_out(draws):
    del draws[1]["settings"]["lpips"]
    for entry in draws[1]["photos"].values():
        del entry["looks"]
    assert {each.title for each in pooled(draws)} >= {MATCH, HIDDEN}
    assert "Looks" not in {each.title for each in pooled(draws)}


def test_one_file_is_nothing_to_pool(draws):
    with pytest.raises(ValueError, match="two seeds or more"):
        pool(draws[:1])


def test_the_same_seed_twice(draws):
    with pytest.raises(ValueError, match="same seed"):
        pool([*draws, copy.deepcopy(draws[0])])


@pytest.mark.parametrize("name", ["models", "product", "judges", "thresholds"])
def test_what_was_measured_otherwise_cannot_be_pooled(draws, name):
    draws[2]["settings"][name] = "other"
    with pytest.raises(ValueError, match=f"other {name}"):
        pool(draws)


def test_other_photos_cannot_be_pooled(draws):
    del draws[1]["photos"]["bo"]
    with pytest.raises(ValueError, match="other photos"):
        pool(draws)
