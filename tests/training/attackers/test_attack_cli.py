"""`ermask-train attack` as it is typed, and what it leaves behind."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")

from ermask_training.attackers import registry, setting
from ermask_training.cli import app

OPTIONS = {"train": "data", "roster": "surrogates"}


@pytest.fixture
def attack(folders, tmp_path, monkeypatch):
    """Run the command on the small folders; `attack(name, **options)`."""
    # The command has no option for rates: 46 people cannot show the usual ones.
    opened = setting.open_setting
    monkeypatch.setattr(
        setting, "open_setting", lambda **given: replace(opened(**given), batch=4, fars=(0.05,))
    )

    def run(name, **options):
        given = {
            OPTIONS.get(key, key): folders[key]
            for key in ("models", "train", "pairs", "calibration", "roster", "steps", "queries")
        }
        given |= {"output": tmp_path / "out" / "figures.json", **options}
        words = [word for key, value in given.items() for word in (f"--{key}", str(value))]
        return CliRunner().invoke(app, ["attack", name, *words])

    return run


def test_one_attack_writes_json_and_markdown(attack, tmp_path):
    done = attack("linkage", limit=3)
    assert done.exit_code == 0, done.output
    [report] = json.loads((tmp_path / "out" / "figures.json").read_text())["attacks"]
    assert report["attacker"] == "linkage"
    assert report["circumstances"]["pairs"] == 3
    assert done.stdout.startswith("## linkage")
    assert (tmp_path / "out" / "figures.md").read_text() in done.stdout
    assert "attack: linkage" in done.stderr


def test_the_same_command_gives_the_same_figures(attack, tmp_path):
    figures = tmp_path / "out" / "figures.json"
    first = (attack("linkage"), figures.read_text())[1]
    again = (attack("linkage"), figures.read_text())[1]
    assert first == again
    assert (attack("linkage", seed=1), figures.read_text())[1] != first


def test_a_trained_attacker_is_kept_beside_the_output(attack, tmp_path):
    assert attack("keyless").exit_code == 0
    assert (tmp_path / "out" / "figures" / "keyless.pt").is_file()
    refused = attack("keyless", steps=4)
    assert refused.exit_code == 1
    assert "steps differ" in refused.stderr


def test_all_means_all():
    assert registry.chosen("all") == list(registry.ATTACKERS)


def test_the_help_names_every_attacker():
    done = CliRunner().invoke(app, ["attack", "--help"])
    assert all(name in done.stdout for name in registry.ATTACKERS)


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("bribery", {}, "no attacker 'bribery'; there are all, purifiers"),
        ("linkage", {"output": "figures.txt"}, "ends in .json"),
    ],
)
def test_wrong_usage_is_one_line(attack, name, options, message):
    done = attack(name, **options)
    assert done.exit_code == 1
    assert message in done.stderr and done.stderr.count("\n") == 1
