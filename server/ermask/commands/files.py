"""Which files a command works on, and how results come to lie in the output folder."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ermask.errors import ErmaskError, InputUnreadable, OutputExists, StorageFailed

SUFFIXES = {
    "image/jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "image/png": (".png",),
    "image/webp": (".webp",),
    "image/avif": (".avif",),
    "image/heif": (".heic", ".heif", ".hif"),
}
"""File name endings by type; those a folder is searched for."""
_SEARCHED = frozenset(suffix for names in SUFFIXES.values() for suffix in names)


@dataclass(frozen=True)
class Input:
    """One file to work on, and where its result goes relative to the output folder."""

    path: Path
    relative: Path


@dataclass(frozen=True)
class Failure:
    """A path that could not be searched."""

    path: Path
    error: ErmaskError


def find_inputs(paths: Iterable[Path], output: Path | None = None) -> Iterator[Input | Failure]:
    """All photos that `paths` stand for, in a fixed order.

    A file is taken whatever it is called. A folder is searched with all its subfolders for the
    names of pictures; hidden files, links to folders and the output folder are passed over. The
    place inside the folder is kept in `relative`.
    """
    for path in paths:
        if path.is_dir():
            yield from _search(path, output)
        else:
            yield Input(path, Path(path.name))


def _search(folder: Path, output: Path | None) -> Iterator[Input | Failure]:
    failed: list[OSError] = []
    for name, folders, files in os.walk(folder, onerror=failed.append):
        here = Path(name)
        folders[:] = sorted(
            each
            for each in folders
            if not each.startswith(".") and not (output and _same(here / each, output))
        )
        for each in sorted(files):
            path = here / each
            if not each.startswith(".") and path.suffix.lower() in _SEARCHED:
                yield Input(path, path.relative_to(folder))
    for error in failed:
        message = f"The folder cannot be read: {error.strerror}."
        yield Failure(Path(error.filename), InputUnreadable(message))


def read_input(path: Path, limit: int) -> bytes:
    """The file's bytes; of a larger file only one byte more than `limit`, so that it is refused.

    Raises:
        InputUnreadable: missing, no file, or not ours to read.
    """
    try:
        with path.open("rb") as file:
            return file.read(limit + 1)
    except OSError as error:
        raise InputUnreadable(f"The file cannot be read: {error.strerror}.") from error


class OutputFolder:
    """Writes results under one folder: whole or not at all, and never over something unasked."""

    def __init__(self, folder: Path, *, overwrite: bool, inputs: Iterable[Path]) -> None:
        """
        Args:
            overwrite: replace files that were there before this run.
            inputs: files that are never replaced, overwrite or not.
        """
        self._folder = folder
        self._overwrite = overwrite
        self._inputs = {path.resolve() for path in inputs}
        self._written: set[str] = set()

    def target(self, item: Input, mime: str, suffix: str) -> Path:
        """Where the result of `item` goes. The name changes only if the type does.

        Args:
            mime, suffix: type of the result, and the ending that stands for it.

        Raises:
            OutputExists: there is a file, or an earlier input had the same name.
        """
        keep = item.path.suffix.lower() in SUFFIXES.get(mime, ())
        target = self._folder / (item.relative if keep else item.relative.with_suffix(suffix))
        if os.path.normcase(target) in self._written:
            raise OutputExists(
                "An earlier photo of this run has the same output name.",
                hint="Give them different names, or run them with different output folders.",
            )
        if target.resolve() in self._inputs:
            raise OutputExists(
                "The output would replace the photo itself, or another input.",
                hint="Choose another output folder.",
            )
        if os.path.lexists(target) and not self._overwrite:
            raise OutputExists(f"{target} is already there.")
        return target

    def write(self, target: Path, data: bytes) -> None:
        """Write `data` to `target`, a path that `target()` gave.

        Raises:
            OutputExists: somebody else has written it meanwhile.
            StorageFailed: no space, no permission; nothing half-written is left.
        """
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole(target, data, overwrite=self._overwrite)
        except FileExistsError as error:
            raise OutputExists(f"{target} is already there.") from error
        except OSError as error:
            raise StorageFailed(f"{target} could not be written: {error.strerror}.") from error
        self._written.add(os.path.normcase(target))


def write_whole(target: Path, data: bytes, *, overwrite: bool, mode: int = 0o666) -> None:
    """Write a file under another name and rename it when it is complete.

    Args:
        mode: permissions before the umask.

    Raises:
        FileExistsError: `target` exists, and not `overwrite`.
        OSError: it cannot be written; the unfinished file is removed.
    """
    half = target.with_name(f".{secrets.token_hex(8)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(half, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            half.replace(target)
        else:
            _rename_new(half, target)
    finally:
        half.unlink(missing_ok=True)


def _rename_new(half: Path, target: Path) -> None:
    try:
        # The only rename that never replaces anything. Some file systems have no hard links.
        target.hardlink_to(half)
    except FileExistsError:
        raise
    except OSError:
        if os.path.lexists(target):
            raise FileExistsError(target) from None
        half.replace(target)


def _same(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()
