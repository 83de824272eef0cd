"""Losses that are not finite, mixed precision, and the recipe for large machines."""

from __future__ import annotations

import copy
import json
import signal
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch")

from ermask_training import checkpoint, data, processes, recipes, surrogates, train
from ermask_training import fit as loop
from ermask_training.run import Run

CONFIG = replace(recipes.smoke(), steps=40, erase_from=40)
ALONE = replace(recipes.eraser(), steps=2, batch=4)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture
def judges(roster):
    return surrogates.load(roster, "train")


def spoilt(value, slope):
    """`train.bend`, with `value` added to a term and its gradient multiplied by `slope`."""
    real = train.bend

    def bend(run, material):
        terms = real(run, material)
        terms["attack"] = terms["attack"] + value
        terms["attack"].register_hook(lambda gradient: gradient * slope)
        return terms

    return bend


@pytest.mark.parametrize(
    ("value", "slope"),
    [(float("nan"), 1.0), (float("inf"), 1.0), (0.0, float("nan")), (0.0, float("inf"))],
)
def test_a_step_that_is_not_finite_changes_nothing(
    value, slope, crops, judges, student, monkeypatch
):
    run = Run(CONFIG, student)
    material = train.prepared(data.load(crops), judges, run.accelerator, quiet)
    loop.one_step(run, material)

    def learned():
        state = copy.deepcopy(run.state())
        return {**state["protector"], **{f"mean.{k}": w for k, w in state["averages"][0].items()}}

    before, moments = learned(), copy.deepcopy(run.optimisers[0].state_dict()["state"][0])
    with monkeypatch.context() as patch:
        patch.setattr(train, "bend", spoilt(value, slope))
        loop.one_step(run, material)
    assert run.skipped == 1
    assert all(torch.equal(before[name], weight) for name, weight in learned().items())
    after = run.optimisers[0].state_dict()["state"][0]
    assert all(torch.equal(moments[name], after[name]) for name in moments)
    loop.one_step(run, material)
    assert run.skipped == 0
    assert not torch.equal(before["flow.parts"], learned()["flow.parts"])
    assert all(weight.isfinite().all() for weight in learned().values())


def test_training_stops_when_no_step_is_finite(tmp_path, crops, judges, student, monkeypatch):
    real = loop.one_step

    def stopping(run, *others):
        signal.raise_signal(signal.SIGTERM)
        return real(run, *others)

    given = CONFIG, data.load(crops), judges, student, tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(loop, "one_step", stopping)
        loop.fit(*given, quiet)
    good = (tmp_path / "run" / "state.pt").read_bytes()
    said: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(train, "bend", spoilt(float("nan"), 1.0))
        with pytest.raises(ValueError, match=r"not finite for 10 steps, the last at 11 \(.*attack"):
            loop.fit(*given, said.append)
    assert (tmp_path / "run" / "state.pt").read_bytes() == good
    assert sum("update skipped" in line for line in said) == loop.MOST_SKIPPED
    rows = [json.loads(each) for each in (tmp_path / "run" / "metrics.jsonl").open()]
    assert [row.get("skipped", False) for row in rows] == [False] + [True] * 10
    assert rows[0]["attack"] is not None
    assert rows[1]["attack"] is None


def test_ctrl_c_saves_before_it_ends(tmp_path, crops, judges, student, monkeypatch):
    real = loop.one_step

    def stopping(run, *others):
        signal.raise_signal(signal.SIGINT)
        return real(run, *others)

    monkeypatch.setattr(loop, "one_step", stopping)
    with pytest.raises(KeyboardInterrupt):
        loop.fit(CONFIG, data.load(crops), judges, student, tmp_path / "run", quiet)
    assert checkpoint.load(tmp_path / "run")["step"] == 1


def test_bf16_changes_what_recognisers_see_and_nothing_that_is_kept(
    tmp_path, crops, roster, student
):
    folder, config = tmp_path / "run", recipes.smoke()
    judges = surrogates.load(roster, "train")
    crop = torch.rand(2, 3, 224, 224)
    exact = judges[0](crop)
    accelerator = processes.start("bf16", cpu=True)
    loop.fit(config, data.load(crops), judges, student, folder, quiet, accelerator=accelerator)
    rounded = judges[0](crop)
    assert rounded.dtype == torch.float32
    assert 0 < float((rounded - exact).abs().max()) < 0.05
    state = checkpoint.load(folder)
    kept = [state["protector"], state["eraser"], *state["averages"]]
    assert {weight.dtype for each in kept for weight in each.values()} == {torch.float32}
    assert json.loads((folder / "meta.json").read_text())["scale"] == {
        "processes": 1,
        "precision": "bf16",
        "device": "cpu",
    }


def test_another_precision_is_refused(tmp_path, crops, judges, student):
    config = recipes.smoke()
    fresh = Run(config, student)
    scale = replace(processes.scale(fresh.accelerator), precision="bf16")
    checkpoint.save(tmp_path / "run", config, 0, fresh.state(), scale)
    with pytest.raises(ValueError, match=r"with --precision bf16, now it is no; .*--start-from"):
        loop.fit(config, data.load(crops), judges, student, tmp_path / "run", quiet)


def test_an_eraser_alone_needs_a_protector(tmp_path, crops, judges, student):
    with pytest.raises(ValueError, match=r"only the eraser learns.*--start-from"):
        loop.fit(ALONE, data.load(crops), judges, student, tmp_path / "run", quiet)
    assert not (tmp_path / "run").exists()


def test_an_eraser_alone_leaves_the_protector_as_it_is(tmp_path, crops, judges, student):
    first = Run(CONFIG, student)
    checkpoint.save(tmp_path / "first", CONFIG, CONFIG.steps, first.state())
    crop_set, folder = data.load(crops), tmp_path / "run"
    loop.fit(ALONE, crop_set, judges, student, folder, quiet, start_from=tmp_path / "first")
    rows = [json.loads(each) for each in (folder / "metrics.jsonl").open()]
    assert len(rows) == 2 and all("erase_pixels" in row for row in rows)
    state = checkpoint.load(folder)
    for name, weight in first.averages[0].state_dict().items():
        assert torch.equal(state["averages"][0][name], weight)
    learned = state["averages"][1]
    assert torch.equal(learned["flow.parts"], first.averages[0].flow.parts)
    before = first.averages[1].state_dict()["retoucher.head.weight"]
    assert not torch.equal(learned["retoucher.head.weight"], before)
    # what was begun goes on without a protector to start from
    loop.fit(ALONE, crop_set, judges, student, folder, quiet)


def test_the_flow_is_levelled_when_its_lessons_end(student):
    run, other = Run(CONFIG, student), Run(CONFIG, student)
    for each in (run, other):
        each.hand_over()
    assert torch.equal(run.eraser.flow.parts, other.protector.flow.parts), "no lesson yet"
    run.step = CONFIG.erase_from
    run.hand_over()
    other.averages[0].flow.level()
    for network in (*run.networks, *run.averages):
        assert torch.equal(network.flow.parts, other.averages[0].flow.parts)


def test_large_runs_through_when_it_is_cut_short(tmp_path, crops, judges, student):
    config = replace(recipes.large(), steps=4, erase_from=2, batch=4)
    loop.fit(config, data.load(crops), judges, student, tmp_path / "run", quiet)
    rows = [json.loads(each) for each in (tmp_path / "run" / "metrics.jsonl").open()]
    assert ["attack" in row for row in rows] == [True, True, False, False]
    assert ["erase_pixels" in row for row in rows] == [False, False, True, True]


def test_large_meets_every_surrogate_at_every_step(crops, judges, student, monkeypatch):
    seen: list[str] = []
    for name in ("one", "two", "three"):
        judges.append(copy.copy(judges[0]))
        judges[-1].name = name
    real = surrogates.Recogniser.forward

    def noting(self, *given):
        seen.append(self.name)
        return real(self, *given)

    run = Run(replace(recipes.large(), batch=4), student)
    material = train.prepared(data.load(crops), judges, run.accelerator, quiet)
    monkeypatch.setattr(surrogates.Recogniser, "forward", noting)
    train.bend(run, material)
    assert sorted(seen) == ["one", "three", "tiny", "two"]
