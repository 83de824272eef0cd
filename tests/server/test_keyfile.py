"""Key files: what goes in comes out, and nothing else opens."""

from __future__ import annotations

import base64
import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ermask.errors import BadKey
from ermask.keyfile import KeyFile, open_key, seal_key
from ermask.keys import Key
from ermask.sealed import Cost, Kdf, NotSealed, SealedFile, WrongSecret, seal

CHEAP = Cost(memory_kib=8, rounds=1, lanes=1)
KEY = Key(bytes(range(32)))
FILE = KeyFile("Family", "2025-01-31T12:00:00Z", KEY)
PASSPHRASE = "four words to remember"  # noqa: S105
SEALED = seal_key(FILE, PASSPHRASE, CHEAP)


def header_of(data: bytes) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(data.splitlines()[0])
    return header


def with_header(data: bytes, **entries: object) -> bytes:
    """The file with other header entries, in canonical form, over the same body."""
    line = json.dumps({**header_of(data), **entries}, sort_keys=True, separators=(",", ":"))
    return line.encode() + b"\n" + data.splitlines()[1]


def with_kdf(data: bytes, **entries: object) -> bytes:
    return with_header(data, kdf={**header_of(data)["kdf"], **entries})


NO_KEY_FILES = {
    "memory over 1 GiB": with_kdf(SEALED, memory_kib=2**20 + 1),
    "memory over 32 bits": with_kdf(SEALED, memory_kib=2**40),
    "memory below Argon2's minimum": with_kdf(SEALED, memory_kib=7),
    "memory as a float": with_kdf(SEALED, memory_kib=8.0),
    "memory as a truth value": with_kdf(SEALED, memory_kib=True),
    "11 rounds": with_kdf(SEALED, rounds=11),
    "no rounds": with_kdf(SEALED, rounds=0),
    "17 lanes": with_kdf(SEALED, lanes=17),
    "lanes as text": with_kdf(SEALED, lanes="1"),
    "short salt": with_kdf(SEALED, salt="00" * 15),
    "long salt": with_kdf(SEALED, salt="00" * 2**12),
    "salt of other letters": with_kdf(SEALED, salt="zz" * 16),
    "no salt": with_kdf(SEALED, salt=None),
    "another kdf": with_kdf(SEALED, name="scrypt"),
    "unknown kdf entry": with_kdf(SEALED, pepper=1),
    "no kdf": with_header(SEALED, kdf=None),
    "another cipher": with_header(SEALED, cipher="rot13"),
    "empty nonce": with_header(SEALED, nonce=""),
    "unknown entry": with_header(SEALED, note="unknown entry"),
    "another format": with_header(SEALED, format="ermask-key-store"),
    "version 0": with_header(SEALED, version=0),
    "version as text": with_header(SEALED, version="1"),
    "version as a truth value": with_header(SEALED, version=True),
    "not canonical": SEALED.replace(b'{"cipher"', b'{ "cipher"'),
    "an entry twice": SEALED.replace(b'"version":1', b'"version":1,"version":1'),
    "not a number": SEALED.replace(b'"version":1', b'"version":NaN'),
    "header only": SEALED.splitlines()[0],
    "a third line": SEALED + b"third line",
    "cut in the header": SEALED[: len(SEALED) // 2],
    "body shorter than its tag": SEALED.splitlines()[0] + b"\nAAAA",
    "body not Base64": SEALED.splitlines()[0] + b"\n*",
    "empty": b"",
    "arrays": b"[]\n[]",
    "deep nesting": b"[" * 100_000 + b"\nAAAA",
    "binary": b"\x00\xff\xfe" * 100,
    "a key text": KEY.text().encode(),
    "five megabytes": b"A" * (5 * 2**20),
}


def test_round_trip_at_the_default_cost() -> None:
    data = seal_key(FILE, PASSPHRASE)
    assert open_key(data, PASSPHRASE) == FILE
    kdf = header_of(data)["kdf"]
    assert (kdf["name"], kdf["memory_kib"], kdf["rounds"], kdf["lanes"]) == (
        "argon2id", 65_536, 3, 4,
    )  # fmt: skip


def test_the_header_is_readable_and_the_secret_is_not() -> None:
    header = header_of(SEALED)
    assert (header["label"], header["id"]) == ("Family", KEY.id)
    hidden = base64.b64decode(SEALED.splitlines()[1])
    for form in (KEY.text().encode(), bytes(range(32)), bytes(range(32)).hex().encode()):
        assert form not in SEALED
        assert form not in hidden


def test_two_files_of_one_key_share_nothing() -> None:
    other = seal_key(FILE, PASSPHRASE, CHEAP)
    assert header_of(other)["kdf"]["salt"] != header_of(SEALED)["kdf"]["salt"]
    assert other.splitlines()[1] != SEALED.splitlines()[1]


def test_line_ends_and_white_space_around_lines_do_not_matter() -> None:
    mailed = b"\r\n" + SEALED.replace(b"\n", b" \r\n") + b"\r\n"
    assert open_key(mailed, PASSPHRASE) == FILE


def test_a_passphrase_may_be_composed_in_another_way() -> None:
    typed = "Gr\u00fc\u00dfe"
    data = seal_key(FILE, typed, CHEAP)
    assert open_key(data, unicodedata.normalize("NFD", typed)) == FILE


@pytest.mark.parametrize("passphrase", ["", "\ud800"])
def test_passphrases_that_cannot_be(passphrase: str) -> None:
    with pytest.raises(BadKey, match="passphrase"):
        seal_key(FILE, passphrase, CHEAP)
    with pytest.raises(BadKey, match="passphrase"):
        open_key(SEALED, passphrase)


@pytest.mark.parametrize("passphrase", ["Four words to remember", PASSPHRASE + " ", "x"])
def test_a_wrong_passphrase(passphrase: str) -> None:
    with pytest.raises(BadKey, match="the passphrase is wrong, or the file was changed"):
        open_key(SEALED, passphrase)


@pytest.mark.parametrize(
    "changed",
    [
        with_header(SEALED, label="Friends"),
        with_header(SEALED, created="2025-01-31T12:00:01Z"),
        with_header(SEALED, id="0" * 16),
        with_header(SEALED, nonce="0" * 24),
        with_kdf(SEALED, salt="0" * 32),
        with_kdf(SEALED, rounds=2),
        with_kdf(SEALED, memory_kib=16),
    ],
    ids=["label", "created", "id", "nonce", "salt", "rounds", "memory"],
)
def test_a_changed_header_looks_like_a_wrong_passphrase(changed: bytes) -> None:
    with pytest.raises(BadKey, match="the passphrase is wrong, or the file was changed"):
        open_key(changed, PASSPHRASE)


def test_every_changed_byte_of_the_body_is_noticed() -> None:
    line, text = SEALED.splitlines()
    body = base64.b64decode(text)
    for spot in range(len(body)):
        changed = body[:spot] + bytes([body[spot] ^ 1]) + body[spot + 1 :]
        with pytest.raises(BadKey, match="the passphrase is wrong, or the file was changed"):
            open_key(line + b"\n" + base64.b64encode(changed), PASSPHRASE)


@pytest.mark.parametrize("name", NO_KEY_FILES)
def test_what_is_no_key_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of them may get as far as Argon2id, which is where the memory goes."""

    def refuse(*_: object, **__: object) -> bytes:
        raise AssertionError("Argon2id ran")

    monkeypatch.setattr(Kdf, "key", refuse)
    with pytest.raises(BadKey, match="not a key file, or it is damaged"):
        open_key(NO_KEY_FILES[name], PASSPHRASE)


def test_a_newer_version_is_said_to_be_newer() -> None:
    with pytest.raises(BadKey, match="made by a newer ermask") as caught:
        open_key(with_header(SEALED, version=2, kdf={"name": "new"}), PASSPHRASE)
    assert "Update" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("entries", "content"),
    [
        ({"id": "0" * 16}, KEY.text()),
        ({"label": "two\nlines"}, KEY.text()),
        ({"label": 6 * "far too long "}, KEY.text()),
        ({"created": "yesterday"}, KEY.text()),
        ({}, Key(bytes(32)).text()),
        ({}, "no key"),
        ({}, KEY.text()[:-1]),
    ],
    ids=["id", "control character", "long label", "time", "another key", "no key", "cut key"],
)
def test_a_sealed_contradiction(entries: dict[str, str], content: str) -> None:
    """The author of a file knows its passphrase, and may still be hostile."""
    kdf = Kdf.fresh(CHEAP)
    header = {key: value for key, value in header_of(SEALED).items() if key not in ("nonce",)}
    header |= {"kdf": kdf.to_header(), **entries}
    data = seal(header, kdf.key(PASSPHRASE), content.encode())
    with pytest.raises(BadKey, match="does not fit together"):
        open_key(data, PASSPHRASE)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadKey, match="not a key file"):
        open_key(data, PASSPHRASE)


@given(st.binary(max_size=100), st.text(max_size=20))
def test_a_sealed_file_gives_back_its_content(content: bytes, note: str) -> None:
    key = bytes(32)
    data = seal({"format": "test", "version": 1, "note": note}, key, content)
    file = SealedFile.read(data, file_format="test", version=1)
    assert (file.open(key), file.header["note"]) == (content, note)
    with pytest.raises(WrongSecret):
        file.open(bytes([1]) * 32)


def test_a_file_that_asks_for_more_memory_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def derive(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(Kdf, "key", derive)
    with pytest.raises(BadKey, match="more memory"):
        open_key(SEALED, PASSPHRASE)


def test_costs_within_the_limits() -> None:
    Cost(memory_kib=2**20, rounds=10, lanes=16).check()
    with pytest.raises(NotSealed):
        Cost(memory_kib=127, rounds=1, lanes=16).check()
