"""docs/lab.md tells the truth about rosters, commands and limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

torch = pytest.importorskip("torch")

from ermask_export import cli as export
from ermask_export import release, verify
from ermask_training import cli as train
from ermask_training import surrogates

TEXT = (Path(__file__).parent.parent.parent / "docs" / "lab.md").read_text("utf-8")


def test_every_field_of_a_roster_is_explained():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    named = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    assert named == surrogates.FIELDS | surrogates.REMARKS


def test_the_example_is_a_roster(tmp_path):
    [example] = re.findall(r"```toml\n(.+?)```", TEXT, re.DOTALL)
    (tmp_path / "roster.toml").write_text(example)
    (tmp_path / "mobilefacenet_a.onnx").touch()
    [entry] = surrogates.read_roster(tmp_path)
    assert entry.name == "mobilefacenet_a"


def test_the_commands_exist():
    groups = {each.PROGRAM: typer.main.get_command(each.app) for each in (train, export)}
    lines = re.findall(r"^(ermask-\w+) (\w+) (.+)$", TEXT, re.MULTILINE)
    lines += re.findall(r"`(ermask-\w+) (\w+) ([^`]+)`", TEXT)
    assert {(program, command) for program, command, _ in lines} == {
        (program, name)
        for program, group in groups.items()
        for name in group.commands  # type: ignore[attr-defined]
    }
    for program, name, rest in lines:
        command = groups[program].commands[name]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options, rest


def test_the_figures_are_those_of_the_code():
    assert f"at most {verify.TOLERANCE:.4f} of the output's bound" in TEXT
    assert f"at most {verify.DRIFT:.2f} for the protector's residual" in TEXT
    assert f"on {verify.CROPS} crops, in batches of 1, 2 and 5" in TEXT
    assert verify.BATCHES == (1, 2, 5)
    assert f"under {release.MAX_BYTES // 10**6} MB" in TEXT
