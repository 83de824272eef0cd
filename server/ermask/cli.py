"""`ermask`: protect and restore photos, and manage keys, without the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from ermask.commands import circles, photos
from ermask.commands.terminal import ReportingGroup, version_option

EPILOG = """Exit status: 0 all photos done, 1 one or more failed, 2 wrong usage, 130 interrupted.

Set ERMASK_HOME to keep settings, keys and state in one folder of your choice."""

app = typer.Typer(
    cls=ReportingGroup,
    name="ermask",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)
app.command()(photos.protect)
app.command()(photos.restore)
app.command()(photos.inspect)
app.add_typer(circles.app, name="keys")


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=version_option, is_eager=True, help="And exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error.")
    ] = False,
) -> None:
    """Change the faces in photos so that face recognition no longer matches them, and undo it.

    Nothing leaves this machine.
    """


def main() -> None:
    """Entry point."""
    app()
