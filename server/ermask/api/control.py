"""Handlers for this user's own command line, under the control token: nothing for clients."""

from __future__ import annotations

from aiohttp import web

from ermask.api import about, pairing
from ermask.api.state import DAEMON


async def status(request: web.Request) -> web.Response:
    """As for clients, with the pairing window: seconds in which a client may still appear."""
    daemon = request.app[DAEMON]
    left = round(daemon.pairing.seconds_left, 1)
    return web.json_response({**await about.describe(daemon), "pairing_seconds": left})


async def open_pairing(request: web.Request) -> web.Response:
    """Open the pairing window and tell the code to show to the user."""
    code = request.app[DAEMON].pairing.open()
    return web.json_response({"code": code, "seconds": pairing.WINDOW_S})


async def close_pairing(request: web.Request) -> web.Response:
    """Close the window, if it is open."""
    request.app[DAEMON].pairing.close()
    return web.json_response({})


async def list_clients(request: web.Request) -> web.Response:
    """The paired clients, oldest first."""
    clients = request.app[DAEMON].clients.all()
    return web.json_response([client.public() for client in clients])


async def revoke_client(request: web.Request) -> web.Response:
    """Make a client's token worthless at once."""
    daemon = request.app[DAEMON]
    client_id = request.match_info["id"]
    client = await daemon.workers.aside(lambda: daemon.clients.revoke(client_id))
    return web.json_response(client.public())


async def stop(request: web.Request) -> web.Response:
    """End the daemon: this answer still arrives, work under way is finished."""
    request.app[DAEMON].stop.set()
    return web.json_response({})
