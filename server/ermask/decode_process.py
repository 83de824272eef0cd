"""The decoding process as seen from the daemon: started, asked, killed when it takes too long.

What it answers is checked before it is used, because a hostile picture may have taken it over.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np

from ermask.codec import MAX_PIXELS, Format, Photo, Subsampling
from ermask.decode_worker import LENGTH_BYTES, READY, Task
from ermask.errors import (
    AnimatedImage,
    BadImage,
    DecodeFailed,
    ErmaskError,
    ImageTooLarge,
    TooManyPixels,
    UnsupportedFormat,
)

_START_SECONDS = 60.0
_MAX_HEADER = 65536
_ERRORS: dict[str, type[ErmaskError]] = {
    kind.code: kind
    for kind in (
        BadImage,
        UnsupportedFormat,
        AnimatedImage,
        ImageTooLarge,
        TooManyPixels,
        DecodeFailed,
    )
}
# Nothing else of the environment reaches the worker: it may hold passphrases and tokens.
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "PYTHONHOME", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")


class Process:
    """One process that runs `ermask.decode_worker`, ready for requests of one task."""

    def __init__(self, task: Task, memory_bytes: int, seconds: float) -> None:
        """Start it and wait until its limits stand.

        Raises:
            DecodeFailed: it does not start.
        """
        command = [sys.executable, "-P", "-m", "ermask.decode_worker", task]
        try:
            # -P: a numpy.py in the folder where the daemon was started is not ours.
            self._process = subprocess.Popen(  # noqa: S603 - nothing in it comes from outside
                [*command, str(memory_bytes), str(seconds)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise _not_started() from error
        self._stdin = cast(io.BufferedWriter, self._process.stdin)
        self._stdout = cast(io.BufferedReader, self._process.stdout)
        try:
            with self._deadline(_START_SECONDS):
                self._read(len(READY))
        except (OSError, EOFError) as error:
            self.stop()
            raise _not_started() from error

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def photo(self, data: bytes, seconds: float) -> Photo | ErmaskError:
        """Task `photo`: the photo, or the error that `codec.decode` raised.

        Raises TimeoutError, and EOFError, OSError, ValueError and others when the worker died or
        its answer makes no sense; it must be stopped then.
        """
        with self._deadline(seconds):
            header = self._ask(data)
            if "error" in header:
                return _to_error(header["error"])
            return self._read_photo(header["photo"], len(data))

    def texts(self, data: bytes, seconds: float) -> list[str] | ErmaskError:
        """Task `key`: what `qr.find` returned, or the error that `codec.decode` raised.

        Raises as `photo`.
        """
        with self._deadline(seconds):
            header = self._ask(data)
            if "error" in header:
                return _to_error(header["error"])
            return [str(text) for text in header["texts"]]

    def kill(self) -> None:
        """Make the process go away; safe while another thread talks to it."""
        self._process.kill()

    def stop(self) -> None:
        """Kill the process, wait until it is gone and free what belongs to it."""
        self._process.kill()
        self._process.wait()
        for stream in (self._stdin, self._stdout):
            with contextlib.suppress(OSError):  # an unsent rest of a request
                stream.close()

    @contextlib.contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Kill the worker when the block is not left in time; TimeoutError then."""
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self._process.kill()

        timer = threading.Timer(seconds, expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()
            if expired.is_set():
                raise TimeoutError

    def _ask(self, data: bytes) -> dict[str, Any]:
        self._stdin.write(len(data).to_bytes(LENGTH_BYTES, "big"))
        self._stdin.write(data)
        self._stdin.flush()
        length = int.from_bytes(self._read(LENGTH_BYTES), "big")
        if length > _MAX_HEADER:
            raise ValueError("the header is too long")
        header: dict[str, Any] = json.loads(self._read(length))
        return header

    def _read_photo(self, header: dict[str, Any], input_bytes: int) -> Photo:
        height, width = int(header["height"]), int(header["width"])
        if height < 1 or width < 1 or height * width > MAX_PIXELS:
            raise ValueError("impossible size")
        if header["format"] not in get_args(Format):
            raise ValueError("unknown format")
        if header["subsampling"] not in get_args(Subsampling):
            raise ValueError("unknown subsampling")
        rgb = np.empty((height, width, 3), np.uint8)
        self._fill(rgb.data.cast("B"))
        alpha = None
        if header["alpha"]:
            alpha = np.empty((height, width), np.uint8)
            self._fill(alpha.data.cast("B"))
        return Photo(
            rgb,
            alpha,
            bool(header["grey"]),
            header["format"],
            input_bytes,
            bool(header["lossless"]),
            header["subsampling"],
        )

    def _read(self, length: int) -> bytes:
        buffer = bytearray(length)
        self._fill(memoryview(buffer))
        return bytes(buffer)

    def _fill(self, view: memoryview) -> None:
        while view:
            count = self._stdout.readinto(view)
            if count == 0:
                raise EOFError("the worker ended in the middle of an answer")
            view = view[count:]


def _not_started() -> DecodeFailed:
    return DecodeFailed(
        "The process that opens photos did not start.", hint="Reinstall ermask, then try again."
    )


def _to_error(body: dict[str, Any]) -> ErmaskError:
    return _ERRORS[body["code"]](str(body["message"]), hint=body["hint"])


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    search_path = [entry for entry in sys.path if Path(entry).is_absolute()]
    return kept | {
        "PYTHONPATH": os.pathsep.join(search_path),
        # Address space per thread would count against the worker's memory limit.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
    }
