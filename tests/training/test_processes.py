"""Two real processes train one run, started by `accelerate launch`; gloo joins them on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from ermask_export import graph
from ermask_training import checkpoint, data, processes, recipes, surrogates, train
from ermask_training import fit as loop
from ermask_training.run import Run

RUNS = """
import signal
import sys
from pathlib import Path
import torch
from ermask_training import data, distil, fit, processes, recipes, surrogates

torch.set_num_threads(1)
crops, roster, student, output = map(Path, sys.argv[1:])
accelerator = processes.start("no", cpu=True)
rank = accelerator.process_index
real = fit.one_step

def stopping(run, material):
    if rank == 1 and run.step == 2:
        signal.raise_signal(signal.SIGTERM)
    return real(run, material)

def remembering(run, material):
    global last
    last = run
    return real(run, material)

def train(folder, step):
    fit.one_step = step
    judges = surrogates.load(roster, "train")
    given = recipes.smoke(), data.load(crops), judges, distil.load(student), output / folder
    fit.fit(*given, lambda line: print(rank, line), accelerator=accelerator)

train("straight", real)
train("stopped", stopping)
train("stopped", remembering)
networks = [network.state_dict() for network in (*last.networks, *last.averages)]
torch.save({"networks": networks, "drawn": last.generator.get_state()}, output / f"rank{rank}.pt")
accelerator.end_training()
"""


def launch(*arguments: object) -> str:
    """What two processes print."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu"),
            *("--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no"),
            *("--dynamo_backend", "no", "--main_process_port", "0"),
            *(str(each) for each in arguments),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def taught(tmp_path_factory, student):
    """The folder of a student."""
    folder = tmp_path_factory.mktemp("student")
    torch.save({"network": student.state_dict()}, folder / "student.pt")
    return folder


@pytest.fixture(scope="module")
def two(tmp_path_factory, crops, roster, taught):
    """Folder with the runs `straight` and `stopped`, what each rank held at the end, and output."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "runs.py").write_text(RUNS)
    (folder / "said").write_text(launch(folder / "runs.py", crops, roster, taught, folder))
    return folder


def test_both_hold_the_same_weights_and_draw_differently(two):
    first, second = (torch.load(two / f"rank{rank}.pt", weights_only=True) for rank in (0, 1))
    for one, other in zip(first["networks"], second["networks"], strict=True):
        assert all(torch.equal(weight, other[name]) for name, weight in one.items())
    assert not torch.equal(first["drawn"], second["drawn"])


def test_a_signal_to_one_stops_both_and_both_go_on(two):
    """Stopped after step 3 by a signal to the second process, then gone on with: the same run."""
    one, other = checkpoint.load(two / "straight"), checkpoint.load(two / "stopped")
    assert one["step"] == other["step"] == 6
    for name in ("protector", "eraser"):
        assert all(torch.equal(weight, other[name][key]) for key, weight in one[name].items())
    assert one["rng"] == other["rng"]
    assert [each["rng"] for each in one["others"]] == [each["rng"] for each in other["others"]]
    logs = [(two / name / "metrics.jsonl").read_text() for name in ("straight", "stopped")]
    assert logs[0] == logs[1]
    # the main process alone says so
    assert (two / "said").read_text().splitlines().count("0 resumed at step 3") == 1
    assert "1 resumed" not in (two / "said").read_text()


def test_terms_are_means_over_both(two, crops, roster, student):
    """Each process draws photos and keys of its own, and the first as one alone does."""
    [judge] = surrogates.load(roster, "train")
    crop_set = data.load(crops)
    clean = train.embed_all(crop_set, judge, lambda line: None)
    values = []
    for rank in (0, 1):
        place: Any = SimpleNamespace(device=torch.device("cpu"), process_index=rank)
        run = Run(recipes.smoke(), student, place)
        terms = train.bend(run, train.Material(crop_set, [judge], [clean]))
        values.append({name: float(term.detach()) for name, term in terms.items()})
    logged = json.loads((two / "straight" / "metrics.jsonl").read_text().splitlines()[0])
    assert abs(values[0]["attack"] - values[1]["attack"]) > 1e-3
    for name, value in values[0].items():
        assert logged[name] == pytest.approx((value + values[1][name]) / 2, abs=2e-5), name


def test_the_run_says_how_it_was_made_and_ships(two):
    meta = json.loads((two / "straight" / "meta.json").read_text())
    assert meta["scale"] == {"processes": 2, "precision": "no", "device": "cpu"}
    assert set(graph.from_run(two / "straight")) == {"chooser", "protector", "eraser"}


def test_one_process_does_not_go_on_for_two(two, crops, roster, student):
    judges = surrogates.load(roster, "train")
    with pytest.raises(ValueError, match=r"trained by 2 process\(es\), now there are 1; .* new"):
        loop.fit(recipes.smoke(), data.load(crops), judges, student, two / "straight")


def test_the_command_runs_under_a_launcher(two, crops, roster, taught):
    said = launch(
        "-m", "ermask_training", "fit", "smoke", "--data", crops, "--surrogates", roster,
        "--student", taught, "--output", two / "straight", "--cpu", "--threads", 1,
    )  # fmt: skip
    assert said.count("resumed at step 6") == 1
    assert (two / "straight" / "split.json").is_file()


@pytest.mark.parametrize("precision", ["fp16", "half"])
def test_a_precision_that_is_not_there(precision, monkeypatch):
    with pytest.raises(ValueError, match=f"no precision '{precision}'; there are no, bf16"):
        processes.start(precision, cpu=True)


def test_a_precision_of_the_launcher_that_is_not_there(monkeypatch):
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp8")
    monkeypatch.setattr(processes, "Accelerator", lambda **_: FP8)
    with pytest.raises(ValueError, match=r"set to mixed precision 'fp8'.*--precision no or bf16"):
        processes.start()


class FP8:
    """An accelerator of hardware that is not here."""

    mixed_precision = "fp8"
