"""`ermask-daemon doctor`."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import Annotated

import typer

from ermask.commands.terminal import ERROR, OK, printable


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="A JSON array of the checks.")] = False,
) -> None:
    """Check the installation; exit status 1 if anything fails."""
    from ermask.doctor import examine

    checks = []
    for check in examine(os.environ):
        checks.append(check)
        if not as_json:
            hint = f" -> {check.hint}" if check.hint else ""
            print(printable(f"{check.outcome:4} {check.name}: {check.message}{hint}"), flush=True)
    if as_json:
        print(json.dumps([asdict(check) for check in checks]))
    raise typer.Exit(ERROR if any(check.outcome == "fail" for check in checks) else OK)
