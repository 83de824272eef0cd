from __future__ import annotations

import hashlib
import json
import os
import stat

import pytest

from ermask.api.clients import Clients, derive_hello_key
from ermask.errors import BadSettings, NotFound, StorageFailed, UnsafePermissions

ORIGIN = "moz-extension://7d1c1d4c-0e0a-4d0c-9d0c-0123456789ab"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "clients.json"


def test_a_client_is_recognised_after_a_restart(path):
    client, token = Clients(path).add("Firefox", ORIGIN)
    again = Clients(path)
    assert again.match(token) == client
    assert again.all() == [client]
    assert again.hello_key(client.id, ORIGIN) == derive_hello_key(token)


def test_other_tokens_match_nobody(path):
    clients = Clients(path)
    _, token = clients.add("Firefox", ORIGIN)
    flipped = bytes([token[0] ^ 1, *token[1:]])
    for wrong in (b"", flipped, token[:-1], token + b"\0", hashlib.sha256(token).digest()):
        assert clients.match(wrong) is None


def test_the_file_holds_nothing_that_opens_the_daemon(path):
    client, token = Clients(path).add("Firefox", ORIGIN)
    content = path.read_text()
    assert token.hex() not in content
    stored = json.loads(content)["clients"][0]
    # neither derived value is a token, and the two do not follow from each other
    for name in ("hello_key", "bearer_hash"):
        assert Clients(path).match(bytes.fromhex(stored[name])) is None
    assert derive_hello_key(bytes.fromhex(client.bearer_hash)).hex() != client.hello_key
    assert client.hello_key not in repr(client)


@pytest.mark.skipif(os.name != "posix", reason="POSIX modes")
def test_the_file_is_private_and_must_stay_so(path):
    Clients(path).add("Firefox", ORIGIN)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(UnsafePermissions):
        Clients(path)


def test_revoked_is_gone_for_good(path):
    clients = Clients(path)
    first, token = clients.add("Firefox", ORIGIN)
    second, _ = clients.add("Chrome", "chrome-extension://abc")
    assert clients.revoke(first.id) == first
    assert clients.match(token) is None
    assert Clients(path).all() == [second]
    with pytest.raises(NotFound):
        clients.revoke(first.id)


def test_an_unknown_id_gets_a_key_of_nobody(path):
    clients = Clients(path)
    client, _ = clients.add("Firefox", ORIGIN)
    decoy = clients.hello_key("0" * 16, ORIGIN)
    assert len(decoy) == 32
    # the same for every unknown id, so that asking twice tells nothing; and for a wrong origin
    assert clients.hello_key("1" * 16, None) == decoy
    assert clients.hello_key(client.id, None) == decoy
    assert clients.hello_key(client.id, ORIGIN) != decoy
    assert Clients(path).hello_key("0" * 16, ORIGIN) != decoy


def test_public_shows_no_keys(path):
    client, _ = Clients(path).add("Firefox", ORIGIN)
    assert set(client.public()) == {"id", "label", "origin", "created", "last_used"}


def test_touch_writes_once_a_day(path):
    clients = Clients(path)
    client, _ = clients.add("Firefox", ORIGIN)
    entries = json.loads(path.read_text())
    entries["clients"][0]["last_used"] = "2020-01-01"
    path.write_text(json.dumps(entries))
    clients = Clients(path)
    old = clients.all()[0]
    clients.touch(old)
    touched = clients.all()[0]
    assert touched.last_used == client.last_used
    written = path.stat().st_mtime_ns
    clients.touch(touched)
    clients.touch(old)
    assert path.stat().st_mtime_ns == written


def test_a_failed_write_changes_nothing(path, monkeypatch):
    clients = Clients(path)
    client, token = clients.add("Firefox", ORIGIN)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ermask.api.clients.write_private", full)
    with pytest.raises(StorageFailed):
        clients.add("Chrome", None)
    with pytest.raises(StorageFailed):
        clients.revoke(client.id)
    assert clients.all() == [client]
    assert clients.match(token) == client


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 2, "clients": []}',
        '{"version": 1, "clients": [{}]}',
        '{"version": 1, "clients": {"a": 1}}',
        '{"version": 1, "clients": null}',
    ],
)
def test_a_damaged_file_is_said_to_be(path, content):
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(BadSettings, match="damaged"):
        Clients(path)
