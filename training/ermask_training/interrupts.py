"""Being asked to stop: a loop finishes its step and saves before it ends."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def noted() -> Iterator[list[int]]:
    """Inside, SIGTERM and Ctrl-C are only noted: their numbers are appended to what is yielded."""
    seen: list[int] = []
    signals = (signal.SIGTERM, signal.SIGINT)
    previous = [signal.signal(each, lambda number, _: seen.append(number)) for each in signals]
    try:
        yield seen
    finally:
        for each, handler in zip(signals, previous, strict=True):
            signal.signal(each, handler)
