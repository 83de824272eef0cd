"""The daemon's log: set up, shown, followed. It holds sizes, times and codes, never content."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path

from ermask.settings import Settings

LOG_NAME = "daemon.log"
CRASH_NAME = "daemon.stderr"
"""What the process itself writes to stderr: a crash in native code, a failed start of Python."""
_BYTES = 1 << 20
_OLD_FILES = 3
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def log_file(settings: Settings) -> Path:
    return settings.state_dir / LOG_NAME


def crash_file(settings: Settings) -> Path:
    return settings.state_dir / CRASH_NAME


def set_up(settings: Settings, *, foreground: bool) -> None:
    """Send the log to stderr (foreground) or to the rotating file in the state folder.

    Call it once, at the start of the process and under a umask of 077: the files are created here.
    """
    handler: logging.Handler
    if foreground:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = RotatingFileHandler(
            log_file(settings), maxBytes=_BYTES, backupCount=_OLD_FILES, encoding="utf-8"
        )
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    root.handlers = [handler]
    # Other packages' debug lines may quote what they work on.
    root.setLevel(logging.WARNING)
    logging.getLogger("ermask").setLevel(settings.log_level.upper())


def last_lines(path: Path, count: int) -> list[str]:
    """The last `count` lines of a log; none when there is no such file."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=count)]
    except FileNotFoundError:
        return []


def follow(path: Path, count: int, *, pause_s: float = 0.3) -> Iterator[str]:
    """The last `count` lines, then lines as they are added, for ever, over rotations."""
    yield from last_lines(path, count)
    file = None
    # A file that is not there yet is read from its beginning when it comes.
    offset = path.stat().st_size if path.exists() else 0
    try:
        while True:
            if file is None and path.exists():
                file = path.open("rb")
                file.seek(offset)
                offset = 0
            while file is not None and (line := file.readline()):
                yield line.decode(errors="replace").rstrip("\n")
            if file is not None and _replaced(file.fileno(), path):
                file.close()
                file = None
            else:
                time.sleep(pause_s)
    finally:
        if file is not None:
            file.close()


def _replaced(descriptor: int, path: Path) -> bool:
    try:
        return not os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return True
