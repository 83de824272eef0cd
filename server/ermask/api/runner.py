"""How the application is served: limits on dawdling connections, and a log that quotes nobody."""

from __future__ import annotations

import logging

from aiohttp import web

IDLE_SECONDS = 15.0
"""A connection must deliver whole headers in this time, from its start or from its last answer."""
LINGER_SECONDS = 3.0
"""How long the rest of a refused upload is read away, so that the client gets to see the answer."""
CLOSE_SECONDS = 2.0
"""For what still runs after the jobs were drained: answers on their way, broken uploads."""


def create_runner(app: web.Application, *, idle_seconds: float = IDLE_SECONDS) -> web.AppRunner:
    """A runner for `create_app`'s application. Its `cleanup` drains the work under way.

    The caller gives it a socket, which must be bound to 127.0.0.1: the guard accepts no other
    Host, and nothing here is fit to be reached from another machine.
    """
    return web.AppRunner(
        app,
        access_log=None,
        logger=_http_log(),
        # A packed body would make Content-Length say nothing about the memory it takes.
        auto_decompress=False,
        # A client that hangs up takes its waiting work out of the queue.
        handler_cancellation=True,
        keepalive_timeout=idle_seconds,
        lingering_time=LINGER_SECONDS,
        shutdown_timeout=CLOSE_SECONDS,
    )


def _http_log() -> logging.Logger:
    log = logging.getLogger("ermask.api.http")
    log.addFilter(_without_content)
    return log


def _without_content(record: logging.LogRecord) -> bool:
    """Keep aiohttp's remark on a malformed request, drop the exception that quotes its bytes."""
    if record.exc_info and record.exc_info[0] is not None:
        record.msg = f"{record.msg}: {record.exc_info[0].__name__}"
        record.exc_info = record.exc_text = None
    return True
