"""One piece of work over many photos: read, decode, work, encode, write, report, count."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import typer

from ermask.commands.files import Failure, Input, OutputFolder, find_inputs, read_input
from ermask.commands.terminal import ERROR, OK, report, say, shown
from ermask.errors import ErmaskError, InputUnreadable

if TYPE_CHECKING:
    from ermask.codec import Photo
    from ermask.decoding import Decoder
    from ermask.results import Result

STREAM = Path("-")
"""Stands for stdin as input and stdout as output."""


class Work(Protocol):
    """What a command does to each photo."""

    def __call__(self, photo: Photo) -> Result: ...


class Summary(Protocol):
    """What a command says about a photo that it is done with: one short clause."""

    def __call__(self, result: Result) -> str: ...


def is_stream(paths: Sequence[Path]) -> bool:
    """Whether the command works on stdin.

    Raises:
        typer.BadParameter: stdin and files together.
    """
    if STREAM in paths and len(paths) > 1:
        raise typer.BadParameter("'-' (stdin) cannot be mixed with other paths.")
    return STREAM in paths


def inputs_of(paths: Sequence[Path], output: Path | None = None) -> list[Input | Failure]:
    """What there is to work on: stdin, called `stdin`, or all that `find_inputs` finds."""
    if is_stream(paths):
        return [Input(STREAM, Path("stdin"))]
    return list(find_inputs(paths, output))


def read(item: Input) -> bytes:
    """The input's bytes, at most one more than a photo may have.

    Raises:
        InputUnreadable: missing, not ours to read; or stdin is a terminal or empty.
    """
    from ermask.codec import MAX_BYTES

    if item.path != STREAM:
        return read_input(item.path, MAX_BYTES)
    if sys.stdin.isatty():
        raise InputUnreadable("'-' reads a photo from stdin, but stdin is the terminal.")
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if not data:
        raise InputUnreadable("stdin is empty.")
    return data


def run(
    paths: Sequence[Path],
    output: Path | None,
    *,
    overwrite: bool,
    done: str,
    work: Work,
    summary: Summary,
) -> int:
    """Work on every photo and write the results. Returns the exit status.

    Args:
        output: the output folder; None only for stdin.
        done: past participle for the summary, e.g. "protected".
    """
    from ermask.decoding import Decoder

    with exit_on_sigterm(), Decoder() as decoder:
        if output is None:
            return _run_stream(decoder, work, summary)
        found = inputs_of(paths, output)
        inputs = [each.path for each in found if isinstance(each, Input)]
        folder = OutputFolder(output, overwrite=overwrite, inputs=inputs)

        def one(item: Input) -> None:
            target, result = _convert(decoder, item, folder, work)
            print(f"{shown(item.path)} -> {shown(target)}: {summary(result)}")

        return for_each(found, one, done)


def for_each(
    found: Sequence[Input | Failure],
    one: Callable[[Input], None],
    done: str,
    *,
    quiet: bool = False,
) -> int:
    """Call `one` on each input, report failures as they come and the count at the end.

    Args:
        quiet: print no count.

    Returns:
        The exit status: OK only if there was something to do and all of it succeeded.
    """
    failed = 0
    for item in _progress(found, done):
        try:
            if isinstance(item, Failure):
                raise item.error
            one(item)
        except ErmaskError as error:
            failed += 1
            report(error, item.path)
    if not found:
        say("error: There are no photos in what was named (no_input)")
    elif not quiet:
        some = f", {failed} failed" if failed else ""
        say(f"{len(found) - failed} of {len(found)} photos {done}{some}")
    return OK if found and not failed else ERROR


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Make SIGTERM leave like Ctrl-C does: unfinished files are removed on the way out."""

    def leave(number: int, _frame: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _run_stream(decoder: Decoder, work: Work, summary: Summary) -> int:
    if sys.stdout.isatty():
        raise typer.BadParameter("The photo would go to the terminal; add `> FILE` or --output.")
    try:
        result = work(decoder.decode(read(Input(STREAM, STREAM))))
        data = result.encoded()
    except ErmaskError as error:
        report(error, STREAM)
        return ERROR
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
    say(summary(result))
    return OK


def _convert(
    decoder: Decoder, item: Input, folder: OutputFolder, work: Work
) -> tuple[Path, Result]:
    photo = decoder.decode(read(item))
    # Before the networks run: a name that is taken is known by now.
    target = folder.target(item, photo.mime, photo.suffix)
    result = work(photo)
    folder.write(target, result.encoded())
    return target, result


def _progress(found: Sequence[Input | Failure], description: str) -> Iterator[Input | Failure]:
    """The items, with a bar on stderr where that is a terminal and there is more than one."""
    if len(found) < 2 or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield from found
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # What is piped must stay what the command wrote, so stdout is only led past the bar, as
    # stderr is, when both are the same terminal.
    with Progress(
        "{task.description}",
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
    ) as bar:
        yield from bar.track(found, description=description)
