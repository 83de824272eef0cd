"""The key store when the disk is full, a process dies, files are damaged or others come between."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ermask.errors import (
    KeyStoreLocked,
    StorageFailed,
    UnknownCircle,
)
from ermask.keystore import KeyStore
from ermask.sealed_vault import SealedVault

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX")

OPERATIONS: dict[str, Callable[[KeyStore], object]] = {
    "new": lambda store: store.new("Friends"),
    "rename": lambda store: store.rename(store.find("Family"), "Mum"),
    "delete": lambda store: store.delete(store.find("Work")),
    "set_passphrase": lambda store: store.set_passphrase(None, "four words"),
}


def contents(store: KeyStore) -> dict[str, str]:
    """Every circle's label and key; fails when a key is missing."""
    pairs = store.keys()
    return {circle.label: key.text() for circle, key in pairs}


def fail_after(count: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """`call`, but a full disk from the `count`-th time on."""
    left = [count]

    def failing(*args: Any, **options: Any) -> Any:
        if left[0] == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        left[0] -= 1
        return call(*args, **options)

    return failing


# --- a full disk ---------------------------------------------------------------------------------


@pytest.mark.parametrize("call", ["fsync", "open", "replace"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_disk_that_fills_up_loses_nothing(
    sealed_store: KeyStore,
    open_store: Callable[..., KeyStore],
    store_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    operation: str,
    call: str,
) -> None:
    """At each moment in turn: all keys are still there, and afterwards the operation works."""
    before, failures = contents(sealed_store), 0
    for count in range(20):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fail_after(count, getattr(os, call)))
            try:
                OPERATIONS[operation](open_store())
            except StorageFailed as error:
                assert "No space left" in error.message
            else:
                break
        failures += 1
        after = contents(open_store())
        if operation != "delete":
            assert after == before
        else:
            assert after in (before, {"Family": before["Family"]})
            if after != before:
                break
    assert failures
    assert not list(store_folder.glob(".*"))
    final = contents(open_store(passphrase="four words"))  # noqa: S106
    assert final["Family" if operation != "rename" else "Mum"] == before["Family"]
    assert len(final) == {"new": 3, "delete": 1}.get(operation, 2)


@posix
def test_a_file_that_cannot_grow(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore]
) -> None:
    """The system itself refuses the write, halfway through a file."""
    import resource

    before = contents(sealed_store)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(StorageFailed):
            sealed_store.new("Friends")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert contents(open_store()) == before


# --- a killed process ----------------------------------------------------------------------------


def killed_at(count: int, *, after: bool, action: Callable[[], object]) -> bool:
    """Run `action` in a child that SIGKILLs itself around its `count`-th rename.

    Returns whether it was killed, rather than done before.
    """
    child = os.fork()
    if child == 0:
        replace, done = os.replace, [0]

        def deadly(*args: Any) -> None:
            done[0] += 1
            if done[0] == count:
                if after:
                    replace(*args)
                os.kill(os.getpid(), signal.SIGKILL)
            replace(*args)

        os.replace = deadly  # type: ignore[assignment]
        try:
            action()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


@posix
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_killed_between_writes(
    sealed_store: KeyStore,
    open_store: Callable[..., KeyStore],
    store_folder: Path,
    operation: str,
    after: bool,
) -> None:
    before, kills = contents(sealed_store), 0
    for count in range(1, 20):
        if not killed_at(count, after=after, action=lambda: OPERATIONS[operation](open_store())):
            break
        kills += 1
        sealed = json.loads((store_folder / "keys.sealed").read_bytes().splitlines()[0])["kdf"][
            "name"
        ]
        passphrase = "four words" if sealed == "argon2id" else None
        now = contents(open_store(passphrase=passphrase))
        assert {now.get("Family"), now.get("Mum")} == {before["Family"], None}
        if now.keys() != before.keys() or passphrase:
            break  # the operation was complete when the process died
        assert now == before
    assert kills
    # The next change sweeps up: no half-written files, no key without a circle.
    survivor = open_store(passphrase="four words")  # noqa: S106
    survivor.new("Later")
    assert not list(store_folder.glob(".*"))
    assert json.loads((store_folder / "circles.json").read_text())["pending"] == []
    vault = survivor._sealed
    file = vault._read()
    assert file is not None
    ids = {circle.id for circle in survivor.list()}
    assert vault._entries(file, vault._unlock(file)).keys() == ids


@posix
def test_killed_while_making_the_first_circle(
    open_store: Callable[..., KeyStore], tmp_path: Path
) -> None:
    for count in range(1, 20):
        store = KeyStore(tmp_path / str(count), tmp_path / str(count), vault="file")
        killed = killed_at(count, after=False, action=partial(store.new, "Family"))
        found = [circle.label for circle in store.list()]
        assert found == ([] if killed else ["Family"])
        assert store.key(store.new("Friends"))
        if not killed:
            return
    raise AssertionError("never done")


@posix
def test_a_killed_process_leaves_no_lock(sealed_store: KeyStore) -> None:
    assert killed_at(1, after=False, action=lambda: sealed_store.new("Friends"))
    sealed_store.new("Friends")


# --- several at once -----------------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from ermask.errors import CircleExists
from ermask.keystore import KeyStore
store = KeyStore(Path(sys.argv[1]), Path(sys.argv[1]), vault="file")
print("ready", flush=True)
sys.stdin.readline()
for number in range(8):
    store.new(f"{sys.argv[2]} {number}")
try:
    store.new("Shared")
    print("made it")
except CircleExists:
    print("too late")
"""


def test_two_processes_make_circles_at_once(tmp_path: Path) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("first", "second")
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    outputs = [writer.communicate(timeout=60)[0].strip() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert sorted(outputs) == ["made it", "too late"]
    labels = contents(KeyStore(tmp_path, tmp_path))
    expected = {f"{name} {number}" for name in ("first", "second") for number in range(8)}
    assert labels.keys() == expected | {"Shared"}


def test_threads_make_circles_at_once(open_store: Callable[..., KeyStore]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    store = open_store(vault="file")
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(store.new, [f"circle {number}" for number in range(12)]))
        keys = list(pool.map(store.key, store.list()))
    assert len({key.id for key in keys}) == 12


def test_a_circle_deleted_while_all_keys_are_read(
    sealed_store: KeyStore, open_store: Callable[..., KeyStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    family, work = sealed_store.list()
    get = SealedVault.get

    def get_late(vault: SealedVault, key_id: str) -> str | None:
        monkeypatch.undo()
        open_store().delete(family)
        return get(vault, key_id)

    monkeypatch.setattr(SealedVault, "get", get_late)
    [(circle, _)] = sealed_store.keys()
    assert circle == work
    with pytest.raises(UnknownCircle, match="any more"):
        sealed_store.key(family)


def test_waiting_for_the_lock_ends(sealed_store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ermask.store_folder._WAIT_S", 0.0)
    with sealed_store._folder.locked():
        assert len(sealed_store.list()) == 2, "reading needs no lock"
        with pytest.raises(KeyStoreLocked, match="Another ermask command"):
            sealed_store.new("Friends")
    sealed_store.new("Friends")
