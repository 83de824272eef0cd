"""What the handlers share: the parts of one running daemon, and where to find them."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from aiohttp import web

from ermask.api.attempts import Attempts
from ermask.api.clients import Client, Clients
from ermask.api.jobs import Jobs
from ermask.api.metrics import Metrics
from ermask.api.pairing import Pairing
from ermask.workers import Workers

if TYPE_CHECKING:
    from ermask.decoding import Decoder
    from ermask.engine import Engine
    from ermask.keystore import KeyStore
    from ermask.settings import Settings

Scope = Literal["public", "pairing", "client", "control"]
"""Who may call a route: anybody; anybody while pairing is open; a paired client; our own CLI."""


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """The parts. Frozen: parts change within, none is exchanged."""

    settings: Settings
    engine: Engine
    keystore: KeyStore
    clients: Clients
    decoder: Decoder
    workers: Workers
    jobs: Jobs
    metrics: Metrics
    scopes: dict[str, Scope]
    """By route pattern. A request that matches none is treated as "client"."""
    control_token: str | None
    """None: the control routes refuse everybody."""
    stop: asyncio.Event
    """Set by the control route; who serves the application waits for it."""
    pairing: Pairing = field(default_factory=Pairing)
    failures: Attempts = field(default_factory=Attempts)
    """Requests without the right token."""
    key_failures: Attempts = field(default_factory=Attempts)
    """Key files and pictures of keys that did not give a circle."""
    started: float = field(default_factory=time.monotonic)


DAEMON = web.AppKey("ermask.daemon", Daemon)
CLIENT = web.RequestKey("ermask.client", Client)
"""Set by the guard on every request to a route of scope "client"."""
REFUSED_BY = web.RequestKey("ermask.refused_by", str)
"""Name of the rule that refused the request, for the log."""


def pattern(request: web.Request) -> str | None:
    """The matched route's pattern, such as `/v1/jobs/{id}/wait`; None when there is no match."""
    resource = request.match_info.route.resource
    return None if resource is None else resource.canonical


def port_of(request: web.Request) -> int:
    """The port this very connection came in on: right even when the system chose it."""
    transport = request.transport
    if transport is None:
        raise ConnectionResetError("the connection is closed")
    return int(transport.get_extra_info("sockname")[1])
