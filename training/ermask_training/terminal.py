"""Rules of the terminal for the lab's two programs.

stdout carries what was asked for, stderr all else. What went wrong is one line on stderr,
`PROGRAM: error: ...`, with status 1 and no stack trace unless --debug is given. The lab reports
what the user got wrong as ValueError, the product's parts as ErmaskError.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ermask.commands.terminal import printable
from ermask.errors import ErmaskError

LAB = ("torch", "accelerate", "onnx", "onnx2torch", "onnxruntime", "tomlkit")
"""What the lab cannot do without, beside what serving needs."""

Threads = Annotated[int, typer.Option(min=0, help="CPU threads for torch; 0 leaves it to torch.")]


class LabGroup(TyperGroup):
    """Commands whose errors are reported by the rules above."""

    # The context's class moved between the versions of typer that we take.
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (ErmaskError, OSError, ValueError) as error:
            if ctx.params.get("debug"):
                raise
            say(str(self.name), f"error: {error}")
            if isinstance(error, ErmaskError) and error.hint:
                say(str(self.name), f"hint: {error.hint}")
            raise typer.Exit(1) from None


def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error.")
    ] = False,
) -> None:
    """Takes --debug, which `LabGroup` reads."""


def say(program: str, message: str) -> None:
    """One line on stderr that begins with the program's name."""
    print(f"{program}: {printable(message)}", file=sys.stderr)


def require_lab(program: str) -> None:
    """End with status 1, saying what to install, where the `lab` extra is not installed."""
    if missing := [name for name in LAB if not _is_installed(name)]:
        say(program, f"error: {', '.join(missing)} missing: the lab is not installed")
        say(program, 'hint: Run `pip install "ermask[lab,cpu]"`; with an NVIDIA card, [lab,cuda].')
        raise SystemExit(1)


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ImportError:
        return False
