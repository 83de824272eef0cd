"""What the user can set, read once at start: defaults, then config.toml, then ERMASK_* variables.

The result is frozen and handed down; nothing below `main` looks at the environment or at the
configuration file. docs/daemon.md has the table of entries.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, NamedTuple

import platformdirs

from ermask.contract import STRENGTHS
from ermask.errors import BadSettings

CONFIG_NAME = "config.toml"
PREFIX = "ERMASK_"
HOME_VARIABLE = "ERMASK_HOME"
PASSPHRASE_VARIABLE = "ERMASK_PASSPHRASE"  # noqa: S105  (a variable's name, not a passphrase)
KEYFILE_VARIABLE = "ERMASK_KEYFILE_PASSPHRASE"
NOT_SETTINGS = frozenset({HOME_VARIABLE, PASSPHRASE_VARIABLE, KEYFILE_VARIABLE})
"""Variables with our prefix that are read elsewhere; any other unknown one is a mistake."""

Device = Literal["auto", "cpu", "cuda"]
DetectorName = Literal["auto", "centerface", "insightface"]
LogLevel = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that can be set. The three folders follow from ERMASK_HOME or the platform."""

    config_dir: Path
    data_dir: Path
    state_dir: Path
    port: int = 7411
    """TCP port on 127.0.0.1; 0 lets the system choose."""
    device: Device = "auto"
    threads: int = 0
    """Threads per network on the CPU; 0 lets ermask choose."""
    queue: int = 16
    """Photos that may wait; the next one is answered 503."""
    idle_unload_s: int = 600
    """Seconds without work after which the networks leave memory; 0 = never."""
    strength: str = "mid"
    log_level: LogLevel = "info"
    detector: DetectorName = "auto"
    insightface_dir: Path = Path("~/.insightface/models")
    """Holds the InsightFace model packs, a folder each; read only."""
    models_dir: Path = Path(__file__).parent / "models"

    @property
    def config_file(self) -> Path:
        return self.config_dir / CONFIG_NAME


class _Choice(NamedTuple):
    names: tuple[str, ...]

    def check(self, value: object) -> str:
        if not isinstance(value, str) or value not in self.names:
            near = difflib.get_close_matches(str(value), self.names, 1, 0.5)
            guess = f" Did you mean {near[0]!r}?" if near else ""
            raise ValueError(f"must be one of {', '.join(self.names)}, not {value!r}.{guess}")
        return value


class _Number(NamedTuple):
    low: int
    high: int
    also: int | None = None

    def check(self, value: object) -> int:
        # bool is an int to isinstance, and `port = true` is a mistake
        if type(value) is int and (self.low <= value <= self.high or value == self.also):
            return value
        extra = "" if self.also is None else f", or {self.also}"
        raise ValueError(
            f"must be a whole number from {self.low} to {self.high}{extra}, not {value!r}."
        )


class _Folder(NamedTuple):
    def check(self, value: object) -> Path:
        if isinstance(value, str) and value and Path(value).expanduser().is_absolute():
            return Path(value).expanduser()
        raise ValueError(f"must be an absolute path, not {value!r}.")


RULES: dict[str, _Choice | _Number | _Folder] = {
    "port": _Number(1024, 65535, also=0),
    "device": _Choice(("auto", "cpu", "cuda")),
    "threads": _Number(0, 256),
    "queue": _Number(1, 1024),
    "idle_unload_s": _Number(0, 86_400),
    "strength": _Choice(tuple(STRENGTHS)),
    "log_level": _Choice(("debug", "info", "warning", "error")),
    "detector": _Choice(("auto", "centerface", "insightface")),
    "insightface_dir": _Folder(),
    "models_dir": _Folder(),
}
"""What config.toml may hold, and `ERMASK_<NAME>` with it."""


def load_settings(env: Mapping[str, str]) -> Settings:
    """Read the settings; `env` is the process environment. Creates nothing.

    Raises:
        BadSettings: an unknown entry, a value of the wrong type or out of range, unreadable TOML.
            The message names the file or variable, the entry and the nearest valid one.
    """
    values: dict[str, Any] = dict(_folders(env))
    values |= _from_file(values["config_dir"] / CONFIG_NAME)
    values |= _from_environment(env)
    return Settings(**values)


def entries(settings: Settings) -> dict[str, str | int]:
    """The settings as plain values, for printing."""
    return {
        item.name: str(value) if isinstance(value := getattr(settings, item.name), Path) else value
        for item in fields(settings)
    }


def _folders(env: Mapping[str, str]) -> dict[str, Path]:
    if home := env.get(HOME_VARIABLE):
        # Absolute, because the daemon changes its working folder.
        root = Path(home).expanduser().absolute()
        return {"config_dir": root, "data_dir": root / "data", "state_dir": root / "state"}
    place = platformdirs.PlatformDirs("ermask", appauthor=False, roaming=False)
    return {
        "config_dir": place.user_config_path,
        "data_dir": place.user_data_path,
        "state_dir": place.user_state_path,
    }


def _from_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_bytes().decode())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadSettings(f"{path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{path} is not valid TOML: {error}.") from error
    return {name: _checked(name, value, f"{path}: {name}") for name, value in found.items()}


def _from_environment(env: Mapping[str, str]) -> dict[str, Any]:
    values = {}
    for variable, text in env.items():
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS:
            continue
        name = variable.removeprefix(PREFIX).lower()
        value: str | int = text
        if isinstance(RULES.get(name), _Number) and text.isascii() and text.isdigit():
            value = int(text)
        values[name] = _checked(name, value, variable)
    return values


def _checked(name: str, value: object, where: str) -> str | int | Path:
    rule = RULES.get(name)
    if rule is None:
        near = difflib.get_close_matches(name, RULES, 1, 0.5)
        guess = f" The nearest is {near[0]!r}." if near else ""
        raise BadSettings(
            f"{where} is not a setting of ermask.{guess}",
            hint=f"The settings are: {', '.join(RULES)}.",
        )
    try:
        return rule.check(value)
    except ValueError as error:
        raise BadSettings(f"{where} {error}") from error
