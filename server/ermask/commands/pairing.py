"""`ermask-daemon pair` and `clients`: which programs may use the daemon."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import typer

from ermask import control
from ermask.commands.terminal import printable, say
from ermask.errors import PairingFailed
from ermask.settings import Settings, load_settings

_ASK_AGAIN_S = 0.5

clients = typer.Typer(no_args_is_help=True, help="List and revoke paired clients.")


def pair() -> None:
    """Open the pairing window, show the code, and wait until a browser has used it."""
    settings = load_settings(os.environ)
    before = _ids(settings)
    try:
        window = control.call(settings, "pair")
        print(f"Code: {window['code']}", flush=True)
        say(f"type it into the extension's page within {window['seconds']:.0f} seconds")
        client = _wait(settings, before)
    except KeyboardInterrupt:
        control.call(settings, "pair/close")
        raise
    print(f"Paired: {printable(client['label'])} ({client['id']})")


@clients.command("list")
def list_clients() -> None:
    """List the paired clients: id, last use, origin, name."""
    found = control.call(load_settings(os.environ), "clients")
    for client in found:
        origin = client["origin"] or "(a program)"
        label = printable(client["label"])
        print(f"{client['id']}  {client['last_used']}  {origin}  {label}")
    if not found:
        say("no client is paired; `ermask-daemon pair` pairs one")


@clients.command()
def revoke(
    client_id: Annotated[str, typer.Argument(metavar="ID", help="As `clients list` shows it.")],
) -> None:
    """Refuse a client from now on."""
    # The id becomes part of a path, so nothing but an id may pass.
    if not client_id.isascii() or not client_id.isalnum():
        raise typer.BadParameter("An id has letters and digits only.")
    client = control.call(load_settings(os.environ), f"clients/{client_id}/revoke")
    print(f"Revoked: {printable(client['label'])}")


def _wait(settings: Settings, before: set[str]) -> Any:
    while True:
        # In this order: the window is closed once a client is kept, which is then found.
        is_open = control.call(settings, "status")["pairing_seconds"] > 0
        for client in control.call(settings, "clients"):
            if client["id"] not in before:
                return client
        if not is_open:
            raise PairingFailed(
                "Nothing was paired: the time is over, or the code was wrong three times.",
                hint="Run `ermask-daemon pair` again for a new code.",
            )
        time.sleep(_ASK_AGAIN_S)


def _ids(settings: Settings) -> set[str]:
    return {client["id"] for client in control.call(settings, "clients")}
