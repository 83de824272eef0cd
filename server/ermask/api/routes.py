"""All routes, with who may call each. POST but for one: browsers send an Origin only with POST."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from ermask.api import about, control, keys, photos, trust
from ermask.api.state import Scope


class Route(NamedTuple):
    method: str
    path: str
    scope: Scope
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]


ROUTES = (
    Route("GET", "/healthz", "public", about.healthz),
    Route("POST", "/v1/hello", "public", trust.hello),
    Route("POST", "/v1/pair/begin", "pairing", trust.pair_begin),
    Route("POST", "/v1/pair/finish", "pairing", trust.pair_finish),
    Route("POST", "/v1/protect", "client", photos.protect),
    Route("POST", "/v1/restore", "client", photos.restore),
    Route("POST", "/v1/inspect", "client", photos.inspect),
    Route("POST", "/v1/jobs/{id}/wait", "client", photos.wait),
    Route("POST", "/v1/keys", "client", keys.circles),
    Route("POST", "/v1/keys/new", "client", keys.new),
    Route("POST", "/v1/keys/import", "client", keys.take),
    Route("POST", "/v1/keys/scan", "client", keys.scan),
    Route("POST", "/v1/status", "client", about.status),
    Route("POST", "/v1/metrics", "client", about.prometheus),
    Route("POST", "/v1/control/status", "control", control.status),
    Route("POST", "/v1/control/pair", "control", control.open_pairing),
    Route("POST", "/v1/control/pair/close", "control", control.close_pairing),
    Route("POST", "/v1/control/clients", "control", control.list_clients),
    Route("POST", "/v1/control/clients/{id}/revoke", "control", control.revoke_client),
    Route("POST", "/v1/control/stop", "control", control.stop),
)


def scopes() -> dict[str, Scope]:
    """Route pattern -> scope, for the guard."""
    return {route.path: route.scope for route in ROUTES}


def table() -> list[web.RouteDef]:
    """For `app.router.add_routes`."""
    # web.get would add HEAD by itself
    return [web.route(route.method, route.path, route.handler) for route in ROUTES]
