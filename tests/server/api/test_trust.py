"""Pairing and hello over HTTP, from the client's side, as docs/protocol.md tells it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ermask.api import pairing
from ermask.api.body import decode_base64url, encode_base64url
from ermask.api.clients import derive_hello_key
from ermask.api.pairing import Exchange, prove
from ermask.api.trust import hello_message
from ermask.errors import StorageFailed

ORIGIN = "moz-extension://7d1c1d4c-0e0a-4d0c-9d0c-0123456789ab"
NONCE = bytes(range(32))


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(pairing, "ITERATIONS", 1)


def decoded(text: object) -> bytes:
    data = decode_base64url(text)
    assert data is not None
    return data


async def pair(served, code: str, *, origin: str | None = ORIGIN, label: str = "Firefox"):
    """(status, answer, exchange) of a whole pairing."""
    headers = {"X-ErMask": "1"} | ({"Origin": origin} if origin else {})
    async with served.post(
        "/v1/pair/begin", {"nonce": encode_base64url(NONCE)}, headers=headers
    ) as answer:
        if answer.status != 200:
            return answer.status, await answer.json(), None
        daemon_nonce = decoded((await answer.json())["nonce"])
    exchange = Exchange(
        client_nonce=NONCE, daemon_nonce=daemon_nonce, port=served.port, origin=origin, label=label
    )
    entries = {
        "nonce": encode_base64url(daemon_nonce),
        "label": label,
        "proof": encode_base64url(prove(exchange.derive(code).client, exchange.transcript())),
    }
    async with served.post("/v1/pair/finish", entries, headers=headers) as answer:
        return answer.status, await answer.json(), exchange


@pytest.mark.parametrize("origin", [ORIGIN, None])
async def test_pairing_gives_a_token_that_works(served, origin):
    code = served.daemon.pairing.open()
    status, answer, exchange = await pair(served, code, origin=origin)
    assert status == 200
    keys, transcript = exchange.derive(code), exchange.transcript()
    raw = {name: decoded(answer[name]) for name in ("proof", "iv", "token")}
    assert raw["proof"] == prove(keys.daemon, transcript)
    token = AESGCM(keys.token).decrypt(
        raw["iv"], raw["token"], transcript + answer["client"].encode()
    )
    headers = {"X-ErMask": "1", "Authorization": f"Bearer {encode_base64url(token)}"}
    headers |= {"Origin": origin} if origin else {}
    async with served.post("/v1/status", headers=headers) as response:
        assert response.status == 200
    entry = served.daemon.clients.all()[-1]
    assert (entry.id, entry.label, entry.origin) == (answer["client"], "Firefox", origin)


async def test_whoever_waits_sees_no_closed_window_before_the_client(served, monkeypatch):
    add, may_add, seen = served.daemon.clients.add, threading.Event(), []
    monkeypatch.setattr(served.daemon.clients, "add", lambda *each: may_add.wait() and add(*each))
    code = served.daemon.pairing.open()
    pairing_it = asyncio.create_task(pair(served, code))
    while served.daemon.pairing.is_open:
        await asyncio.sleep(0.01)
    for _ in range(2):
        async with served.post("/v1/control/status", headers=served.control_headers) as answer:
            seen.append((await answer.json())["pairing_seconds"] > 0)
        if not may_add.is_set():
            assert len(served.daemon.clients.all()) == 1
            assert (await pair(served, code))[1]["code"] == "unauthorized"
        may_add.set()
        await pairing_it
    assert seen == [True, False]
    assert len(served.daemon.clients.all()) == 2


async def test_a_client_that_cannot_be_kept_is_not_waited_for(served, monkeypatch):
    def add(label, origin):
        raise StorageFailed("The disk is full.")

    monkeypatch.setattr(served.daemon.clients, "add", add)
    status, answer, _ = await pair(served, served.daemon.pairing.open())
    assert (status, answer["code"]) == (507, "storage_failed")
    assert served.daemon.pairing.seconds_left == 0


async def test_the_routes_are_not_there_while_the_window_is_closed(served):
    status, answer, _ = await pair(served, "ZZZZ-ZZZZ")
    assert (status, answer["code"]) == (401, "unauthorized")
    code = served.daemon.pairing.open()
    served.daemon.pairing.close()
    status, answer, _ = await pair(served, code)
    assert (status, answer["code"]) == (401, "unauthorized")


async def test_a_wrong_code_is_said_to_be_wrong_twice(served):
    served.daemon.pairing.open()
    for expected in ["pairing_failed"] * 3 + ["unauthorized"]:
        _, answer, _ = await pair(served, "OOOO-OOOO")
        assert answer["code"] == expected
    assert len(served.daemon.clients.all()) == 1


async def test_pages_cannot_pair(served):
    code = served.daemon.pairing.open()
    status, answer, _ = await pair(served, code, origin="https://evil.test")
    assert (status, answer["code"]) == (403, "forbidden")


@pytest.mark.parametrize("label", ["", "x" * 65, "a\nb", "\x1b[31m", 5])
async def test_labels_are_short_and_printable(served, label):
    code = served.daemon.pairing.open()
    headers = {"X-ErMask": "1"}
    async with served.post(
        "/v1/pair/begin", {"nonce": encode_base64url(NONCE)}, headers=headers
    ) as answer:
        nonce = (await answer.json())["nonce"]
    entries = {"nonce": nonce, "label": label, "proof": encode_base64url(bytes(32))}
    async with served.post("/v1/pair/finish", entries, headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "bad_request")
    assert served.daemon.pairing.is_open
    assert code


async def hello(served, client: str, origin: str | None):
    headers = {"X-ErMask": "1"} | ({"Origin": origin} if origin else {})
    entries = {"client": client, "nonce": encode_base64url(NONCE)}
    async with served.post("/v1/hello", entries, headers=headers) as answer:
        assert answer.status == 200
        found = await answer.json()
    assert set(found) == {"nonce", "proof"}
    return decode_base64url(found["nonce"]), decode_base64url(found["proof"])


async def test_hello_proves_the_daemon(served):
    nonce, proof = await hello(served, served.client.id, served.client.origin)
    key = derive_hello_key(served.token)
    assert proof == prove(key, hello_message(NONCE, nonce, served.port))
    assert proof != prove(key, hello_message(NONCE, nonce, served.port + 1))
    again, second = await hello(served, served.client.id, served.client.origin)
    assert (again, second) != (nonce, proof)


async def test_hello_to_strangers_looks_the_same_and_proves_nothing(served):
    key = derive_hello_key(served.token)
    for client, origin in (
        ("0" * 16, served.client.origin),
        ("nobody", None),
        (served.client.id, None),
        (served.client.id, ORIGIN),
    ):
        nonce, proof = await hello(served, client, origin)
        assert (len(nonce), len(proof)) == (32, 32)
        assert proof != prove(key, hello_message(NONCE, nonce, served.port))
        again, second = await hello(served, client, origin)
        assert (again, second) != (nonce, proof)
