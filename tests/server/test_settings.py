"""Settings: where they come from, which win, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from ermask.errors import BadSettings
from ermask.settings import RULES, Settings, entries, load_settings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def load(home: Path, toml: str | bytes | None = None, **env: str) -> Settings:
    if toml is not None:
        (home / "config.toml").write_bytes(toml.encode() if isinstance(toml, str) else toml)
    return load_settings({"ERMASK_HOME": str(home), **env})


def test_defaults(home: Path) -> None:
    settings = load(home)
    assert settings.port == 7411
    assert settings.device == settings.detector == "auto"
    assert (settings.threads, settings.queue, settings.idle_unload_s) == (0, 16, 600)
    assert settings.strength == "mid"
    assert settings.models_dir.parent.name == "ermask"


def test_home_holds_all_three_folders_and_nothing_is_created(home: Path) -> None:
    settings = load(home)
    for folder in (settings.config_dir, settings.data_dir, settings.state_dir):
        assert folder.is_relative_to(home)
    assert list(home.iterdir()) == []


def test_relative_home_becomes_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home.parent)
    assert load_settings({"ERMASK_HOME": "home"}).config_dir == home


def test_without_home_the_platform_decides() -> None:
    settings = load_settings({})
    assert settings.config_dir.name == settings.data_dir.name == "ermask"


def test_file_beats_default_and_environment_beats_file(home: Path) -> None:
    toml = 'port = 8000\nstrength = "low"\n'
    assert load(home, toml).port == 8000
    settings = load(home, toml, ERMASK_PORT="9000")
    assert (settings.port, settings.strength) == (9000, "low")


def test_port_zero_lets_the_system_choose(home: Path) -> None:
    assert load(home, "port = 0").port == 0


def test_models_dir_expands_the_home_sign(home: Path) -> None:
    assert load(home, 'models_dir = "~/models"').models_dir == Path.home() / "models"


def test_unknown_entry_names_file_entry_and_nearest(home: Path) -> None:
    with pytest.raises(BadSettings, match=r"config\.toml: prot .*nearest is 'port'") as caught:
        load(home, "prot = 8000")
    assert caught.value.hint and "idle_unload_s" in caught.value.hint


def test_unknown_variable_is_refused(home: Path) -> None:
    with pytest.raises(BadSettings, match=r"ERMASK_DEVIC .*nearest is 'device'"):
        load(home, ERMASK_DEVIC="cpu")


@pytest.mark.parametrize("name", ["config_dir", "data_dir", "state_dir", "host", "bind"])
def test_folders_and_host_cannot_be_set(home: Path, name: str) -> None:
    with pytest.raises(BadSettings, match=name):
        load(home, f'{name} = "/tmp"')


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("port = 80", "1024 to 65535, or 0"),
        ("port = 65536", "1024 to 65535"),
        ('port = "7411"', "whole number"),
        ("port = true", "whole number"),
        ("port = 7411.0", "whole number"),
        ("queue = 0", "1 to 1024"),
        ("threads = -1", "0 to 256"),
        ("idle_unload_s = 86401", "0 to 86400"),
        ('device = "cude"', "Did you mean 'cuda'"),
        ("device = 3", "one of auto, cpu, cuda"),
        ('strength = "medium"', "one of low, mid, high"),
        ('log_level = "INFO"', "one of debug"),
        ('models_dir = "relative"', "absolute path"),
        ('models_dir = ""', "absolute path"),
        ("[port]\nvalue = 1", "whole number"),
        ("port = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
    ],
)
def test_bad_values_are_refused(home: Path, toml: str | bytes, says: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(says)):
        load(home, toml)


@pytest.mark.parametrize("text", ["", "80", "-1", "7411.0", "７４１１", " 7411", "99999999999"])
def test_bad_port_variable_is_refused(home: Path, text: str) -> None:
    with pytest.raises(BadSettings, match="ERMASK_PORT"):
        load(home, ERMASK_PORT=text)


def test_config_that_is_a_folder_is_reported(home: Path) -> None:
    (home / "config.toml").mkdir()
    with pytest.raises(BadSettings, match="cannot be read"):
        load(home)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all")
def test_unreadable_config_is_reported(home: Path) -> None:
    (home / "config.toml").touch(mode=0)
    with pytest.raises(BadSettings, match="cannot be read"):
        load(home)


def test_every_rule_is_a_setting_with_a_valid_default(home: Path) -> None:
    shown = entries(load(home))
    assert set(shown) == {*RULES, "config_dir", "data_dir", "state_dir"}
    for name, rule in RULES.items():
        rule.check(shown[name])
