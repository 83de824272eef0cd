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
from ermask_training.roster import entries

TEXT = (Path(__file__).parent.parent.parent / "docs" / "lab.md").read_text("utf-8")


def test_every_field_of_a_roster_is_explained():
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", TEXT, re.MULTILINE)
    named = {field for row in rows for field in re.findall(r"`(\w+)`", row)}
    assert named == entries.FIELDS | entries.OPTIONAL | entries.REMARKS


def test_the_example_is_a_roster(tmp_path):
    [example] = re.findall(r"```toml\n(.+?)```", TEXT, re.DOTALL)
    (tmp_path / "roster.toml").write_text(example)
    (tmp_path / "mobilefacenet_a.onnx").touch()
    [entry] = surrogates.read_roster(tmp_path)
    assert entry.name == "mobilefacenet_a"


def test_the_commands_exist():
    commands = {
        (each.PROGRAM, name): command
        for each in (train, export)
        for name, command in commands_of(typer.main.get_command(each.app))
    }
    lines = re.findall(r"^(ermask-\w+) (.+)$", TEXT, re.MULTILINE)
    lines += re.findall(r"`(ermask-\w+) ([^`]+)`", TEXT)
    named = set()
    for program, rest in lines:
        [name] = [
            name for each, name in commands if each == program and f"{rest} ".startswith(f"{name} ")
        ]
        command = commands[program, name]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[\w-]+", rest)) <= options, rest
        named.add((program, name))
    assert named == set(commands)


def commands_of(group):
    """(name, command) for each command of a group, those of the groups in it by both names."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {inner}", each) for inner, each in commands_of(command))
        else:
            yield name, command


def test_the_figures_are_those_of_the_code():
    assert f"at most {verify.TOLERANCE:.4f} of the output's bound" in TEXT
    assert f"at most {verify.DRIFT:.2f} for the protector" in TEXT
    assert f"on {verify.CROPS} crops, in batches of 1, 2 and 5" in TEXT
    assert verify.BATCHES == (1, 2, 5)
    assert f"under {release.MAX_BYTES // 10**6} MB" in TEXT
