"""Handlers that tell about the daemon: is it there, what can it do, how busy is it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from aiohttp import web

import ermask
from ermask import codec, contract
from ermask.api import metrics
from ermask.api.state import DAEMON, Daemon
from ermask.errors import ErmaskError

KEYS_OPEN = "open"


async def healthz(_request: web.Request) -> web.Response:
    """The same two letters for everybody."""
    return web.Response(text="ok")


async def status(request: web.Request) -> web.Response:
    """Version, what runs where, whether the keys can be used, how busy it is, what it accepts."""
    return web.json_response(await describe(request.app[DAEMON]))


async def prometheus(request: web.Request) -> web.Response:
    """Counters for a monitoring system."""
    daemon = request.app[DAEMON]
    text = daemon.metrics.render(
        {
            "ermask_photos_admitted": daemon.workers.admitted,
            "ermask_photos_waiting": daemon.workers.waiting,
            "ermask_photos_running": daemon.workers.running,
            "ermask_uptime_seconds": _uptime(daemon),
        }
    )
    return web.Response(body=text.encode(), headers={"Content-Type": metrics.CONTENT_TYPE})


async def describe(daemon: Daemon) -> dict[str, Any]:
    """The body of `/v1/status`."""
    workers = daemon.workers
    # Not beside the other calls of the key store: one that waits for the user to unlock the
    # keychain would hold this up.
    keys = await asyncio.to_thread(_keys, daemon)
    return {
        "version": ermask.__version__,
        "contract": contract.VERSION,
        "providers": daemon.engine.providers,
        "keys": keys,
        "strengths": list(contract.STRENGTHS),
        "strength": daemon.settings.strength,
        "queue": {
            "limit": workers.queue,
            "admitted": workers.admitted,
            "waiting": workers.waiting,
            "running": workers.running,
        },
        "limits": {"bytes": codec.MAX_BYTES, "pixels": codec.MAX_PIXELS},
        "uptime_s": round(_uptime(daemon), 1),
    }


def _keys(daemon: Daemon) -> str:
    """`open`, or the code of the error that a photo would meet."""
    try:
        daemon.keystore.check()
    except ErmaskError as error:
        return error.code
    return KEYS_OPEN


def _uptime(daemon: Daemon) -> float:
    return time.monotonic() - daemon.started
