"""Handlers by which client and daemon come to trust each other: pair once, hello each time."""

from __future__ import annotations

import hmac
import secrets

from aiohttp import web

from ermask.api import pairing
from ermask.api.body import encode_base64url, raw_entry, read_json, text_entry
from ermask.api.state import DAEMON, port_of

LABEL_LENGTH = 64
HELLO_CONTEXT = b"ermask hello v1"
_IV_BYTES = 12
_PROOF_BYTES = 32


def hello_message(client_nonce: bytes, daemon_nonce: bytes, port: int) -> bytes:
    """What the daemon's proof is made over; the nonces have 32 bytes each."""
    return HELLO_CONTEXT + b"\0" + client_nonce + daemon_nonce + port.to_bytes(2, "big")


async def hello(request: web.Request) -> web.Response:
    """Prove to a client, before it sends its token, that this is the daemon it was paired with.

    The port is part of the proof: a program on another port cannot pass our answer on as its own.
    """
    entries = await read_json(request, "client", "nonce")
    client_id = text_entry(entries, "client", 64)
    client_nonce = raw_entry(entries, "nonce", pairing.NONCE_BYTES)
    daemon_nonce = secrets.token_bytes(pairing.NONCE_BYTES)
    clients = request.app[DAEMON].clients
    key = clients.hello_key(client_id, request.headers.get("Origin"))
    proof = hmac.digest(key, hello_message(client_nonce, daemon_nonce, port_of(request)), "sha256")
    return web.json_response(
        {"nonce": encode_base64url(daemon_nonce), "proof": encode_base64url(proof)}
    )


async def pair_begin(request: web.Request) -> web.Response:
    """Exchange nonces."""
    entries = await read_json(request, "nonce")
    client_nonce = raw_entry(entries, "nonce", pairing.NONCE_BYTES)
    daemon_nonce = request.app[DAEMON].pairing.begin(client_nonce)
    return web.json_response({"nonce": encode_base64url(daemon_nonce)})


async def pair_finish(request: web.Request) -> web.Response:
    """Check that the client knows the code, prove that we do, hand over a sealed token."""
    daemon = request.app[DAEMON]
    entries = await read_json(request, "nonce", "label", "proof")
    daemon_nonce = raw_entry(entries, "nonce", pairing.NONCE_BYTES)
    exchange = pairing.Exchange(
        client_nonce=daemon.pairing.client_nonce(daemon_nonce),
        daemon_nonce=daemon_nonce,
        port=port_of(request),
        origin=request.headers.get("Origin"),
        label=text_entry(entries, "label", LABEL_LENGTH),
    )
    keys = await daemon.pairing.check(exchange, raw_entry(entries, "proof", _PROOF_BYTES))
    try:
        client, token = await daemon.workers.aside(
            lambda: daemon.clients.add(exchange.label, exchange.origin)
        )
    finally:
        daemon.pairing.finish()
    transcript = exchange.transcript()
    iv = secrets.token_bytes(_IV_BYTES)
    return web.json_response(
        {
            "client": client.id,
            "proof": encode_base64url(pairing.prove(keys.daemon, transcript)),
            "iv": encode_base64url(iv),
            "token": encode_base64url(pairing.seal(keys.token, token, client.id, transcript, iv)),
        }
    )
