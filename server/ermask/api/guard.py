"""Who may talk to the daemon: one small rule per function, applied in the order of `GUARD`.

Binding to 127.0.0.1 keeps other machines out, not the pages in the user's own browser: those reach
the loopback, by its address, by a name that resolves to it, or through 0.0.0.0. What browsers add
to such requests (Host, Origin, Sec-Fetch-Site) is checked first. The token keeps other programs
out. docs/protocol.md, section Guard, has the same in words.
"""

from __future__ import annotations

import hmac
import re

from aiohttp import web
from aiohttp.typedefs import Handler

from ermask.api.body import decode_base64url
from ermask.api.state import CLIENT, DAEMON, REFUSED_BY, Daemon, pattern, port_of
from ermask.errors import Forbidden, TooManyAttempts, Unauthorized

_EXTENSION = re.compile(r"(chrome|moz)-extension://[a-z0-9-]{1,64}")
_TOKEN_BYTES = 32

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'",
}


async def set_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: headers of every answer, aiohttp's own ones included."""
    response.headers.update(_HEADERS)
    response.headers.popall("Server", None)


@web.middleware
async def exact_host(request: web.Request, handler: Handler) -> web.StreamResponse:
    """One Host header, `127.0.0.1:<port>` to the letter: a rebound name says another host."""
    if request.headers.getall("Host", []) != [f"127.0.0.1:{port_of(request)}"]:
        raise _refused(request, "host")
    # The absolute form (`GET http://...`) names the host a second time; only proxies need it.
    if not request.raw_path.startswith("/"):
        raise _refused(request, "host")
    return await handler(request)


@web.middleware
async def fetch_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Pages say cross-site or same-site; extensions none (Chrome) or same-origin (Firefox)."""
    values = request.headers.getall("Sec-Fetch-Site", [])
    if values not in ([], ["none"], ["same-origin"]):
        raise _refused(request, "fetch_site")
    return await handler(request)


@web.middleware
async def extension_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """No Origin (a program), or one extension's; never `null`, a page or anything else."""
    origins = request.headers.getall("Origin", [])
    if len(origins) > 1 or any(not _EXTENSION.fullmatch(origin) for origin in origins):
        raise _refused(request, "origin")
    return await handler(request)


@web.middleware
async def known_method(request: web.Request, handler: Handler) -> web.StreamResponse:
    """GET and POST. No OPTIONS, so no page ever passes a CORS preflight."""
    if request.method not in ("GET", "POST"):
        raise _refused(request, "method")
    return await handler(request)


@web.middleware
async def marker(request: web.Request, handler: Handler) -> web.StreamResponse:
    """`X-ErMask: 1` on POST: a header that a page cannot add without that preflight."""
    if request.method == "POST" and request.headers.getall("X-ErMask", []) != ["1"]:
        raise _refused(request, "marker")
    return await handler(request)


@web.middleware
async def token(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The right to use the route, before its body is read.

    A missing, wrong or revoked token, a closed pairing window and an unknown path all get the
    same answer, so nobody learns what is there.
    """
    daemon = request.app[DAEMON]
    if not _may_call(request, daemon):
        if daemon.failures.fail():
            request[REFUSED_BY] = "attempts"
            raise TooManyAttempts("Too many requests without a valid token.")
        request[REFUSED_BY] = "token"
        raise Unauthorized("The request has no valid token.")
    return await handler(request)


@web.middleware
async def pinned_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A token works only from the origin it was given to; none at all if there was none."""
    client = request.get(CLIENT)
    if client is not None:
        if request.headers.get("Origin") != client.origin:
            raise _refused(request, "pinned_origin")
        if not client.used_today:
            daemon = request.app[DAEMON]
            await daemon.workers.aside(lambda: daemon.clients.touch(client))
    return await handler(request)


GUARD = (
    exact_host,
    fetch_site,
    extension_origin,
    known_method,
    marker,
    token,
    pinned_origin,
)


def _may_call(request: web.Request, daemon: Daemon) -> bool:
    scope = daemon.scopes.get(pattern(request) or "", "client")
    if scope == "public":
        return True
    if scope == "pairing":
        return daemon.pairing.is_open
    bearer = _bearer(request)
    if bearer is None:
        return False
    if scope == "control":
        wanted = decode_base64url(daemon.control_token)
        return (
            wanted is not None
            and "Origin" not in request.headers
            and hmac.compare_digest(wanted, bearer)
        )
    client = daemon.clients.match(bearer)
    if client is not None:
        request[CLIENT] = client
    return client is not None


def _bearer(request: web.Request) -> bytes | None:
    values = request.headers.getall("Authorization", [])
    if len(values) != 1 or not values[0].startswith("Bearer "):
        return None
    found = decode_base64url(values[0].removeprefix("Bearer "))
    return found if found is not None and len(found) == _TOKEN_BYTES else None


def _refused(request: web.Request, rule: str) -> Forbidden:
    request[REFUSED_BY] = rule
    return Forbidden("The daemon does not answer requests from there.")
