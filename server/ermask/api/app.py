"""Put the daemon's HTTP side together. Touches no disk and starts nothing but its threads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from ermask.api.access_log import record
from ermask.api.guard import GUARD, set_headers
from ermask.api.jobs import Jobs
from ermask.api.metrics import Metrics
from ermask.api.problems import answer_problems
from ermask.api.routes import scopes, table
from ermask.api.state import DAEMON, Daemon
from ermask.codec import MAX_BYTES
from ermask.workers import Workers

if TYPE_CHECKING:
    from ermask.api.clients import Clients
    from ermask.decoding import Decoder
    from ermask.engine import Engine
    from ermask.keystore import KeyStore
    from ermask.settings import Settings


def create_app(
    settings: Settings,
    engine: Engine,
    keystore: KeyStore,
    clients: Clients,
    decoder: Decoder,
    *,
    control_token: str | None = None,
    stop: asyncio.Event | None = None,
) -> web.Application:
    """The daemon as an aiohttp application; `runner.py` serves it.

    Args:
        control_token: opens `/v1/control/*` (see `control_token.py`); None closes them.
        stop: set by `/v1/control/stop`; who serves the application waits for it.
    """
    workers = Workers(queue=settings.queue)
    metrics = Metrics()
    app = web.Application(middlewares=[record, answer_problems, *GUARD], client_max_size=MAX_BYTES)
    app[DAEMON] = Daemon(
        settings=settings,
        engine=engine,
        keystore=keystore,
        clients=clients,
        decoder=decoder,
        workers=workers,
        jobs=Jobs(workers, metrics),
        metrics=metrics,
        scopes=scopes(),
        control_token=control_token,
        stop=stop or asyncio.Event(),
    )
    app.router.add_routes(table())
    app.on_response_prepare.append(set_headers)
    app.on_shutdown.append(_drain)
    app.on_cleanup.append(_close)
    return app


async def _drain(app: web.Application) -> None:
    app[DAEMON].pairing.close()
    await app[DAEMON].jobs.drain()


async def _close(app: web.Application) -> None:
    app[DAEMON].workers.close()
