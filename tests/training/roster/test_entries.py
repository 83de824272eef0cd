"""roster.toml as strangers and tired people write it."""

from __future__ import annotations

import pytest

from ermask_training.metrics import FARS
from ermask_training.roster import entries


def test_thresholds_are_those_that_are_measured():
    assert tuple(entries.THRESHOLDS) == FARS


def test_loader_and_thresholds_are_read(rostered, entry):
    entry |= {"loader": "torchscript", "threshold_far_1e2": 0.31, "threshold_far_1e3": 0.4}
    [read] = entries.read_roster(rostered(entry))
    assert read.loader == "torchscript"
    assert (read.threshold_far_1e2, read.threshold_far_1e3) == (0.31, 0.4)


def test_a_plain_entry_is_onnx_without_thresholds(rostered, entry):
    [read] = entries.read_roster(rostered(entry))
    assert (read.loader, read.threshold_far_1e2, read.threshold_far_1e3) == ("onnx", None, None)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[[recogniser]]\nname = ", "is no TOML"),
        ("\xff\xfe", "is no TOML"),
        ('[recogniser]\nname = "a"\n', "in two brackets"),
        ("recogniser = 3\n", "in two brackets"),
        ("recogniser = [1]\n", "in two brackets"),
    ],
)
def test_what_is_no_roster_is_named(tmp_path, content, said):
    (tmp_path / "roster.toml").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=said) as failure:
        entries.read_roster(tmp_path)
    assert str(tmp_path / "roster.toml") in str(failure.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 3),
        ("file", ["tiny.onnx"]),
        ("role", ["train"]),
        ("box", 112.0),
        ("box", ["0", "0", "112", "112"]),
        ("size", 112),
        ("size", [32.5, 32]),
        ("mean", ["a", "b", "c"]),
        ("std", 0.5),
        ("dim", "16"),
        ("loader", "pickle"),
        ("threshold_far_1e2", "high"),
    ],
)
def test_a_field_of_another_kind_is_named(rostered, entry, field, value):
    with pytest.raises(ValueError, match=f"has {field} "):
        entries.read_roster(rostered({**entry, field: value}))
