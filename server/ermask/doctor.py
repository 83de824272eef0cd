"""Checks of the installation, one line each, for people who wonder why something does not work.

Every check stands alone and never raises: the one that finds the fault may be the last. Nothing
is repaired or created here.
"""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from ermask import __version__, control, runtime
from ermask.daemon_state import find_running
from ermask.errors import ErmaskError
from ermask.private_files import check_private
from ermask.settings import Settings, load_settings

Outcome = Literal["ok", "warn", "fail"]

OLDEST_PYTHON = (3, 11)
LITTLE_SPACE = 200 * 2**20
"""Free bytes below which results and logs are in danger."""


@dataclass(frozen=True)
class Check:
    """What one check found."""

    name: str
    outcome: Outcome
    message: str
    hint: str | None = None


def examine(env: Mapping[str, str]) -> Iterator[Check]:
    """All checks, one after the other; `env` is the process environment.

    Without readable settings the checks that need them are left out.
    """
    yield _python()
    yield _guarded("runtime", _runtime)
    settings: list[Settings] = []

    def read() -> Check:
        settings.append(load_settings(env))
        path = settings[0].config_file
        return Check("settings", "ok", f"{path}" if path.exists() else f"defaults; no {path}")

    yield _guarded("settings", read)
    for name, check in _CHECKS.items():
        if settings:
            yield _guarded(name, partial(check, settings[0]))


def _python() -> Check:
    text = f"ermask {__version__}, Python {platform.python_version()}, {platform.platform()}"
    if sys.version_info < OLDEST_PYTHON:
        return Check("python", "fail", text, "ermask needs Python 3.11 or newer.")
    return Check("python", "ok", text)


def _runtime() -> Check:
    found = runtime.check()
    return Check("runtime", "ok", f"{found.distribution} {found.version}")


def _providers(settings: Settings) -> Check:
    ort = runtime.load()
    wanted = runtime.providers(ort, settings.device)
    text = f"device = {settings.device!r} uses {wanted[0]}"
    gpu = runtime.check().distribution == "onnxruntime-gpu"
    if settings.device == "auto" and gpu and wanted[0] == runtime.CPU:
        return Check("providers", "warn", f"{text}, although onnxruntime-gpu is installed")
    return Check("providers", "ok", text)


def _models(settings: Settings) -> Check:
    from ermask.sessions import Models

    failures = Models(settings.models_dir).verify()
    for failure in failures.values():
        if failure is not None:
            raise failure
    return Check("models", "ok", f"{', '.join(failures)}: as they should be")


def _detector(settings: Settings) -> Check:
    from ermask import insight

    pack = insight.choose(settings.detector, settings.insightface_dir)
    used = "CenterFace" if pack is None else f"InsightFace with {pack}"
    return Check("detector", "ok", f"detector = {settings.detector!r} uses {used}")


def _folders(settings: Settings) -> Check:
    folders = {settings.config_dir, settings.data_dir, settings.state_dir}
    there = sorted(folder for folder in folders if folder.exists())
    for folder in there:
        check_private(folder, folder.stat(), writable_only=True)
        for path in sorted(folder.iterdir()):
            if path.is_file() and path != settings.config_file:
                check_private(path, path.stat())
    if not there:
        return Check("folders", "ok", "none yet")
    return Check("folders", "ok", f"private: {', '.join(map(str, there))}")


def _keys(settings: Settings) -> Check:
    from ermask.keystore import open_keystore

    store = open_keystore(settings.data_dir, settings.state_dir, os.environ)
    count = len(store.list())
    places = {
        "keychain": "in the system's keychain",
        "passphrase": "in a file sealed with your passphrase",
        "machine-key": "in a file sealed with a key beside it",
    }
    text = f"{count} {'circle' if count == 1 else 'circles'}, keys {places[store.protection]}"
    if store.protection == "machine-key":
        return Check(
            "keys",
            "warn",
            f"{text}: whoever copies both files has the keys",
            "No keychain was found. `ermask keys passphrase` seals them with a passphrase.",
        )
    return Check("keys", "ok", text)


def _port(settings: Settings) -> Check:
    state = find_running(settings)
    if state is not None:
        if control.answers(state.port):
            return Check("port", "ok", f"the daemon answers on port {state.port}")
        return Check(
            "port",
            "fail",
            f"the daemon (process {state.pid}) does not answer on port {state.port}",
            "Run `ermask-daemon restart --force`.",
        )
    if settings.port == 0:
        return Check("port", "warn", "port = 0: browsers must be told another one at each start")
    with socket.socket() as probe:
        probe.settimeout(1)
        if probe.connect_ex((control.HOST, settings.port)) == 0:
            return Check(
                "port",
                "fail",
                f"another program listens on port {settings.port}",
                "End it, or set another `port` in config.toml and pair again.",
            )
    return Check("port", "ok", f"port {settings.port} is free; the daemon is not running")


def _space(settings: Settings) -> Check:
    place = _existing(settings.state_dir)
    free = shutil.disk_usage(place).free
    text = f"{free / 2**30:.1f} GiB free for {place}"
    return Check("space", "ok" if free >= LITTLE_SPACE else "warn", text)


_CHECKS: dict[str, Callable[[Settings], Check]] = {
    "providers": _providers,
    "models": _models,
    "detector": _detector,
    "folders": _folders,
    "keys": _keys,
    "port": _port,
    "space": _space,
}


def _guarded(name: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except ErmaskError as error:
        return Check(name, "fail", error.message, error.hint)
    except Exception as error:
        return Check(name, "fail", f"unexpected {type(error).__name__}: {error}")


def _existing(path: Path) -> Path:
    return next(each for each in (path, *path.parents) if each.exists())
