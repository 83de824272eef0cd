# ruff: noqa: S106 - passphrases of tests
"""Where the keys are kept: in a keychain or a sealed file, and what opens them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.backends.chainer import ChainerBackend

from ermask.errors import BadKey, KeyStoreLocked
from ermask.keychain import find_keychain
from ermask.keys import Key
from ermask.keystore import KeyStore, open_keystore


def test_a_real_keychain_is_chosen(
    keychain: Any, open_store: Callable[..., KeyStore], tmp_path: Path
) -> None:
    store = open_store()
    circle = store.new("Family")
    assert store.protection == "keychain"
    [((service, name), text)] = keychain.entries.items()
    assert (service, name.endswith(f":{circle.id}")) == ("ermask", True)
    assert Key.parse(text) == store.key(circle)
    assert not list(tmp_path.rglob("keys.sealed"))


@pytest.mark.parametrize("backend", [fail.Keyring, null.Keyring])
def test_a_keychain_that_keeps_nothing_is_none(
    keychain: Any, backend: type[KeyringBackend]
) -> None:
    keyring.set_keyring(backend())
    assert find_keychain() is None


@pytest.mark.parametrize(("module", "priority"), [("keyrings.alt.file", 5), ("real", 0)])
def test_plain_text_and_impossible_keychains_are_none(
    keychain: Any, monkeypatch: pytest.MonkeyPatch, module: str, priority: int
) -> None:
    monkeypatch.setattr(type(keychain), "__module__", module)
    monkeypatch.setattr(type(keychain), "priority", priority)
    assert find_keychain() is None


def test_the_chainer_is_looked_into(keychain: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ChainerBackend, "backends", [null.Keyring(), keychain])
    keyring.set_keyring(ChainerBackend())
    assert find_keychain() is keychain


def test_the_choice_is_remembered(keychain: Any, open_store: Callable[..., KeyStore]) -> None:
    circle = open_store().new("Family")
    keyring.set_keyring(null.Keyring())
    assert open_store().list() == [circle]
    with pytest.raises(KeyStoreLocked, match="this session has none"):
        open_store().key(circle)
    with pytest.raises(KeyStoreLocked):
        open_store().new("Friends")


def test_a_file_stays_a_file(keychain: Any, open_store: Callable[..., KeyStore]) -> None:
    keyring.set_keyring(null.Keyring())
    open_store().new("Family")
    keyring.set_keyring(keychain)
    open_store().new("Friends")
    assert (open_store().protection, keychain.entries) == ("machine-key", {})


def test_a_locked_keychain_changes_nothing(
    keychain: Any, open_store: Callable[..., KeyStore]
) -> None:
    circle = open_store().new("Family")
    keychain.locked = True
    for action in (
        lambda: open_store().new("Friends"),
        lambda: open_store().key(circle),
        lambda: open_store().delete(circle),
    ):
        with pytest.raises(KeyStoreLocked, match="refused") as caught:
            action()
        assert "Unlock" in str(caught.value.hint)
    keychain.locked = False
    assert open_store().keys() == [(circle, open_store().key(circle))]


def test_the_first_refusal_leaves_the_choice_open(
    keychain: Any, open_store: Callable[..., KeyStore]
) -> None:
    keychain.locked = True
    with pytest.raises(KeyStoreLocked):
        open_store().new("Family")
    keyring.set_keyring(null.Keyring())
    assert open_store().key(open_store().new("Family"))


def test_two_homes_share_one_keychain(keychain: Any, tmp_path: Path) -> None:
    here, there = (KeyStore(tmp_path / name, tmp_path / name) for name in ("here", "there"))
    key = Key.generate()
    circle = here.add("Family", key)
    there.add("Family", key)
    there.delete(circle)
    assert (here.key(circle), there.list()) == (key, [])


def never() -> str:
    raise AssertionError("asked for a passphrase")


def test_no_passphrase_is_needed_until_one_is_set(open_store: Callable[..., KeyStore]) -> None:
    store = open_store(vault="file", ask_passphrase=never)
    assert store.protection == "machine-key"
    circle = store.new("Family")
    assert open_store(ask_passphrase=never).key(circle)
    assert open_store().protection == "machine-key"


def test_the_machine_key_is_needed(open_store: Callable[..., KeyStore], tmp_path: Path) -> None:
    circle = open_store(vault="file").new("Family")
    (tmp_path / "state" / "machine.key").unlink()
    with pytest.raises(KeyStoreLocked, match=r"machine\.key"):
        open_store().key(circle)
    with pytest.raises(KeyStoreLocked, match=r"machine\.key"):
        open_store().new("Friends")
    assert open_store().list() == [circle]


def test_set_passphrase(open_store: Callable[..., KeyStore], tmp_path: Path) -> None:
    store = open_store(vault="file")
    circle = store.new("Family")
    key = store.key(circle)
    store.set_passphrase(None, "four words")
    assert store.key(circle) == key
    assert store.protection == open_store().protection == "passphrase"
    assert not (tmp_path / "state" / "machine.key").exists()
    assert open_store(passphrase="four words").key(circle) == key
    assert open_store(ask_passphrase=lambda: "four words").key(circle) == key
    with pytest.raises(KeyStoreLocked, match="sealed with a passphrase") as caught:
        open_store().key(circle)
    assert "ERMASK_PASSPHRASE" in str(caught.value.hint)
    with pytest.raises(KeyStoreLocked, match="does not open"):
        open_store(passphrase="five words").key(circle)


def test_list_find_and_rename_need_no_passphrase(open_store: Callable[..., KeyStore]) -> None:
    circle = open_store(vault="file", passphrase="four words").new("Family")
    store = open_store()
    assert store.find("family") == circle
    assert store.rename(circle, "Mum") == store.list()[0]


def test_argon2_runs_once(open_store: Callable[..., KeyStore], argon2_runs: list[str]) -> None:
    asked: list[int] = []

    def ask() -> str:
        asked.append(1)
        return "one"

    store = open_store(vault="file", passphrase="one")
    for label in "abc":
        store.new(label)
    assert argon2_runs == ["one"]
    store = open_store(ask_passphrase=ask)
    store.keys()
    store.new("d")
    store.keys()
    assert (argon2_runs, asked) == (["one", "one"], [1])


def test_a_running_process_notices_a_new_passphrase(open_store: Callable[..., KeyStore]) -> None:
    daemon = open_store(vault="file", passphrase="old")
    circle = daemon.new("Family")
    open_store().set_passphrase("old", "new")
    with pytest.raises(KeyStoreLocked, match="does not open"):
        daemon.key(circle)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("wrong", "new", "old passphrase is wrong"),
        (None, "new", "old one is needed"),
        ("old", "", "passphrase is empty"),
    ],
)
def test_set_passphrase_refused(
    open_store: Callable[..., KeyStore], old: str | None, new: str, message: str
) -> None:
    circle = open_store(vault="file", passphrase="old").new("Family")
    with pytest.raises(BadKey, match=message):
        open_store().set_passphrase(old, new)
    assert open_store(passphrase="old").key(circle)


def test_set_passphrase_where_there_is_none(open_store: Callable[..., KeyStore]) -> None:
    circle = open_store(vault="file").new("Family")
    with pytest.raises(BadKey, match="no passphrase yet"):
        open_store().set_passphrase("old", "new")
    assert open_store().key(circle)


def test_set_passphrase_before_the_first_circle(open_store: Callable[..., KeyStore]) -> None:
    open_store(vault="file").set_passphrase(None, "new")
    assert open_store().protection == "passphrase"
    circle = open_store(passphrase="new").new("Family")
    assert open_store(passphrase="new").key(circle)


def test_set_passphrase_in_the_keychain(keychain: Any, open_store: Callable[..., KeyStore]) -> None:
    with pytest.raises(BadKey, match="in the keychain"):
        open_store().set_passphrase(None, "new")


def test_a_passphrase_without_effect_is_reported(
    open_store: Callable[..., KeyStore], caplog: pytest.LogCaptureFixture
) -> None:
    circle = open_store(vault="file").new("Family")
    store = open_store(passphrase="four words")
    assert store.key(circle) == store.key(circle)
    assert caplog.text.count("no passphrase yet") == 1


@pytest.mark.parametrize(
    ("env", "protection"),
    [({}, "machine-key"), ({"ERMASK_PASSPHRASE": ""}, "machine-key"),
     ({"ERMASK_PASSPHRASE": "four words"}, "passphrase")],
)  # fmt: skip
def test_open_keystore(tmp_path: Path, env: dict[str, str], protection: str) -> None:
    store = open_keystore(tmp_path / "data", tmp_path / "state", env, never)
    assert store.key(store.new("family")).id == store.find("family").id
    assert store.protection == protection
