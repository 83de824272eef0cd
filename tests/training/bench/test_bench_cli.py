"""`ermask-train evaluate`, `compare` and `report` as they are typed, with the real detector."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch")

from ermask_training.bench import keys
from ermask_training.bench.choice import PROTOCOLS
from ermask_training.cli import app


@pytest.fixture
def train():
    runner = CliRunner()
    return lambda *arguments: runner.invoke(app, [str(each) for each in arguments])


def test_evaluate_measures_tells_and_keeps(
    train, tmp_path, photos, calibration, judged_roster, networks
):
    path = tmp_path / "figures.json"
    arguments = [
        "evaluate", photos, "--calibration", calibration, "--surrogates", judged_roster,
        "--models", networks, "--output", path, "--threads", 1, "--pairs", 1,
        "--protocol", "linkage", "--protocol", "mark",
    ]  # fmt: skip
    done = train(*arguments)
    assert done.exit_code == 0, done.output
    assert "1 pairs of photos" in done.stdout
    assert "| same person, same key |" in done.stdout
    assert "1/1 ada" in done.stderr
    assert "do not say what they were trained on" in done.stderr
    kept = json.loads(path.read_text())
    assert kept["settings"]["seed"] == keys.SEED
    assert set(kept["photos"]["ada"]) == {"files", "linkage", "mark"}
    refused = train(*arguments, "--protocol", "nothing")
    assert refused.exit_code == 1
    assert "no protocol 'nothing'" in refused.stderr


def test_two_processes_find_what_one_finds(
    train, tmp_path, photos, calibration, judged_roster, networks
):
    kept = []
    for jobs in (1, 2):
        path = tmp_path / f"{jobs}.json"
        done = train(
            "evaluate", photos, "--calibration", calibration, "--surrogates", judged_roster,
            "--models", networks, "--output", path, "--threads", 1, "--jobs", jobs,
            "--protocol", "linkage",
        )  # fmt: skip
        assert done.exit_code == 0, done.output
        kept.append(json.loads(path.read_text()))
    assert kept[0] == kept[1]


def test_compare_and_report_read_what_was_kept(train, tmp_path, measured):
    done = train("compare", measured, measured)
    assert done.exit_code == 0, done.output
    assert "2 pairs of photos that both were measured on" in done.stdout
    page = tmp_path / "report.html"
    done = train("report", measured, "--output", page)
    assert done.exit_code == 0, done.output
    assert page.read_text("utf-8").startswith("<!doctype html>")
    done = train("report", measured, measured, "--output", page)
    assert done.exit_code == 1
    assert "the same name" in done.stderr


def test_a_file_that_is_no_figures_is_an_error_in_one_line(train, tmp_path):
    (tmp_path / "old.json").write_text('{"pairs": 120}')
    done = train("compare", tmp_path / "old.json", tmp_path / "old.json")
    assert done.exit_code == 1
    assert "is not what `ermask-train evaluate` writes" in done.stderr


def test_every_protocol_is_in_the_document():
    text = (Path(__file__).parents[3] / "docs" / "lab.md").read_text("utf-8")
    assert {name for name in PROTOCOLS if f"`{name}`" not in text} == set()
