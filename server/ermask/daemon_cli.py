"""`ermask-daemon`: run the daemon that serves the browser extension, and look after it."""

from __future__ import annotations

from typing import Annotated

import typer

from ermask.commands import diagnosis, models, pairing, service
from ermask.commands.terminal import ReportingGroup, version_option

EPILOG = """Exit status: 0 done, 1 error, 2 wrong usage, 3 the daemon is not running,
4 it is running already, 130 interrupted.

The daemon listens on 127.0.0.1 only; there is no option to change that. ERMASK_HOME keeps
settings, keys and state in one folder; docs/daemon.md lists the settings."""

app = typer.Typer(
    cls=ReportingGroup,
    name="ermask-daemon",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)
app.command()(service.start)
app.command()(service.stop)
app.command()(service.restart)
app.command()(service.status)
app.command("logs")(service.show_logs)
app.command()(diagnosis.doctor)
app.command()(pairing.pair)
app.add_typer(pairing.clients, name="clients")
app.add_typer(models.app, name="models")


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=version_option, is_eager=True, help="And exit.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the stack trace of an error.")
    ] = False,
) -> None:
    """Serve the browser extension on this machine."""


def main() -> None:
    """Entry point."""
    app()
