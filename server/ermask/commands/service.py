"""`ermask-daemon start`, `stop`, `restart`, `status` and `logs`."""

from __future__ import annotations

import getpass
import json
import os
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer

from ermask import __version__, logs
from ermask.commands.circles import STORE_PROMPT, open_store
from ermask.commands.terminal import (
    ERROR,
    NOT_RUNNING,
    OK,
    printable,
    say,
)
from ermask.daemon_state import DaemonState, find_running
from ermask.errors import ErmaskError, KeyStoreLocked
from ermask.settings import PASSPHRASE_VARIABLE, Settings, load_settings

_SHOWN_LINES = 50


def start(
    foreground: Annotated[
        bool, typer.Option("--foreground", help="Stay attached and log to stderr: for systemd.")
    ] = False,
) -> None:
    """Start the daemon and wait until photos can be taken."""
    settings = load_settings(os.environ)
    if foreground:
        _run_attached(settings)
    else:
        _start(settings)


def stop(
    force: Annotated[
        bool, typer.Option("--force", help="Kill it when it does not end in time.")
    ] = False,
) -> None:
    """Let the daemon finish its work and end."""
    _stop(load_settings(os.environ), force)


def restart(
    force: Annotated[
        bool, typer.Option("--force", help="Kill it when it does not end in time.")
    ] = False,
) -> None:
    """Stop the daemon if it runs, then start it."""
    settings = load_settings(os.environ)
    _stop(settings, force)
    _start(settings)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Show whether the daemon runs, and with what."""
    settings = load_settings(os.environ)
    state = find_running(settings)
    found, code = _describe(settings, state)
    if as_json:
        print(json.dumps(found))
    elif state is None:
        print("ermask-daemon is not running")
    else:
        print(f"ermask-daemon {state.version}: process {state.pid}, port {state.port}")
        if "error" in found:
            print(f"but it does not answer: {printable(found['error'])}")
        for role, provider in found.get("providers", {}).items():
            print(f"{role}: {provider}")
        _warn_of_keys(found)
        if state.version != __version__:
            say(f"warning: this is ermask {__version__}; `ermask-daemon restart` updates it")
    raise typer.Exit(code)


def show_logs(
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as lines are added, until Ctrl-C.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", min=0, help="How many of the last lines.")
    ] = _SHOWN_LINES,
) -> None:
    """Show the daemon's log. It holds sizes, times and codes, no photos and no names."""
    path = logs.log_file(load_settings(os.environ))
    if not follow and not path.exists():
        say(f"there is no log yet: {path}")
    stream = logs.follow(path, lines) if follow else iter(logs.last_lines(path, lines))
    for line in stream:
        print(printable(line), flush=follow)


def _run_attached(settings: Settings) -> None:
    from ermask.daemon import run

    os.umask(0o077)

    def ready(port: int) -> None:
        print(f"ermask-daemon {__version__} answers on port {port}", flush=True)

    run(settings, foreground=True, on_ready=ready)


def _start(settings: Settings) -> None:
    from ermask import lifecycle

    state = lifecycle.start(settings, _environment(settings))
    print(f"ermask-daemon {state.version} answers on port {state.port}")
    _warn_of_keys(_describe(settings, state)[0])


def _warn_of_keys(found: dict[str, Any]) -> None:
    """Say that photos are refused, when the daemon says that it has no use of the keys."""
    code = found.get("keys", "open")
    if code == KeyStoreLocked.code:
        say(
            f"warning: the keys are locked ({code}), so no photo can be protected or restored. "
            "Unlock the keychain, or run `ermask-daemon restart` and type the passphrase."
        )
    elif code != "open":
        say(f"warning: the keys cannot be used ({code})")


def _environment(settings: Settings) -> dict[str, str]:
    """The daemon's environment; it has no terminal to ask for the key store's passphrase."""
    environment = dict(os.environ)
    store = open_store(settings)
    if (
        PASSPHRASE_VARIABLE not in environment
        and sys.stderr.isatty()
        and store.protection == "passphrase"
    ):
        environment[PASSPHRASE_VARIABLE] = getpass.getpass(STORE_PROMPT)
    return environment


def _stop(settings: Settings, force: bool) -> None:
    from ermask import lifecycle

    stopped = lifecycle.stop(settings, force=force)
    print("ermask-daemon has ended" if stopped else "ermask-daemon was not running")


def _describe(settings: Settings, state: DaemonState | None) -> tuple[dict[str, Any], int]:
    """What is known about the daemon, and the exit status that says it."""
    from ermask import control

    if state is None:
        return {"running": False}, NOT_RUNNING
    found = {"running": True, **asdict(state)}
    try:
        return {**control.call(settings, "status"), **found}, OK
    except ErmaskError as error:
        return {**found, "error": error.message}, ERROR
