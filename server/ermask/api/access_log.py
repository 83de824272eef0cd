"""One log line and one count per request. Never its content: no name, label, token or path."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from ermask.api.problems import REQUEST_ID
from ermask.api.state import DAEMON, REFUSED_BY, pattern

log = logging.getLogger(__name__)

CLIENT_GONE = 499


@web.middleware
async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Name the request, time it, log it. The outermost layer."""
    request[REQUEST_ID] = secrets.token_hex(4)
    started = time.perf_counter()
    status, sent = CLIENT_GONE, 0
    try:
        response = await handler(request)
        status = response.status
        sent = (isinstance(response, web.Response) and response.content_length) or 0
        return response
    except asyncio.CancelledError:
        log.debug("request %s: the client is gone", request[REQUEST_ID])
        raise
    finally:
        _write(request, status, sent, time.perf_counter() - started)


def _write(request: web.Request, status: int, sent: int, seconds: float) -> None:
    # The route's pattern, because a path is the client's text and may hold anything.
    route = pattern(request) or "-"
    request.app[DAEMON].metrics.request(route, status, seconds)
    refused = request.get(REFUSED_BY)
    log.info(
        "request %s: %s %s %d in=%d out=%d ms=%.1f%s",
        request[REQUEST_ID],
        request.method if request.method in ("GET", "POST") else "-",
        route,
        status,
        request.content_length or 0,
        sent,
        seconds * 1000,
        f" refused_by={refused}" if refused else "",
    )
