"""Folders and files that only their owner may read: keys, tokens, the daemon's state and log.

On Windows the profile folder's access list is inherited and the mode checks do not apply.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from ermask.errors import UnsafePermissions
from ermask.settings import Settings


def private_folder(path: Path) -> Path:
    """Create `path` with mode 0700, or check the one that is there. Returns `path`.

    A folder that others may only read is closed (0700). One that others may write is refused:
    somebody may already have put a file of theirs in it.

    Raises:
        UnsafePermissions: others can write to it, it belongs to somebody else, or it is no folder.
        OSError: it cannot be created.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name != "posix":
        return path
    found = path.stat()
    check_private(path, found, writable_only=True)
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path


def prepare_folders(settings: Settings) -> None:
    """Create or check the three folders of `settings`. Raises as `private_folder`."""
    for folder in (settings.config_dir, settings.data_dir, settings.state_dir):
        private_folder(folder)


def check_private(path: Path, found: os.stat_result, *, writable_only: bool = False) -> None:
    """Refuse a file or folder that other users could have changed or read.

    Args:
        writable_only: reading by others is tolerated.

    Raises:
        UnsafePermissions: with the command that repairs it as the hint.
    """
    if os.name != "posix":
        return
    if found.st_uid != os.geteuid():
        raise UnsafePermissions(
            f"{path} belongs to another user.", hint="Choose another folder with ERMASK_HOME."
        )
    if stat.S_IMODE(found.st_mode) & (0o022 if writable_only else 0o077):
        mode = "700" if stat.S_ISDIR(found.st_mode) else "600"
        action = "write to" if found.st_mode & 0o022 else "read"
        raise UnsafePermissions(
            f"Other users can {action} {path}.",
            hint=f"Check what is in it, then run: chmod {mode} '{path}'",
        )


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by a new file of mode 0600 holding `data`; whole or not at all.

    Raises:
        OSError: the folder cannot be written to, or the disk is full; `path` is as it was.
    """
    half = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise
