"""Keys: every form against tests/vectors/keys.json, and that the secret stays inside."""

from __future__ import annotations

import copy
import hashlib
import json
import pickle
import string
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ermask import bech32m, contract
from ermask.errors import BadKey
from ermask.keys import Key, looks_like_key

VECTORS = Path(__file__).parents[1] / "vectors" / "keys.json"
CASES = json.loads(VECTORS.read_text())["cases"]

# What the message of a refused key text must say, by the vector's failure.
MESSAGES = {
    "kind": "not an ermask key",
    "fingerprint": "a fingerprint, not a key",
    "checksum": "typing mistake: its checksum",
    "character": "typing mistake: character",
    "short": "too short",
    "long": "too long",
    "case": "mixes capital and small",
    "version": "this ermask reads version 1",
}


def cases(flag: str, *, good: bool = True) -> list[Any]:
    return [
        pytest.param(case, id=f"{case['id']}: {case['comment']}")
        for case in CASES
        if flag in case["flags"] and good == ("result" in case)
    ]


secrets = st.binary(min_size=32, max_size=32)


@pytest.mark.parametrize("case", cases("key"))
def test_forms_of_a_key(case: dict[str, Any]) -> None:
    key = Key(bytes.fromhex(case["input"]["secret"]))
    assert {
        "text": key.text(),
        "id": key.id,
        "fingerprint": key.fingerprint,
        "field_sha256": hashlib.sha256(key.field().astype(np.int8).tobytes()).hexdigest(),
        "mark": key.derive(b"mark", 16).hex(),
        "draws": [draw.id for draw in key.draws],
    } == case["result"]


@pytest.mark.parametrize("case", cases("text"))
def test_pasted_text_is_read(case: dict[str, Any]) -> None:
    assert Key.parse(case["input"]["text"]).id == case["result"]["id"]


@pytest.mark.parametrize("case", cases("text", good=False))
def test_refused_text_says_why_and_is_not_quoted(case: dict[str, Any]) -> None:
    text = case["input"]["text"]
    with pytest.raises(BadKey) as caught:
        Key.parse(text)
    assert MESSAGES[case["failure"]] in caught.value.message
    shown = "".join(traceback.format_exception(caught.value)) + str(caught.value.hint)
    rest = text.lower().replace("ermask-key-1", "")
    assert not any(rest[start : start + 8] in shown.lower() for start in range(len(rest) - 7))


@pytest.mark.parametrize("case", cases("bech32m"))
def test_bech32m_accepts_bip_350(case: dict[str, Any]) -> None:
    text = case["input"]["text"]
    prefix, symbols = bech32m.decode_symbols(text)
    assert text.lower() == prefix + "1" + text.lower()[len(prefix) + 1 :]
    assert len(symbols) == len(text) - len(prefix) - 1 - bech32m.CHECKSUM_LENGTH


@pytest.mark.parametrize("case", cases("bech32m", good=False))
def test_bech32m_refuses_bip_350(case: dict[str, Any]) -> None:
    with pytest.raises(bech32m.Bech32mError):
        bech32m.decode_symbols(case["input"]["text"])


@given(st.binary(max_size=40), st.sampled_from(["a", "ermask-key-", "x1y"]))
def test_bech32m_round_trip(payload: bytes, prefix: str) -> None:
    assert bech32m.decode(bech32m.encode(prefix, payload).upper()) == (prefix, payload)


@pytest.mark.parametrize("prefix", ["", "Upper", "with space", "\u00fc"])
def test_bech32m_refuses_to_write_a_bad_prefix(prefix: str) -> None:
    with pytest.raises(ValueError, match="human-readable"):
        bech32m.encode(prefix, b"payload")


def test_bech32m_refuses_to_write_too_much() -> None:
    with pytest.raises(ValueError, match="at most 90"):
        bech32m.encode("a", bytes(60))


@given(secrets)
def test_text_round_trip(secret: bytes) -> None:
    key = Key(secret)
    assert Key.parse(key.text()) == key
    assert len(key.text()) == 71


@given(secrets, st.data())
def test_up_to_three_mistyped_characters_are_noticed(secret: bytes, data: st.DataObject) -> None:
    text = Key(secret).text()
    spots = data.draw(st.sets(st.integers(12, 70), min_size=1, max_size=3))
    typed = list(text)
    for spot in spots:
        others = [each for each in bech32m.ALPHABET if each != text[spot]]
        typed[spot] = data.draw(st.sampled_from(others))
    with pytest.raises(BadKey, match="typing mistake"):
        Key.parse("".join(typed))


@given(st.text(alphabet=string.printable + "\u0130\u212a\ud800", max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(BadKey):
        Key.parse(text)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_secret_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Key(bytes(length))


def test_generated_keys_differ() -> None:
    assert len({Key.generate().id for _ in range(20)}) == 20


def test_the_field_fits_the_contract() -> None:
    field = Key.generate().field()
    assert field.shape == contract.FIELD
    assert field.dtype == np.float32
    assert set(np.unique(field)) == {-1.0, 1.0}


def test_a_field_is_the_callers_own() -> None:
    key = Key.generate()
    key.field()[:] = 0
    assert set(np.unique(key.field())) == {-1.0, 1.0}


def test_one_bit_off_gives_an_unrelated_field() -> None:
    """Agreement of n independent signs has a standard deviation of 1/sqrt(n)."""
    secret = hashlib.sha256(b"one bit").digest()
    field = Key(secret).field().ravel()
    agreements = []
    for bit in range(256):
        flipped = bytearray(secret)
        flipped[bit // 8] ^= 1 << bit % 8
        agreements.append(float(field @ Key(bytes(flipped)).field().ravel()) / field.size)
    assert abs(np.mean(agreements)) < 4 / np.sqrt(256 * field.size)
    assert np.abs(agreements).max() < 5 / np.sqrt(field.size)


def test_draws_are_keys_of_their_own() -> None:
    key = Key.generate()
    assert len(key.draws) == contract.DRAWS
    assert len({key.id, *(draw.id for draw in key.draws)}) == contract.DRAWS + 1
    assert key.draws == Key.parse(key.text()).draws


def test_streams_of_other_purposes_are_unrelated() -> None:
    key = Key.generate()
    streams = [key.derive(info, 64) for info in (b"field", b"mark", b"id", b"fingerprint", b"")]
    assert len(set(streams)) == len(streams)
    bits = np.unpackbits(np.frombuffer(b"".join(streams), np.uint8)).reshape(len(streams), -1)
    agreement = np.corrcoef(bits) - np.eye(len(streams))
    assert np.abs(agreement).max() < 6 / np.sqrt(bits.shape[1])


def test_a_longer_stream_begins_with_the_shorter() -> None:
    key = Key.generate()
    assert key.derive(b"mark", 100)[:10] == key.derive(b"mark", 10)


@pytest.mark.parametrize("length", [0, -1, 8161])
def test_stream_length_out_of_range(length: int) -> None:
    with pytest.raises(ValueError, match="8160"):
        Key.generate().derive(b"mark", length)


def test_equality_is_by_secret() -> None:
    key, other = Key.generate(), Key.generate()
    twin = Key.parse(key.text())
    assert (key == twin, hash(key) == hash(twin)) == (True, True)
    assert key != other
    assert key != key.text()
    assert len({key, twin, other}) == 2


def test_a_key_shows_no_secret() -> None:
    secret = hashlib.sha256(b"not to be shown").digest()
    key = Key(secret)
    shown = f"{key} {key!r} {[key]} {key.id} {key.fingerprint}".lower()
    assert secret.hex()[:8] not in shown
    assert key.text()[12:20] not in shown
    assert key.id in repr(key)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Key.generate(), protocol)


def test_a_key_is_not_copied_or_changed() -> None:
    key = Key.generate()
    with pytest.raises(TypeError):
        copy.deepcopy(key)
    with pytest.raises(AttributeError):
        key._secret = bytes(32)
    with pytest.raises(AttributeError):
        del key._secret
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ermask-key-1qq", True), (" ERMASK KEY 1", True), ("ermask", False), ("family", False)],
)
def test_looks_like_key(text: str, expected: bool) -> None:
    assert looks_like_key(text) is expected
