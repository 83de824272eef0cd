# ruff: noqa: S106 - passphrases of tests
"""What is known of the keys without asking anybody for them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ermask.errors import KeyStoreCorrupt, KeyStoreLocked
from ermask.keystore import KeyStore


def never() -> str:
    raise AssertionError("asked for a passphrase")


def test_an_empty_store_is_open(
    open_store: Callable[..., KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_keychain() -> None:
        raise AssertionError("looked for a keychain")

    monkeypatch.setattr("ermask.keystore.find_keychain", no_keychain)
    open_store().check()


def test_a_machine_key_opens_and_is_missed(sealed_store: KeyStore, tmp_path: Path) -> None:
    sealed_store.check()
    machine_key = tmp_path / "state" / "machine.key"
    kept = machine_key.read_bytes()
    machine_key.unlink()
    with pytest.raises(KeyStoreLocked, match=r"machine\.key"):
        sealed_store.check()
    machine_key.touch(mode=0o600)
    machine_key.write_bytes(b"0" * len(kept))
    with pytest.raises(KeyStoreLocked, match="another one"):
        sealed_store.check()
    machine_key.write_bytes(kept)
    sealed_store.check()


def test_a_missing_passphrase_locks(open_store: Callable[..., KeyStore]) -> None:
    open_store(vault="file").new("Family")
    daemon = open_store()
    daemon.check()
    open_store().set_passphrase(None, "four words")
    with pytest.raises(KeyStoreLocked, match="sealed with a passphrase"):
        daemon.check()
    open_store(passphrase="four words").check()


def test_a_passphrase_is_tried_once_right_or_wrong(
    open_store: Callable[..., KeyStore], argon2_runs: list[str]
) -> None:
    circle = open_store(vault="file", passphrase="right").new("Family")
    argon2_runs.clear()
    good, bad = open_store(passphrase="right"), open_store(passphrase="wrong")
    for _ in range(2):
        good.check()
        assert good.key(circle)
        for action in (bad.check, lambda: bad.key(circle)):
            with pytest.raises(KeyStoreLocked, match="does not open"):
                action()
    assert argon2_runs == ["right", "wrong"]


def test_a_new_passphrase_is_noticed(open_store: Callable[..., KeyStore]) -> None:
    daemon = open_store(vault="file", passphrase="old")
    circle = daemon.new("Family")
    open_store().set_passphrase("old", "new")
    with pytest.raises(KeyStoreLocked, match="does not open"):
        daemon.check()
    open_store().set_passphrase("new", "old")
    daemon.check()
    assert daemon.key(circle)


def test_a_file_put_back_opens_again(
    open_store: Callable[..., KeyStore], store_folder: Path
) -> None:
    open_store(vault="file", passphrase="right").new("Family")
    sealed = store_folder / "keys.sealed"
    kept = sealed.read_bytes()
    daemon = open_store(passphrase="right")
    head, body = kept.splitlines()
    sealed.write_bytes(head + b"\n" + body[:-8] + b"AAAAAAA=" + b"\n")
    with pytest.raises(KeyStoreLocked):
        daemon.check()
    sealed.write_bytes(kept)
    daemon.check()


def test_nobody_is_asked(open_store: Callable[..., KeyStore], argon2_runs: list[str]) -> None:
    open_store(vault="file", passphrase="four words").new("Family")
    argon2_runs.clear()
    open_store(ask_passphrase=never).check()
    assert argon2_runs == []


def test_a_keychain_is_not_asked_and_its_last_answer_counts(
    keychain: Any, open_store: Callable[..., KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    circle = open_store().new("Family")
    keychain.locked = True
    daemon = open_store()
    daemon.check()
    with pytest.raises(KeyStoreLocked):
        daemon.key(circle)
    with pytest.raises(KeyStoreLocked, match="refused to show") as caught:
        daemon.check()
    assert "Unlock" in str(caught.value.hint)
    keychain.locked = False
    with monkeypatch.context() as patch:
        patch.setattr(keychain, "get_password", never)
        with pytest.raises(KeyStoreLocked):
            daemon.check()
    assert daemon.key(circle)
    daemon.check()


def test_damage_is_told(sealed_store: KeyStore, store_folder: Path) -> None:
    (store_folder / "keys.sealed").unlink()
    with pytest.raises(KeyStoreCorrupt, match="missing"):
        sealed_store.check()
    (store_folder / "keys.sealed").touch(mode=0o600)
    with pytest.raises(KeyStoreCorrupt):
        sealed_store.check()
