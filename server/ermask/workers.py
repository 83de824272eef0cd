"""Where blocking work runs, so that the event loop never waits: one thread for the networks.

One, because two photos at once would only share the same cores or the same GPU, and because it
bounds the memory for decoded photos to one. Everything here but the work itself runs on the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from ermask.errors import Busy

T = TypeVar("T")

BYTES_IN_FLIGHT = 256 * 2**20
"""Uploads that may be in memory at once, in bytes, whatever their number."""


class Place:
    """Room for one upload, from before its body is read until its work is done."""

    def __init__(self, workers: Workers, size: int) -> None:
        self._workers = workers
        self._size = size
        workers._take(size)

    def shrink(self, size: int) -> None:
        """Give back what was reserved beyond `size` bytes."""
        self._workers._give(self._size - size)
        self._size = size

    def release(self) -> None:
        """Give the place back. A second call does nothing."""
        if self._size >= 0:
            self._workers._give(self._size, places=1)
            self._size = -1


class Workers:
    """The inference thread and the queue before it; a thread for short blocking calls, and one
    for a single long one."""

    def __init__(self, *, queue: int, bytes_in_flight: int = BYTES_IN_FLIGHT) -> None:
        """
        Args:
            queue: photos that may be uploading, waiting or running at once, at least 1.
            bytes_in_flight: bytes they may hold together.
        """
        if queue < 1:
            raise ValueError(f"queue must be at least 1, not {queue}")
        self.queue = queue
        self.admitted = 0
        self.waiting = 0
        self.running = 0
        self._bytes_left = bytes_in_flight
        self._closed = False
        # A lock, not the executor's own queue: a cancelled waiter leaves it at once and its
        # upload with it, while the executor would hold the bytes until their turn came.
        self._turn = asyncio.Lock()
        self._inference = ThreadPoolExecutor(1, thread_name_prefix="ermask-inference")
        self._aside = ThreadPoolExecutor(1, thread_name_prefix="ermask-aside")
        self._long = ThreadPoolExecutor(1, thread_name_prefix="ermask-long")
        self._long_call: asyncio.Future[Any] | None = None

    def admit(self, size: int) -> Place:
        """Room for an upload of at most `size` bytes. Call it before the body is read.

        Raises:
            Busy: too many photos or bytes in flight, or the daemon is stopping.
        """
        if self._closed:
            raise Busy("The daemon is stopping.", hint="Start it again and retry.")
        if self.admitted >= self.queue or size > self._bytes_left:
            raise Busy(f"{self.admitted} photos are being worked on; this one was not started.")
        return Place(self, size)

    async def run(self, work: Callable[[], T], *, begin: Callable[[], None] = lambda: None) -> T:
        """Run `work` in the inference thread when its turn comes; first come, first served.

        Cancelling the caller before `begin` was called takes the work out of the queue. After
        that the thread cannot be stopped: the next work waits until it has ended.
        """
        self.waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self.waiting -= 1
        begin()
        self.running += 1
        future = asyncio.get_running_loop().run_in_executor(self._inference, work)
        future.add_done_callback(self._finished)
        return await asyncio.shield(future)

    async def aside(self, call: Callable[[], T]) -> T:
        """Run a short blocking call (key store, client file) apart from the inference thread."""
        return await asyncio.get_running_loop().run_in_executor(self._aside, call)

    async def alone(self, call: Callable[[], T]) -> T:
        """Run a call of several seconds that is not for the networks, only one at a time.

        Cancelling the caller does not end it, and does not make room for the next.

        Raises:
            Busy: another one is under way, or the daemon is stopping. There is no queue.
        """
        if self._closed or (self._long_call is not None and not self._long_call.done()):
            raise Busy("Another key is being opened; this one was not.")
        future = asyncio.get_running_loop().run_in_executor(self._long, call)
        future.add_done_callback(_look_at_failure)
        self._long_call = future
        return await asyncio.shield(future)

    def refuse_new(self) -> None:
        """From now on `admit` raises Busy; what was admitted goes on."""
        self._closed = True

    def close(self) -> None:
        """Let the threads end after what they are doing."""
        self._closed = True
        self._inference.shutdown(wait=False, cancel_futures=True)
        self._aside.shutdown(wait=False, cancel_futures=True)
        self._long.shutdown(wait=False, cancel_futures=True)

    def _finished(self, future: asyncio.Future[T]) -> None:
        self.running -= 1
        self._turn.release()
        _look_at_failure(future)

    def _take(self, size: int) -> None:
        self.admitted += 1
        self._bytes_left -= size

    def _give(self, size: int, *, places: int = 0) -> None:
        self.admitted -= places
        self._bytes_left += size


def _look_at_failure(future: asyncio.Future[T]) -> None:
    """The caller may be gone; then nobody else does."""
    if not future.cancelled():
        future.exception()
