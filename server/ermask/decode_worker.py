"""The process in which untrusted photo files are read. `ermask.decoding` starts it and talks to it.

Runs as `python -m ermask.decode_worker TASK MEMORY_BYTES SECONDS`, the task being `photo` or `key`:
the photo itself, or the texts of the QR codes of keys in it. On standard input and output, all
lengths big-endian:

    ready    READY, once, when the limits stand
    request  LENGTH_BYTES of length, then that many bytes of a photo file
    reply    LENGTH_BYTES of length, then a JSON object of that many bytes: {"photo": {...}},
             followed by the rgb bytes (H * W * 3) and the alpha bytes (H * W) if there are any,
             or {"texts": [...]}, or {"error": {"code", "message", "hint"}}

The process ends when its standard input does, and so when the process that started it is gone.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import queue
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pillow_heif.options
from PIL import AvifImagePlugin, Image

from ermask.codec import Photo, decode
from ermask.errors import ErmaskError

Task = Literal["photo", "key"]

READY = b"\x01"
LENGTH_BYTES = 8

_MAX_FILES = 32


def main() -> None:
    task, memory_bytes, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for the parent, which then ends us
    replies = _take_standard_output()
    # A thread has a stack and a heap of its own, and both would count against the memory limit.
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    pillow_heif.options.DECODE_THREADS = 1
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    Image.init()
    requests: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read_requests, args=(sys.stdin.buffer, requests), daemon=True).start()
    send = _send_texts() if task == "key" else _send_photo
    limit_process(memory_bytes)
    replies.write(READY)
    replies.flush()
    while True:
        data = requests.get()
        _limit_cpu(seconds)
        _answer(data, send, replies)
        del data


def _take_standard_output() -> BinaryIO:
    """The pipe to the parent, moved to where a library that prints cannot write into it."""
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return replies


def _read_requests(stream: BinaryIO, requests: queue.SimpleQueue[bytes]) -> None:
    """Queue each request; end the process with the stream, even in the middle of a decode."""
    try:
        while len(head := stream.read(LENGTH_BYTES)) == LENGTH_BYTES:
            length = int.from_bytes(head, "big")
            data = stream.read(length)
            if len(data) < length:
                break
            requests.put(data)
            del data
    finally:
        os._exit(0)


def _answer(data: bytes, send: Callable[[Photo, BinaryIO], None], replies: BinaryIO) -> None:
    try:
        photo = decode(data)
    except ErmaskError as error:
        body = {"code": error.code, "message": error.message, "hint": error.hint}
        _write_header({"error": body}, replies)
    else:
        send(photo, replies)
    replies.flush()


def _send_photo(photo: Photo, replies: BinaryIO) -> None:
    _write_header({"photo": _describe(photo)}, replies)
    replies.write(photo.rgb.data)
    if photo.alpha is not None:
        replies.write(photo.alpha.data)


def _send_texts() -> Callable[[Photo, BinaryIO], None]:
    from ermask import qr  # the worker that opens photos does without its library

    def send(photo: Photo, replies: BinaryIO) -> None:
        _write_header({"texts": qr.find(photo)}, replies)

    return send


def _describe(photo: Photo) -> dict[str, Any]:
    height, width, _ = photo.rgb.shape
    return {
        "height": height,
        "width": width,
        "alpha": photo.alpha is not None,
        "grey": photo.grey,
        "format": photo.format,
        "lossless": photo.lossless,
        "subsampling": photo.subsampling,
    }


def _write_header(header: dict[str, Any], replies: BinaryIO) -> None:
    body = json.dumps(header).encode()
    replies.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)


def limit_process(memory_bytes: int) -> None:
    """Forbid this process core dumps, writing to files, many open files, and more memory than it
    has now plus `memory_bytes`. Does what the platform can: nothing on Windows.
    """
    if sys.platform == "win32":
        return
    import resource

    # Measured from here, because numpy and the codecs reserve much address space on large machines.
    _set_limit(resource.RLIMIT_AS, _address_space() + memory_bytes)
    _set_limit(resource.RLIMIT_NOFILE, _MAX_FILES)
    _set_limit(resource.RLIMIT_FSIZE, 0)
    _set_limit(resource.RLIMIT_CORE, 0)


def _address_space() -> int:
    """Bytes of address space in use; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _limit_cpu(seconds: float) -> None:
    """Kill this process after so much more processor time: the parent keeps the wall time, but
    may be gone or stopped itself.
    """
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = math.ceil(time.process_time() + seconds) + 1
    if hard == resource.RLIM_INFINITY or soft < hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _set_limit(which: int, value: int) -> None:
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(which)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(OSError, ValueError):  # macOS knows RLIMIT_AS, but refuses to set it
        resource.setrlimit(which, (value, value))


if __name__ == "__main__":
    main()
