"""Rules of the terminal, for both programs.

stdout carries what was asked for, stderr all else. Errors are one line `PROGRAM: error: ...` and
one line `PROGRAM: hint: ...`. No stack trace without --debug. Nothing that a file or a label is
called can move the cursor or change colours.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from ermask.errors import DaemonNotRunning, DaemonRunning, ErmaskError

OK, ERROR, USAGE, NOT_RUNNING, ALREADY_RUNNING = range(5)
"""Exit statuses. 130 after Ctrl-C."""
_STATUSES = {DaemonNotRunning.code: NOT_RUNNING, DaemonRunning.code: ALREADY_RUNNING}


class ReportingGroup(TyperGroup):
    """Commands whose errors are reported by the rules above."""

    # The context's class moved between the versions of typer that we take.
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ErmaskError as error:
            if ctx.params.get("debug"):
                raise
            report(error)
            raise typer.Exit(_STATUSES.get(error.code, ERROR)) from None
        except BrokenPipeError:
            raise
        except Exception as error:
            if ctx.params.get("debug") or not _is_unexpected(error):
                raise
            say(f"error: unexpected {type(error).__name__}: {error}")
            say("hint: Run it again with --debug for the details, and report them.")
            raise typer.Exit(ERROR) from None


def _is_unexpected(error: Exception) -> bool:
    # typer's own exceptions (usage, exit, abort) come from its package, or from click in old ones
    return type(error).__module__.partition(".")[0] not in ("typer", "click")


def report(error: ErmaskError, path: str | os.PathLike[str] | None = None) -> None:
    """Print an error, and its hint if it has one, to stderr."""
    where = "" if path is None else f"{shown(path)}: "
    say(f"error: {where}{error.message} ({error.code})")
    if error.hint:
        say(f"hint: {error.hint}")


def say(message: str) -> None:
    """One line on stderr that begins with the program's name."""
    print(f"{program()}: {printable(message)}", file=sys.stderr)


def program() -> str:
    """`ermask` or `ermask-daemon`, as in the messages."""
    return "ermask-daemon" if "daemon" in Path(sys.argv[0]).name else "ermask"


def shown(path: str | os.PathLike[str]) -> str:
    """A path as text that can be printed anywhere, whatever bytes the name is made of."""
    return printable(os.fsencode(path).decode(errors="backslashreplace"))


def printable(text: str) -> str:
    """`text` with control characters written as escapes."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def confirm(question: str) -> bool:
    """Ask on the terminal; False without one, so that no script hangs."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def version_option(wanted: bool) -> None:
    """Callback of --version."""
    if wanted:
        from ermask import __version__

        print(f"{program()} {__version__}")
        raise typer.Exit
