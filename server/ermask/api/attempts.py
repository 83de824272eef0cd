"""How many failed log-ins there were in the last minute."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable


class Attempts:
    """Counts failures over a sliding window.

    Only failures are turned away. A valid token always passes: the token has 256 bits, so no
    limit is needed against guessing it, and a limit that also stopped the owner would let every
    program on the machine switch the protection off.
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

    def fail(self) -> bool:
        """Count one failure. True: the limit was reached before it."""
        now = self._clock()
        while self._times and now - self._times[0] >= self._seconds:
            self._times.popleft()
        exhausted = len(self._times) >= self._limit
        if not exhausted:
            self._times.append(now)
        return exhausted
