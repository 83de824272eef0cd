"""The private folder of the key store: whole-file reads and writes, one writer at a time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ermask.errors import KeyStoreLocked, StorageFailed
from ermask.private_files import check_private, private_folder, write_private

if sys.platform == "win32":
    import msvcrt

    def _try_lock(descriptor: int) -> bool:
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _try_lock(descriptor: int) -> bool:
        # flock, not a record lock: it also keeps two threads of one process apart.
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


LOCK_NAME = "lock"

_WAIT_S = 30.0
_POLL_S = 0.02


class StoreFolder:
    """A folder of mode 0700 that holds files of mode 0600. Created by the first write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def has(self, name: str) -> bool:
        """Whether the file is there, in whatever state."""
        return (self.path / name).exists()

    def read(self, name: str) -> bytes | None:
        """A file's content, or None when there is none.

        Raises:
            UnsafePermissions: other users can read or write the file.
            StorageFailed: it is there, but cannot be read.
        """
        path = self.path / name
        try:
            with path.open("rb") as file:
                check_private(path, os.fstat(file.fileno()))
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageFailed(f"{path} cannot be read: {error.strerror}.") from error

    def write(self, name: str, data: bytes) -> None:
        """Replace a file, whole or not at all; on return it survives a power cut.

        Raises:
            UnsafePermissions: other users can write to the folder.
            StorageFailed: the disk is full or the folder not writable; the file is as it was.
        """
        path = self.path / name
        try:
            write_private(private_folder(self.path) / name, data)
            self._sync()
        except OSError as error:
            raise StorageFailed(f"{path} cannot be written: {error.strerror}.") from error

    def remove(self, name: str) -> None:
        """Remove a file if it is there.

        Raises:
            StorageFailed: it cannot be removed.
        """
        path = self.path / name
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageFailed(f"{path} cannot be removed: {error.strerror}.") from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep all other writers out, threads and processes; sweep what a killed one left.

        The system drops the lock when its process ends, however it ends.

        Raises:
            KeyStoreLocked: another process has had the lock for half a minute.
            StorageFailed, UnsafePermissions: as `write`.
        """
        try:
            private_folder(self.path)
            descriptor = os.open(self.path / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise StorageFailed(f"{self.path} cannot be opened: {error.strerror}.") from error
        try:
            deadline = time.monotonic() + _WAIT_S
            while not _try_lock(descriptor):
                if time.monotonic() > deadline:
                    raise KeyStoreLocked(
                        "Another ermask command is changing the circles.",
                        hint="Finish or end that command, then try again.",
                    )
                time.sleep(_POLL_S)
            for leftover in self.path.glob(".*"):
                self.remove(leftover.name)
            yield
        finally:
            os.close(descriptor)

    def _sync(self) -> None:
        # Puts the rename on disk. The file is already whole, so a file system that cannot sync
        # folders (and Windows, which has no such call) is no failure.
        if sys.platform != "win32":
            with suppress(OSError):
                descriptor = os.open(self.path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
