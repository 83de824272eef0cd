"""Reading a request's own headers."""

from __future__ import annotations

from urllib.parse import unquote

from aiohttp import web

from ermask.errors import BadRequest


def one_header(request: web.Request, name: str) -> str | None:
    """A header's value, percent-decoded: labels may be in any script, headers may not.

    Raises:
        BadRequest: it is there more than once, or is not percent-encoded UTF-8.
    """
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise BadRequest(f"{name} is there more than once.")
    try:
        return unquote(values[0], errors="strict") if values else None
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not percent-encoded UTF-8.") from error
