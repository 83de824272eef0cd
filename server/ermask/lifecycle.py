"""Start, find and stop the daemon from the command line's side. daemon.py is the other side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from ermask import control, logs
from ermask.daemon_state import DaemonState, find_running, lock_file
from ermask.errors import DaemonFailed, DaemonRunning, ErmaskError
from ermask.locks import is_locked
from ermask.private_files import private_folder
from ermask.settings import HOME_VARIABLE, Settings

START_S = 180.0
"""The networks load in seconds; a first CUDA start compiles kernels and may take a minute."""
DRAIN_S = 10.0
"""How long running work may take after the daemon was asked to end."""


def start(settings: Settings, env: Mapping[str, str]) -> DaemonState:
    """Start the daemon in the background; return once it answers and its networks are loaded.

    Args:
        env: the environment `settings` came from; the daemon reads its settings from it again.

    Raises:
        DaemonRunning: one runs already, or another start was faster.
        DaemonFailed: the process died, or was not ready within START_S; the message has the reason.
        ErmaskError: what the daemon itself gave as the reason.
    """
    refuse_second(settings)
    child = _spawn(settings, env)
    # A pipe cannot be read with a time limit on every system; ending the writer ends the read.
    watchdog = threading.Timer(START_S, child.kill)
    watchdog.start()
    try:
        if child.stdout is None:
            raise ValueError("the daemon's stdout must be a pipe")
        line = child.stdout.readline()
    except BaseException:
        # Ctrl-C while waiting: the user does not want it after all
        child.terminate()
        raise
    finally:
        watchdog.cancel()
    report = _parsed(line)
    if "port" not in report:
        child.wait()
        raise _failure(report, settings)
    state = find_running(settings)
    if state is None or not control.answers(state.port):
        raise DaemonFailed("The daemon started but does not answer.")
    return state


def stop(settings: Settings, *, force: bool = False) -> bool:
    """Ask the daemon to end and wait until it has. False: none was running.

    Args:
        force: kill it, and what it started, when it has not ended in time.

    Raises:
        DaemonFailed: it still runs, or belongs to another user.
    """
    state = find_running(settings)
    if state is None:
        return False
    try:
        daemon = psutil.Process(state.pid)
        _ask_to_end(daemon, settings)
        if _wait_until_free(settings, DRAIN_S + 6):
            return True
        if not force:
            raise DaemonFailed(
                f"The daemon (process {state.pid}) did not end in time.",
                hint="Run `ermask-daemon stop --force` to end it and lose the work under way.",
            )
        for process in [daemon, *daemon.children(recursive=True)]:
            process.kill()
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied as error:
        raise DaemonFailed(f"The daemon (process {state.pid}) may not be ended by you.") from error
    if not _wait_until_free(settings, 5):
        raise DaemonFailed(f"The daemon (process {state.pid}) could not be ended.")
    return True


def refuse_second(settings: Settings) -> None:
    """Raises DaemonRunning, with its process and port, when there is a daemon."""
    if state := find_running(settings):
        raise DaemonRunning(
            f"The daemon is already running: process {state.pid}, port {state.port}."
        )


def _spawn(settings: Settings, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    private_folder(settings.state_dir)
    environment = dict(env)
    if HOME_VARIABLE in environment:
        # the daemon works in another folder, where a relative path means something else
        environment[HOME_VARIABLE] = str(settings.config_dir)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        detached = {"creationflags": flags}
    crash = os.open(logs.crash_file(settings), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen(
            # -P: a folder full of downloads must not become a place to import from
            [sys.executable, "-P", "-m", "ermask.daemon"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=crash,
            cwd=Path(settings.state_dir.anchor),
            env=environment,
            **detached,
        )
    finally:
        os.close(crash)


def _ask_to_end(daemon: psutil.Process, settings: Settings) -> None:
    if sys.platform == "win32":
        # there is no SIGTERM; terminate() would cut off the work under way
        control.call(settings, "stop")
    else:
        daemon.terminate()


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        report = json.loads(line)
    except ValueError:
        return {}
    return report if isinstance(report, dict) else {}


def _failure(report: dict[str, Any], settings: Settings) -> ErmaskError:
    if "code" not in report:
        lines = logs.last_lines(logs.crash_file(settings), 5)
        reason = lines[-1] if lines else f"no reason given within {START_S:.0f} s"
        return DaemonFailed(f"The daemon did not start: {reason}")
    kind = DaemonRunning if report["code"] == DaemonRunning.code else DaemonFailed
    failure = kind(str(report["message"]), hint=report["hint"])
    failure.code = str(report["code"])
    return failure


def _wait_until_free(settings: Settings, seconds: float) -> bool:
    # By the lock: a process id may linger as a zombie, or be another program's already.
    deadline = time.monotonic() + seconds
    while is_locked(lock_file(settings)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
