"""Reading a request's body: never more than a limit, never longer than a time."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ermask.api.state import DAEMON
from ermask.codec import MAX_BYTES
from ermask.errors import BadImage, BadRequest, BodyTimeout, ImageTooLarge
from ermask.workers import Place

JSON_BYTES = 16 * 1024
BODY_SECONDS = 30.0
"""40 MiB over the loopback take well under a second; nobody honest needs this long."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Upload:
    """A photo as received. Whoever gets it releases the place."""

    data: bytes
    sha256: bytes
    place: Place


async def read_upload(request: web.Request) -> Upload:
    """The request's photo, once there is room for it.

    Raises:
        Busy: no room; nothing was read.
        ImageTooLarge, BadImage, BodyTimeout, BadRequest: the body is over the limit, empty, too
            slow or broken off.
    """
    place = request.app[DAEMON].workers.admit(_declared(request, MAX_BYTES))
    try:
        data, digest = await _read(request, MAX_BYTES)
        if not data:
            raise BadImage("The request has no photo in it.")
        place.shrink(len(data))
    except BaseException:
        place.release()
        raise
    return Upload(data, digest, place)


async def read_json(request: web.Request, *names: str) -> dict[str, Any]:
    """The request's JSON object, with exactly the entries `names`.

    Raises:
        BadRequest: not JSON, not an object, an entry missing or one too many.
    """
    return await read_json_forms(request, names)


async def read_json_forms(request: web.Request, *forms: Sequence[str]) -> dict[str, Any]:
    """The request's JSON object, with exactly the entries of one of the `forms`.

    Raises:
        BadRequest: as `read_json`.
    """
    _declared(request, JSON_BYTES)
    data, _ = await _read(request, JSON_BYTES)
    try:
        entries = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadRequest("The request's body is not JSON.") from error
    if not isinstance(entries, dict) or not any(set(entries) == set(form) for form in forms):
        wanted = ", or exactly: ".join(", ".join(form) for form in forms)
        raise BadRequest(f"The request's body must have exactly: {wanted}.")
    return entries


def raw_entry(entries: dict[str, Any], name: str, size: int) -> bytes:
    """An entry of `size` bytes, base64url without padding. Raises BadRequest."""
    data = decode_base64url(entries[name])
    if data is None or len(data) != size:
        raise BadRequest(f"{name} must be {size} bytes as base64url without padding.")
    return data


def text_entry(entries: dict[str, Any], name: str, longest: int) -> str:
    """An entry of 1 to `longest` printable characters. Raises BadRequest."""
    text = entries[name]
    # isprintable also keeps escape sequences out of terminals that list it later
    if not isinstance(text, str) or not 1 <= len(text) <= longest or not text.isprintable():
        raise BadRequest(f"{name} must be 1 to {longest} printable characters.")
    return text


def decode_base64url(text: object) -> bytes | None:
    """Strictly: this alphabet, no padding. None for anything else."""
    if not isinstance(text, str) or not _BASE64URL.fullmatch(text):
        return None
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return None


def encode_base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _declared(request: web.Request, limit: int) -> int:
    """Bytes the body may have: its Content-Length, or the limit for a chunked one."""
    if "Content-Encoding" in request.headers:
        raise BadRequest("The request's body must not have a Content-Encoding.")
    declared = request.content_length
    if declared is None:
        return limit
    if declared > limit:
        raise _too_large(limit)
    return declared


async def _read(request: web.Request, limit: int) -> tuple[bytes, bytes]:
    # Not request.read(): the hash is made on the way, piece by piece, which keeps the loop free.
    digest = hashlib.sha256()
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.content.iter_any():
                size += len(chunk)
                if size > limit:
                    raise _too_large(limit)
                digest.update(chunk)
                chunks.append(chunk)
    except TimeoutError as error:
        raise BodyTimeout(f"The upload took longer than {BODY_SECONDS:g} s.") from error
    except (web.RequestPayloadError, ConnectionError) as error:
        raise BadRequest("The upload broke off.") from error
    return b"".join(chunks), digest.digest()


def _too_large(limit: int) -> ImageTooLarge | BadRequest:
    if limit == MAX_BYTES:
        return ImageTooLarge(f"The photo has more than {limit // 2**20} MiB.")
    return BadRequest(f"The request's body has more than {limit} bytes.")
