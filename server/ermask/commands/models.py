"""`ermask-daemon models`: the networks, and whether they are what they should be."""

from __future__ import annotations

import os

import typer

from ermask.commands.terminal import ERROR, OK, report, shown
from ermask.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="List and verify the networks.")


@app.command("list")
def list_models() -> None:
    """List the networks: role, bytes, SHA-256, file."""
    from ermask.model_files import detector_file, read_manifest

    files = dict(read_manifest(load_settings(os.environ).models_dir).files)
    for name, file in [*files.items(), ("detector", detector_file())]:
        print(f"{name:9}  {file.size:>10}  {file.sha256[:16]}  {shown(file.path)}")


@app.command()
def verify() -> None:
    """Hash every network's file and compare it with what it should be."""
    from ermask.sessions import Models

    failures = Models(load_settings(os.environ).models_dir).verify()
    for name, failure in failures.items():
        print(f"{name:9}  {'damaged' if failure else 'ok'}")
        if failure:
            report(failure)
    raise typer.Exit(ERROR if any(failures.values()) else OK)
