from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ermask.api import pairing
from ermask.api.body import decode_base64url
from ermask.api.clients import derive_hello_key
from ermask.api.pairing import Exchange, Keys, Pairing, canonical, prove, seal
from ermask.api.trust import hello_message
from ermask.errors import NotFound, PairingFailed

FILE = Path(__file__).parents[2] / "vectors" / "pairing.json"
VECTORS = json.loads(FILE.read_text("utf-8"))["vectors"]


class Vector:
    def __init__(self, entries: dict[str, Any]) -> None:
        self.text = entries

    def __getattr__(self, name: str) -> bytes:
        data = decode_base64url(self.text[name])
        assert data is not None
        return data

    @property
    def exchange(self) -> Exchange:
        return Exchange(
            client_nonce=self.client_nonce,
            daemon_nonce=self.daemon_nonce,
            port=self.text["port"],
            origin=self.text["origin"],
            label=self.text["label"],
        )


@pytest.mark.parametrize("entries", VECTORS, ids=[entries["id"] for entries in VECTORS])
def test_vectors(entries):
    vector = Vector(entries)
    exchange = vector.exchange
    assert canonical(entries["typed"]) == entries["canonical"]
    assert exchange.transcript() == vector.transcript
    keys = exchange.derive(entries["typed"])
    assert keys == Keys(vector.client_key, vector.daemon_key, vector.token_key)
    assert prove(keys.client, vector.transcript) == vector.client_proof
    assert prove(keys.daemon, vector.transcript) == vector.daemon_proof
    sealed = seal(keys.token, vector.token, entries["client"], vector.transcript, vector.iv)
    assert sealed == vector.sealed_token
    opened = AESGCM(keys.token).decrypt(
        vector.iv, sealed, vector.transcript + entries["client"].encode()
    )
    assert opened == vector.token
    assert derive_hello_key(vector.token) == vector.hello_key
    message = hello_message(vector.hello_client_nonce, vector.hello_daemon_nonce, entries["port"])
    assert prove(vector.hello_key, message) == vector.hello_proof


@pytest.fixture
def fast(monkeypatch):
    """One iteration instead of 600,000: for tests of the window, not of the derivation."""
    monkeypatch.setattr(pairing, "ITERATIONS", 1)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def begun(window: Pairing, **changes: Any) -> Exchange:
    client_nonce = bytes(32)
    daemon_nonce = window.begin(client_nonce)
    entries: dict[str, Any] = {"port": 7411, "origin": None, "label": "x", **changes}
    return Exchange(client_nonce=client_nonce, daemon_nonce=daemon_nonce, **entries)


def proof(exchange: Exchange, code: str) -> bytes:
    return prove(exchange.derive(code).client, exchange.transcript())


def wrong(code: str) -> str:
    return code[:-1] + ("0" if code[-1] != "0" else "1")


def test_codes_are_readable_and_differ():
    window = Pairing()
    codes = {window.open() for _ in range(200)}
    assert len(codes) == 200
    form = re.compile(f"[{pairing.ALPHABET}]{{4}}-[{pairing.ALPHABET}]{{4}}")
    assert all(form.fullmatch(code) for code in codes)
    assert len(set(pairing.ALPHABET)) == 32
    # what the alphabet leaves out is what people mistype, and is read as what they meant
    assert canonical("oil-OIL") == "011011"


async def test_the_right_code_once(fast):
    window = Pairing()
    code = window.open()
    exchange = begun(window)
    assert window.client_nonce(exchange.daemon_nonce) == bytes(32)
    keys = await window.check(exchange, proof(exchange, code))
    assert keys == exchange.derive(code)
    assert not window.is_open
    with pytest.raises(PairingFailed):
        await window.check(exchange, proof(exchange, code))


async def test_a_window_opened_while_a_client_is_kept_stays_open(fast):
    window = Pairing()
    code = window.open()
    exchange = begun(window)
    await window.check(exchange, proof(exchange, code))
    window.open()
    window.finish()
    assert window.is_open


async def test_a_client_that_came_at_the_last_moment_is_waited_for(fast):
    clock = Clock()
    window = Pairing(clock=clock)
    code = window.open()
    clock.now += pairing.WINDOW_S - 0.1
    exchange = begun(window)
    await window.check(exchange, proof(exchange, code))
    clock.now += 1
    assert window.seconds_left > 0
    window.finish()
    assert window.seconds_left == 0


async def test_three_failures_close_the_window(fast):
    window = Pairing()
    code = window.open()
    for left in (True, True, False):
        exchange = begun(window)
        with pytest.raises(PairingFailed):
            await window.check(exchange, proof(exchange, wrong(code)))
        assert window.is_open is left


async def test_many_at_once_are_no_more_than_three(fast):
    window = Pairing()
    code = window.open()
    exchanges = [begun(window) for _ in range(6)]
    tries = [window.check(each, proof(each, wrong(code))) for each in exchanges[:3]]
    tries += [window.check(each, proof(each, code)) for each in exchanges[3:]]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(outcome, PairingFailed) for outcome in outcomes)
    assert not window.is_open


@pytest.mark.parametrize(
    "changes",
    [{"port": 7412}, {"origin": "chrome-extension://abc"}, {"label": "y"}],
    ids=["port", "origin", "label"],
)
async def test_both_sides_must_mean_the_same_exchange(fast, changes):
    window = Pairing()
    code = window.open()
    theirs = begun(window)
    ours = Exchange(**{**vars(theirs), **changes})
    with pytest.raises(PairingFailed):
        await window.check(ours, proof(theirs, code))


def test_no_two_exchanges_have_one_transcript():
    def transcript(origin: str, label: str) -> bytes:
        nonces = {"client_nonce": bytes(32), "daemon_nonce": bytes(32)}
        return Exchange(**nonces, port=1, origin=origin, label=label).transcript()

    assert transcript("ab", "c") != transcript("a", "bc")
    assert transcript("", "abc") != transcript("abc", "")


def test_the_window_closes_after_two_minutes():
    clock = Clock()
    window = Pairing(clock=clock)
    assert not window.is_open
    window.open()
    clock.now += 119.9
    assert window.is_open
    clock.now += 0.2
    assert not window.is_open
    window.open()
    assert window.is_open


async def test_a_proof_that_comes_too_late_fails(fast):
    clock = Clock()
    window = Pairing(clock=clock)
    code = window.open()
    exchange = begun(window)
    late = proof(exchange, code)
    clock.now += 121
    with pytest.raises(PairingFailed):
        await window.check(exchange, late)


async def test_a_new_code_makes_the_old_one_worthless(fast):
    window = Pairing()
    old = window.open()
    exchange = begun(window)
    window.open()
    with pytest.raises(PairingFailed):
        await window.check(exchange, proof(exchange, old))
    with pytest.raises(NotFound):
        window.client_nonce(exchange.daemon_nonce)


def test_begun_exchanges_are_few_and_finished_once():
    window = Pairing()
    window.open()
    nonces = [window.begin(bytes([index] * 32)) for index in range(pairing.MAX_BEGUN + 1)]
    with pytest.raises(NotFound):
        window.client_nonce(nonces[0])
    assert window.client_nonce(nonces[1]) == bytes([1] * 32)
    with pytest.raises(NotFound):
        window.client_nonce(nonces[1])
