"""What a running daemon leaves for the command line: a lock that proves it, a file that says where.

The file alone proves nothing: a killed daemon leaves it behind, and its process id may belong to
another program by now. The lock does, so it is asked first.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from ermask.errors import DaemonFailed
from ermask.locks import is_locked
from ermask.private_files import write_private
from ermask.settings import Settings

LOCK_NAME = "daemon.lock"
STATE_NAME = "daemon.json"
_SETTLE_S = 5.0
"""A daemon that has just taken the lock writes its state within this time."""


@dataclass(frozen=True, kw_only=True)
class DaemonState:
    """One running daemon."""

    pid: int
    port: int
    version: str
    started: float
    """Start of the process in seconds since 1970, as the system tells it."""

    def matches_process(self) -> bool:
        """Whether `pid` is still the process that wrote this."""
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 2
        except psutil.Error:
            return False


def lock_file(settings: Settings) -> Path:
    return settings.state_dir / LOCK_NAME


def state_file(settings: Settings) -> Path:
    return settings.state_dir / STATE_NAME


def write_state(settings: Settings, *, port: int, version: str) -> None:
    """Say that this process is the daemon. Call it with the lock held."""
    me = psutil.Process()
    state = DaemonState(pid=me.pid, port=port, version=version, started=me.create_time())
    write_private(state_file(settings), json.dumps(asdict(state)).encode())


def remove_state(settings: Settings) -> None:
    state_file(settings).unlink(missing_ok=True)


def find_running(settings: Settings) -> DaemonState | None:
    """The daemon of this state folder, or None when none runs.

    Raises:
        DaemonFailed: a process holds the lock but does not say who it is.
    """
    deadline = time.monotonic() + _SETTLE_S
    while is_locked(lock_file(settings)):
        state = _read(state_file(settings))
        if state is not None and state.matches_process():
            return state
        if time.monotonic() > deadline:
            raise DaemonFailed(
                f"A process holds {lock_file(settings)}, but {state_file(settings)} does not say "
                "which one.",
                hint="End it by hand, then run `ermask-daemon start`.",
            )
        time.sleep(0.05)
    return None


def _read(path: Path) -> DaemonState | None:
    try:
        entries = json.loads(path.read_bytes())
        return DaemonState(
            pid=int(entries["pid"]),
            port=int(entries["port"]),
            version=str(entries["version"]),
            started=float(entries["started"]),
        )
    except (OSError, KeyError, TypeError, ValueError):
        return None
