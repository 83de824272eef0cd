"""Circles and their keys, with each kind of vault."""

from __future__ import annotations

import logging
import stat
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ermask.circles import check_label
from ermask.errors import BadKey, BadLabel, CircleExists, ErmaskError, UnknownCircle
from ermask.keys import Key
from ermask.keystore import KeyStore
from ermask.sealed import Cost

CHEAP = Cost(memory_kib=8, rounds=1, lanes=1)


def test_a_new_circle_is_there_in_the_next_process(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    family, friends = store.new("Family"), store.new("Friends")
    assert any_store().list() == [family, friends]
    assert any_store().keys() == [(c, store.key(c)) for c in (family, friends)]
    key = any_store().key(family)
    assert (key.id, key.fingerprint) == (family.id, family.fingerprint)
    assert key != store.key(friends)


def test_an_empty_store_creates_nothing(any_store: Callable[..., KeyStore], tmp_path: Path) -> None:
    store = any_store()
    assert (store.list(), store.keys()) == ([], [])
    with pytest.raises(UnknownCircle):
        store.find("family")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("name", ["Ärzte", "ärzte", " ÄRZTE ", "A\u0308rzte"])
def test_find_by_label(any_store: Callable[..., KeyStore], name: str) -> None:
    store = any_store()
    circle = store.new("Ärzte")
    store.new("Family")
    assert store.find(name) == circle


def test_find_by_id(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    circle = store.new("Family")
    assert store.find(circle.id) == store.find(circle.id.upper()) == circle


def test_an_unknown_circle_names_its_neighbours(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    store.new("Family")
    store.new("Work")
    with pytest.raises(UnknownCircle, match="Did you mean 'Family'") as caught:
        store.find("fmaily")
    assert "Work" not in caught.value.message


def test_rename(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    circle, other = store.new("Family"), store.new("Friends")
    renamed = store.rename(circle, "family")
    assert (renamed.label, renamed.id) == ("family", circle.id)
    assert any_store().list() == [renamed, other]
    assert store.key(circle) == any_store().key(renamed)
    with pytest.raises(CircleExists, match="'Friends'"):
        store.rename(renamed, "FRIENDS")
    assert any_store().list() == [renamed, other]


def test_delete(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    circle, other = store.new("Family"), store.new("Friends")
    store.delete(circle)
    assert any_store().keys() == [(other, store.key(other))]
    for action in (store.key, store.delete, lambda gone: store.rename(gone, "New")):
        with pytest.raises(UnknownCircle):
            action(circle)


def test_add_a_key_from_elsewhere(any_store: Callable[..., KeyStore]) -> None:
    store, key = any_store(), Key.generate()
    circle = store.add("Anna", key)
    assert any_store().key(circle) == key


def test_duplicates(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    circle = store.new("Family")
    with pytest.raises(CircleExists, match="already a circle 'Family'"):
        store.new("FAMILY")
    with pytest.raises(CircleExists, match="as circle 'Family'"):
        store.add("Other", store.key(circle))
    assert any_store().list() == [circle]


def test_a_deleted_circle_can_come_back(any_store: Callable[..., KeyStore]) -> None:
    store = any_store()
    circle = store.new("Family")
    key = store.key(circle)
    store.delete(circle)
    assert any_store().key(any_store().add("Family", key)) == key


def test_key_files_travel(any_store: Callable[..., KeyStore], tmp_path: Path) -> None:
    store = any_store()
    circle = store.new("Family")
    data = store.export_file(circle, "four words")
    friend = KeyStore(tmp_path / "friend", tmp_path / "friend", vault="file", cost=CHEAP)
    received = friend.import_file(data, "four words")
    assert received == circle
    assert friend.key(received) == store.key(circle)
    with pytest.raises(CircleExists):
        friend.import_file(data, "four words", "Other")
    friend.delete(received)
    assert friend.import_file(data, "four words", " Mum ").label == "Mum"
    with pytest.raises(BadKey, match="passphrase is wrong"):
        friend.import_file(data, "five words")


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("Family", "Family"),
        ("  My lawyer ", "My lawyer"),
        ("A\u0308rzte", "Ärzte"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("x" * 64, "x" * 64),
        ("../..".replace("/", ""), "...."),
    ],
)
def test_labels(label: str, kept: str) -> None:
    assert check_label(label) == kept


@pytest.mark.parametrize(
    "label",
    [
        "", "   ", "\u200b", "\u200d", "x" * 65, "two\nlines", "bell\a", "left\u202eright",
        "\ud800", "line\u2028line", "../family", "a\\b", "0123456789abcdef",
        "ermask-key-1qyqszqgpqyqszqgp",
    ],
)  # fmt: skip
def test_labels_that_cannot_be(any_store: Callable[..., KeyStore], label: str) -> None:
    store = any_store()
    with pytest.raises(BadLabel):
        store.new(label)
    circle = store.new("Family")
    with pytest.raises(BadLabel):
        store.rename(circle, label)
    assert any_store().list() == [circle]


@pytest.mark.skipif(sys.platform == "win32", reason="no POSIX modes")
def test_files_are_private(open_store: Callable[..., KeyStore], tmp_path: Path) -> None:
    open_store(vault="file").new("Family")
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "state", *(tmp_path / "data").rglob("*"), *tmp_path.glob("state/*")]
    }
    assert modes == {
        "state": 0o700, "keys": 0o700, "circles.json": 0o600, "keys.sealed": 0o600,
        "machine.key": 0o600, "lock": 0o600,
    }  # fmt: skip


def test_nothing_shows_a_secret(
    any_store: Callable[..., KeyStore],
    keychain: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = bytes(range(100, 132))
    key, passphrase = Key(secret), "swordfish swordfish"
    refused = Key(bytes(range(1, 33)))
    store = any_store(passphrase=passphrase)
    circle = store.add("Family", key)
    data = store.export_file(circle, passphrase)

    def with_locked_keychain() -> None:
        keychain.locked = True
        store.add("Fresh", refused)
        any_store(passphrase=passphrase[:5]).key(circle)

    shown = [repr(store), repr(circle), repr(store.keys()), data.decode()]
    for action in (
        lambda: store.add("Other", key),
        lambda: store.new(key.text()),
        lambda: store.rename(circle, key.text().upper()),
        lambda: store.find(key.text()),
        lambda: store.import_file(data, passphrase),
        lambda: store.import_file(data, passphrase + "!"),
        lambda: store.import_file(key.text().encode(), passphrase),
        lambda: store.set_passphrase(passphrase + "?", passphrase),
        with_locked_keychain,
    ):
        with pytest.raises(ErmaskError) as caught:
            action()
        error = caught.value
        shown.append("".join(traceback.format_exception(error)) + f"{error!r} {error.hint}")
    shown += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    everything = ("\n".join(shown) + caplog.text).lower()
    forms = (secret.hex(), repr(secret)[2:-1], key.text()[12:], refused.text()[12:])
    for hidden in (*forms, "swordfish"):
        assert hidden.lower() not in everything
