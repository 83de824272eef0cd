"""Whole runs of a few steps against a recogniser of two layers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from ermask_training import checkpoint, data, recipes, surrogates, train
from ermask_training import fit as loop
from ermask_training.run import Run

CONFIG = replace(recipes.smoke(), steps=6)


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def judges(roster):
    return surrogates.load(roster, "train")


@pytest.fixture(scope="module")
def straight(tmp_path_factory, crops, judges, student):
    """The folder of a run that was never interrupted."""
    folder = tmp_path_factory.mktemp("straight")
    return loop.fit(CONFIG, data.load(crops), judges, student, folder, quiet)


def equal(one: Any, two: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, two))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(equal(one[name], two[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(equal, one, two))
    return bool(one == two)


def test_a_run_passes_all_stages(straight):
    rows = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert ["erase_pixels" in row for row in rows] == [False] * 2 + [True] * 4
    assert ["attack" in row for row in rows] == [True] * 2 + [False] * 4
    assert all(np.isfinite(list(row.values())).all() for row in rows)
    assert checkpoint.load(straight)["step"] == 6
    assert checkpoint.read_config(straight) == CONFIG


def test_every_loss_term_has_a_weight(straight):
    rows = [json.loads(line) for line in (straight / "metrics.jsonl").read_text().splitlines()]
    used = {*rows[0], *rows[-1]} - {"step"}
    # what impersonation is judged by takes the place of a term
    assert used == set(vars(CONFIG.weights)) - {"persona"}


def test_both_networks_and_their_averages_have_moved(straight, student):
    state, fresh = checkpoint.load(straight), Run(CONFIG, student)
    for name, start in (("protector", fresh.protector), ("eraser", fresh.eraser)):
        learned = {k: w for k, w in start.state_dict().items() if not k.startswith("student.")}
        moved = [not torch.equal(state[name][key], old) for key, old in learned.items()]
        assert np.mean(moved) > 0.9, name
    for key, weight in student.state_dict().items():
        assert torch.equal(state["protector"][f"student.{key}"], weight)
        assert torch.equal(state["averages"][0][f"student.{key}"], weight)
    for average, name in zip(state["averages"], ("protector", "eraser"), strict=True):
        assert not equal(average, state[name])


def test_an_interrupted_run_is_the_same_run(
    straight, tmp_path, crops, judges, student, monkeypatch
):
    """Stopped after step 3, gone on with: identical weights, optimisers, generators, log."""
    real = loop.one_step

    def stopping(run, *others):
        terms = real(run, *others)
        if run.step == 2:
            signal.raise_signal(signal.SIGTERM)
        return terms

    folder = tmp_path / "run"
    before = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        patch.setattr(loop, "one_step", stopping)
        loop.fit(CONFIG, data.load(crops), judges, student, folder, quiet)
    assert signal.getsignal(signal.SIGTERM) == before
    assert checkpoint.load(folder)["step"] == 3
    # what a process leaves that was killed before it could save more
    with (folder / "metrics.jsonl").open("a") as log:
        log.write('{"step": 4, "attack": 9.0}\n{"step": 5, "att')
    said: list[str] = []
    loop.fit(CONFIG, data.load(crops), judges, student, folder, said.append)
    assert said[0] == "resumed at step 3"
    one, two = checkpoint.load(straight), checkpoint.load(folder)
    assert equal(one, two)
    assert (folder / "metrics.jsonl").read_text() == (straight / "metrics.jsonl").read_text()


def test_a_finished_run_stays_as_it_is(straight, tmp_path, crops, judges, student):
    folder = shutil.copytree(straight, tmp_path / "run")
    loop.fit(CONFIG, data.load(crops), judges, student, folder, quiet)
    assert equal(checkpoint.load(folder), checkpoint.load(straight))


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGTERM to catch")
def test_a_killed_process_leaves_a_checkpoint(tmp_path, crops, roster):
    program = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from ermask_training import data, fit, recipes, surrogates
from ermask_training.student import Student

torch.set_num_threads(1)
real = fit.one_step
def told(*given):
    terms = real(*given)
    print("step", flush=True)
    return terms
fit.one_step = told
crops, roster, folder = map(Path, sys.argv[1:])
judges = surrogates.load(roster, "train")
config = replace(recipes.smoke(), steps=10**6, erase_from=10**6)
student = Student((8, 8, 8, 8))
fit.fit(config, data.load(crops), judges, student, folder, lambda line: None)
"""
    command = [sys.executable, "-c", program, crops, roster, tmp_path / "run"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "step\n"
        process.terminate()
        steps = 1 + process.stdout.read().count("step")
        assert process.wait(60) == 0
    assert checkpoint.load(tmp_path / "run")["step"] == steps
    assert not list((tmp_path / "run").glob("*.tmp"))


def test_the_eraser_is_given_the_flow_that_the_protector_learned(crops, judges, student):
    run = Run(replace(CONFIG, erase_from=1), student)
    crop_set = data.load(crops)
    clean = [train.embed_all(crop_set, judge, quiet) for judge in judges]
    loop.one_step(run, train.Material(crop_set, judges, clean))
    assert not equal(run.eraser.flow.parts, run.averages[0].flow.parts)
    run.step = 1
    loop.one_step(run, train.Material(crop_set, judges, clean))
    for network in (run.eraser, run.averages[1]):
        assert equal(network.flow.parts, run.averages[0].flow.parts)


def test_clean_embeddings_are_unit_and_mixed_with_the_person(crops, judges):
    own, mixed = train.embed_all(data.load(crops), judges[0], quiet)
    assert torch.allclose(own.norm(dim=1), torch.ones(6), atol=1e-5)
    assert torch.allclose(mixed.norm(dim=1), torch.ones(6), atol=1e-5)
    # rows 0 and 1 are one person: mixing brings them nearer to each other
    assert float(mixed[0] @ mixed[1]) > float(own[0] @ own[1])


def test_embeddings_are_kept_until_the_crops_change(prepared, judges):
    folder = prepared("set", ["ada", "bo"])
    said: list[str] = []
    first = train.embed_all(data.load(folder), judges[0], said.append)[0]
    again = train.embed_all(data.load(folder), judges[0], said.append)[0]
    assert len(said) == 1
    assert torch.equal(first, again)
    prepared("set", ["ada", "bo"], seed=9)
    [kept] = folder.glob("embeddings-*.npy")
    later = kept.stat().st_mtime + 10
    os.utime(folder / "crops.npy", (later, later))
    changed = train.embed_all(data.load(folder), judges[0], said.append)[0]
    assert len(said) == 2
    assert not torch.allclose(first, changed, atol=1e-3)
