"""What runs log, after they were killed too."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from ermask_training import data, recipes, scalars, surrogates
from ermask_training import fit as loop


def test_lines_beyond_the_checkpoint_are_dropped(tmp_path):
    log = tmp_path / "metrics.jsonl"
    log.write_text('{"step": 1, "a": 1.0}\n{"step": 2, "a": 2.0}\n{"step": 3, "a": 3.0}\n{"ste')
    with scalars.opened(tmp_path, 2, tensorboard=False) as write:
        write(3, {"a": 4.0}, False)
    assert log.read_text() == (
        '{"step": 1, "a": 1.0}\n{"step": 2, "a": 2.0}\n{"step": 3, "a": 4.0}\n'
    )
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_line_is_json_whatever_the_loss(tmp_path):
    with scalars.opened(tmp_path, 0, tensorboard=False) as write:
        write(1, {"a": math.nan, "b": math.inf, "c": 0.5}, True)
    line = '{"step": 1, "a": null, "b": null, "c": 0.5, "skipped": true}\n'
    assert (tmp_path / "metrics.jsonl").read_text() == line


def test_tensorboard_has_every_term_and_goes_on(tmp_path):
    pytest.importorskip("tensorboard", reason="the extra lab-tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with scalars.opened(tmp_path, 0, tensorboard=True) as write:
        for step in (1, 2, 3):
            write(step, {"attack": step / 2, "linkage": 1.0}, False)
    # step 3 was logged, and the process killed before it was saved
    with scalars.opened(tmp_path, 2, tensorboard=True) as write:
        write(3, {"attack": 7.0}, False)
    events = EventAccumulator(str(tmp_path / scalars.EVENTS))
    events.Reload()
    assert sorted(events.Tags()["scalars"]) == ["attack", "linkage"]
    attack = [(each.step, each.value) for each in events.Scalars("attack")]
    assert attack == [(1, 0.5), (2, 1.0), (3, 7.0)]


def test_without_tensorboard_nothing_is_begun(tmp_path, crops, roster, student, monkeypatch):
    monkeypatch.setattr(scalars, "find_spec", lambda name: None)
    judges = surrogates.load(roster, "train")
    with pytest.raises(ValueError, match=r"not installed; run `pip install .*lab-tensorboard"):
        loop.fit(
            recipes.smoke(), data.load(crops), judges, student, tmp_path / "run", tensorboard=True
        )
    assert not (tmp_path / "run").exists()
