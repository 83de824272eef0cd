"""The secret by which this user's command line steers the running daemon.

A new one at each start, in a file that only this user can read. It opens `/v1/control/*` and
nothing else; a paired client's token opens everything but that.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from ermask.errors import DaemonNotRunning
from ermask.private_files import check_private, write_private

TOKEN_NAME = "control.token"  # noqa: S105  (a file's name, not a token)


def create_control_token(state_dir: Path) -> str:
    """Write a new token (32 random bytes as base64url) into `state_dir` and return it.

    Raises:
        OSError: the file cannot be written.
    """
    token = secrets.token_urlsafe(32)
    write_private(state_dir / TOKEN_NAME, token.encode())
    return token


def read_control_token(state_dir: Path) -> str:
    """The token of the daemon that was last started.

    Raises:
        DaemonNotRunning: there is no such file.
        UnsafePermissions: others can read it.
    """
    path = state_dir / TOKEN_NAME
    try:
        check_private(path, path.stat())
        return path.read_text("ascii")
    except FileNotFoundError as error:
        raise DaemonNotRunning("The daemon is not running.") from error


def remove_control_token(state_dir: Path) -> None:
    (state_dir / TOKEN_NAME).unlink(missing_ok=True)
