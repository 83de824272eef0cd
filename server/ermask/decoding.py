"""Reading untrusted photos in a process of their own.

Image decoders are the part of ermask that strangers can reach with bytes of their choice. They run
in a worker process that has limits on memory, processor time and files, and is killed when it
takes too long. The one that opens photos never sees a key; a picture of a key gets another.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from ermask.codec import Photo, check_size
from ermask.decode_process import Process
from ermask.errors import BadKey, DecodeFailed, ErmaskError, NoCode
from ermask.keys import Key

MEMORY_BYTES = 2 * 2**30
"""Enough for a photo of MAX_PIXELS in every format."""
SECONDS = 30.0
"""Wall time for one photo; a 50-megapixel HEIC takes about eight on two slow cores."""
KEY_SECONDS = 20.0
"""Wall time for one picture of a key: less, because nobody waits for it in a job. There are
pictures that would keep the search for codes busy for minutes."""

_RETAKE = "Take the picture again, with the code filling most of it."


class Decoder:
    """`codec.decode` in a limited worker process, which starts with the first photo.

    May be used from several threads; photos are read one after the other. A worker that crashes,
    hangs or answers nonsense costs the one photo it was reading and is replaced for the next.
    """

    def __init__(self, *, memory_bytes: int = MEMORY_BYTES, seconds: float = SECONDS) -> None:
        """`memory_bytes`: address space for one decode, on POSIX. `seconds`: wall time for one."""
        if memory_bytes <= 0 or seconds <= 0:
            raise ValueError("memory_bytes and seconds must be positive")
        self._memory_bytes = memory_bytes
        self._seconds = seconds
        self._lock = threading.Lock()
        self._worker: Process | None = None
        self._key_lock = threading.Lock()
        self._key_worker: Process | None = None
        self._closed = False

    def start(self) -> None:
        """Start the worker now, so that the first photo need not wait for it."""
        with self._lock:
            self._running_worker()

    def decode(self, data: bytes) -> Photo:
        """As `codec.decode`; DecodeFailed when the worker dies or runs past its time.

        Raises ValueError after `close`.
        """
        check_size(data)
        with self._lock:
            worker = self._running_worker()
            try:
                answer = worker.photo(data, self._seconds)
            except BaseException as error:
                # Whatever happened, half a reply may be in the pipe.
                self._discard_worker()
                if isinstance(error, TimeoutError):
                    raise DecodeFailed("Opening the photo took too long.") from error
                if isinstance(error, Exception):
                    raise DecodeFailed("The photo made its decoder fail.") from error
                raise
        if isinstance(answer, ErmaskError):
            raise answer
        return answer

    def read_key(self, data: bytes) -> Key:
        """The key in a picture of a QR code.

        In a worker of its own, which ends with it: one that has opened other pictures may be in
        the hands of whoever made them, and one that has seen a key must not open others.

        Raises:
            NoCode: no QR code with the text of a key can be found.
            BadKey: a key that does not read as one, or several keys.
            DecodeFailed, and what `codec.decode` raises. ValueError after `close`.
        """
        check_size(data)
        with self._key_lock:
            if self._closed:
                raise ValueError("the decoder is closed")
            seconds = min(self._seconds, KEY_SECONDS)
            self._key_worker = Process("key", self._memory_bytes, seconds)
            try:
                if self._closed:  # meanwhile: there was nothing that `close` could kill
                    raise EOFError
                texts = self._key_worker.texts(data, seconds)
            except TimeoutError as error:
                raise DecodeFailed("Looking for a code took too long.", hint=_RETAKE) from error
            except Exception as error:
                raise DecodeFailed("The picture made its decoder fail.", hint=_RETAKE) from error
            finally:
                self._key_worker.stop()
                self._key_worker = None
        if isinstance(texts, ErmaskError):
            raise texts
        return _only_key(texts)

    def close(self) -> None:
        """End the workers. A decode in another thread fails with DecodeFailed."""
        self._closed = True
        for worker in (self._worker, self._key_worker):
            if worker is not None:
                worker.kill()
        with self._lock, self._key_lock:
            self._discard_worker()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _running_worker(self) -> Process:
        if self._closed:
            raise ValueError("the decoder is closed")
        if self._worker is not None and not self._worker.alive:
            self._discard_worker()
        if self._worker is None:
            self._worker = Process("photo", self._memory_bytes, self._seconds)
        return self._worker

    def _discard_worker(self) -> None:
        if self._worker is not None:
            self._worker.stop()
        self._worker = None


def _only_key(texts: list[str]) -> Key:
    if not texts:
        raise NoCode("There is no QR code with a key in the picture.")
    keys = {Key.parse(text) for text in texts}
    if len(keys) > 1:
        raise BadKey("The picture shows the codes of several keys.", hint="Show only one of them.")
    return keys.pop()
