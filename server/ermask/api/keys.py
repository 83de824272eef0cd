"""Handlers for circles: list them, make one, take over a key. Keys come in here; none goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from ermask.api.body import decode_base64url, read_json, read_json_forms, read_upload
from ermask.api.headers import one_header
from ermask.api.state import DAEMON, Daemon
from ermask.circles import Circle, check_label
from ermask.errors import BadRequest, ErmaskError, TooManyAttempts
from ermask.keys import Key


async def circles(request: web.Request) -> web.Response:
    """The circles on this machine; never a secret."""
    daemon = request.app[DAEMON]
    found = await daemon.workers.aside(daemon.keystore.list)
    return web.json_response([asdict(circle) for circle in found])


async def new(request: web.Request) -> web.Response:
    """Make a circle with a new key."""
    daemon = request.app[DAEMON]
    label = _text(await read_json(request, "label"), "label")
    return _answer(await daemon.workers.aside(lambda: daemon.keystore.new(label)))


async def take(request: web.Request) -> web.Response:
    """Make a circle of a key that somebody shared, as text or as a file with a passphrase."""
    daemon = request.app[DAEMON]
    forms = ("label", "text"), ("label", "file", "passphrase")
    entries = await read_json_forms(request, *forms)
    label = _wanted(None if entries["label"] is None else _text(entries, "label"))
    if "text" in entries:
        key = Key.parse(_text(entries, "text"))
        return _answer(await daemon.workers.aside(lambda: _add(daemon, key, label)))
    passphrase = _text(entries, "passphrase")
    data = decode_base64url(entries["file"])
    if data is None:
        raise BadRequest("file must be bytes as base64url without padding.")
    return await _slowly(daemon, lambda: daemon.keystore.import_file(data, passphrase, label))


async def scan(request: web.Request) -> web.Response:
    """Make a circle of a key that somebody shared as a picture of its QR code."""
    daemon = request.app[DAEMON]
    label = _wanted(one_header(request, "X-ErMask-Label"))
    upload = await read_upload(request)
    try:
        return await _slowly(
            daemon, lambda: _add(daemon, daemon.decoder.read_key(upload.data), label)
        )
    finally:
        upload.place.release()


async def _slowly(daemon: Daemon, call: Callable[[], Circle]) -> web.Response:
    """Off the loop and one at a time: a key file may ask for half a minute of one core.

    Raises:
        TooManyAttempts: this has failed too often in the last minute.
        Busy: another one is under way.
    """
    if daemon.key_failures.exhausted:
        raise TooManyAttempts("Too many key files or pictures of keys could not be opened.")

    def counted() -> Circle:
        try:
            return call()
        except ErmaskError:
            # Here and not where it is awaited: a client that hangs up is counted as well.
            daemon.key_failures.fail()
            raise

    return _answer(await daemon.workers.alone(counted))


def _add(daemon: Daemon, key: Key, label: str | None) -> Circle:
    """Neither text nor code says what the circle is called; a part of the id is the same name on
    every machine that gives it none."""
    return daemon.keystore.add(f"Circle {key.id[:8]}" if label is None else label, key)


def _wanted(label: str | None) -> str | None:
    """The label, checked before the slow work begins. Raises BadLabel."""
    return None if label is None else check_label(label)


def _text(entries: dict[str, Any], name: str) -> str:
    text = entries[name]
    if not isinstance(text, str):
        raise BadRequest(f"{name} must be text.")
    return text


def _answer(circle: Circle) -> web.Response:
    return web.json_response(asdict(circle))
