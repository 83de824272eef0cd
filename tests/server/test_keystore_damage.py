"""The key store when its files are damaged, lost, of a newer version, or open to others."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ermask.errors import KeyStoreCorrupt, KeyStoreLocked, StorageFailed, UnsafePermissions
from ermask.keys import Key
from ermask.keystore import KeyStore

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")


def edited(data: bytes, **entries: object) -> bytes:
    return json.dumps({**json.loads(data), **entries}).encode()


def with_circle(data: bytes, **entries: object) -> bytes:
    first, *rest = json.loads(data)["circles"]
    return edited(data, circles=[{**first, **entries}, *rest])


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "binary": lambda data: b"\x00\xff" * 50,
    "an array": lambda data: b"[]",
    "deep nesting": lambda data: b"[" * 100_000,
    "another format": lambda data: edited(data, format="other"),
    "version as text": lambda data: edited(data, version="1"),
    "unknown entry": lambda data: edited(data, extra=1),
    "unknown vault": lambda data: edited(data, vault="cloud"),
    "store name": lambda data: edited(data, store="../.."),
    "circles no array": lambda data: edited(data, circles=1),
    "pending no ids": lambda data: edited(data, pending=["x"]),
    "pending no texts": lambda data: edited(data, pending=[1]),
    "id": lambda data: with_circle(data, id="../../etc/passwd"),
    "label": lambda data: with_circle(data, label="a\u202eb"),
    "label twice": lambda data: with_circle(data, label="WORK"),
    "time": lambda data: with_circle(data, created="now"),
    "fingerprint": lambda data: with_circle(data, fingerprint="12345"),
    "circle entry": lambda data: with_circle(data, secret="x"),  # noqa: S106
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_index(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path, damage: str
) -> None:
    """Refused by reading and writing alike, and left as it is for whoever repairs it."""
    index = store_folder / "circles.json"
    bad = DAMAGE[damage](index.read_bytes())
    index.write_bytes(bad)
    sealed = (store_folder / "keys.sealed").read_bytes()
    for action in (KeyStore.list, KeyStore.keys, lambda store: store.new("Friends")):
        with pytest.raises(KeyStoreCorrupt, match="list of circles is damaged"):
            action(open_store())
    assert (index.read_bytes(), (store_folder / "keys.sealed").read_bytes()) == (bad, sealed)


def test_a_lost_index_is_not_started_anew(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path
) -> None:
    (store_folder / "circles.json").unlink()
    for action in (KeyStore.list, lambda store: store.new("Family")):
        with pytest.raises(KeyStoreCorrupt, match=r"circles\.json is missing"):
            action(open_store())


@pytest.mark.parametrize("name", ["circles.json", "keys.sealed"])
def test_files_of_a_newer_version(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path, name: str
) -> None:
    line, *rest = (
        (store_folder / name).read_bytes().split(b"\n", 0 if name == "circles.json" else 1)
    )
    (store_folder / name).write_bytes(b"\n".join([edited(line, version=2), *rest]))
    for action in (KeyStore.keys, lambda store: store.new("Friends")):
        with pytest.raises(KeyStoreLocked, match="newer ermask") as caught:
            action(open_store())
        assert "Update" in str(caught.value.hint)


@pytest.mark.parametrize("length", [0, 10, 120, -1, -30])
def test_a_cut_sealed_file(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path, length: int
) -> None:
    sealed = store_folder / "keys.sealed"
    bad = sealed.read_bytes().strip()[:length]
    sealed.write_bytes(bad)
    for action in (KeyStore.keys, lambda store: store.new("Friends")):
        with pytest.raises((KeyStoreCorrupt, KeyStoreLocked)):
            action(open_store())
    assert sealed.read_bytes() == bad
    assert len(open_store().list()) == 2


def test_a_lost_sealed_file(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path
) -> None:
    """It may come back from a backup: no new one takes its place until the circles are deleted."""
    (store_folder / "keys.sealed").unlink()
    for action in (KeyStore.keys, lambda store: store.new("Friends")):
        with pytest.raises(KeyStoreCorrupt, match="missing"):
            action(open_store())
    for circle in open_store().list():
        open_store().delete(circle)
    assert open_store(vault="file").new("Friends") in open_store().list()


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33])
def test_a_damaged_machine_key(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], tmp_path: Path, text: str
) -> None:
    (tmp_path / "state" / "machine.key").write_text(text)
    with pytest.raises(KeyStoreCorrupt, match=r"machine\.key is damaged"):
        open_store().keys()


def test_another_machine_key(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], tmp_path: Path
) -> None:
    (tmp_path / "state" / "machine.key").write_text("00" * 32)
    with pytest.raises(KeyStoreLocked, match="do not open"):
        open_store().keys()


def test_a_keychain_entry_of_another_key(
    keychain: Any, open_store: Callable[..., KeyStore]
) -> None:
    circle = open_store().new("Family")
    for text in (Key.generate().text(), "no key"):
        keychain.entries = dict.fromkeys(keychain.entries, text)
        with pytest.raises(KeyStoreCorrupt, match="'Family' is missing or damaged"):
            open_store().key(circle)


def test_a_keychain_that_forgets(
    keychain: Any, open_store: Callable[..., KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(keychain), "set_password", lambda *_: None)
    with pytest.raises(KeyStoreLocked, match="did not keep it"):
        open_store().new("Family")
    assert open_store().list() == []


def test_a_key_that_could_not_be_erased_is_erased_later(
    keychain: Any, open_store: Callable[..., KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = open_store().new("Family")
    open_store().new("Work")
    with monkeypatch.context() as patch:

        def refuse(*_: object) -> None:
            raise OSError("keychain is gone")

        patch.setattr(type(keychain), "delete_password", refuse)
        with pytest.raises(KeyStoreLocked, match="refused to remove"):
            open_store().delete(circle)
        work = open_store().rename(open_store().find("Work"), "Office")
        assert (open_store().list(), len(keychain.entries)) == ([work], 2)
    open_store().rename(work, "Work")
    assert [name.split(":")[1] for _, name in keychain.entries] == [work.id]


# --- permissions ---------------------------------------------------------------------------------


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
@pytest.mark.parametrize("name", ["data/keys/circles.json", "data/keys/keys.sealed",
                                  "state/machine.key"])  # fmt: skip
def test_files_that_others_can_read(
    sealed_store: KeyStore,
    open_store: Callable[..., KeyStore],
    tmp_path: Path,
    name: str,
    mode: int,
) -> None:
    path = tmp_path / name
    path.chmod(mode)
    with pytest.raises(UnsafePermissions, match=path.name) as caught:
        open_store().keys()
    command = str(caught.value.hint).partition("run: ")[2]
    subprocess.run(shlex.split(command), check=True)
    assert len(open_store().keys()) == 2


@posix
def test_a_folder_that_others_can_write(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path
) -> None:
    store_folder.chmod(0o770)
    with pytest.raises(UnsafePermissions, match="can write to"):
        open_store().new("Friends")


@posix
def test_an_open_home_does_not_matter(tmp_path: Path) -> None:
    """`mkdir home; ERMASK_HOME=home ermask keys new family` works under any umask."""
    before = os.umask(0o002)
    try:
        (tmp_path / "home").mkdir()
        store = KeyStore(tmp_path / "home" / "data", tmp_path / "home" / "state", vault="file")
        circle = store.new("family")
    finally:
        os.umask(before)
    assert store.key(circle)
    assert (tmp_path / "home" / "data" / "keys").stat().st_mode & 0o077 == 0


@posix
@pytest.mark.skipif(sys.platform != "win32" and os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_cannot_be_written(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], store_folder: Path
) -> None:
    store_folder.chmod(0o500)
    try:
        with pytest.raises(StorageFailed, match="Permission denied"):
            open_store().new("Friends")
    finally:
        store_folder.chmod(0o700)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("in the way")
    with pytest.raises((StorageFailed, UnsafePermissions)):
        KeyStore(tmp_path, tmp_path / "state", vault="file").new("Family")
