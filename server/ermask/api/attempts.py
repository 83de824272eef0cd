"""How many failures there were in the last minute: of log-ins, and of keys that were taken."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable


class Attempts:
    """Counts failures over a sliding window. Safe to use from several threads.

    Of log-ins only failures are turned away. A valid token always passes: the token has 256 bits,
    so no limit is needed against guessing it, and a limit that also stopped the owner would let
    every program on the machine switch the protection off. Taking a key costs seconds of work
    whether it fails or not, and only paired clients can ask for it: there, `exhausted` turns all
    away.
    """

    def __init__(
        self,
        *,
        limit: int = 10,
        seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._times: deque[float] = deque(maxlen=limit)
        self._limit = limit
        self._seconds = seconds
        self._clock = clock
        self._lock = threading.Lock()

    @property
    def exhausted(self) -> bool:
        """Whether the limit is reached."""
        with self._lock:
            return self._exhausted(self._clock())

    def fail(self) -> bool:
        """Count one failure. True: the limit was reached before it."""
        with self._lock:
            now = self._clock()
            exhausted = self._exhausted(now)
            if not exhausted:
                self._times.append(now)
            return exhausted

    def _exhausted(self, now: float) -> bool:
        while self._times and now - self._times[0] >= self._seconds:
            self._times.popleft()
        return len(self._times) >= self._limit
