"""`ermask keys`: what scripts rely on, what is warned of, and what never leaves by accident."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ermask.settings import KEYFILE_VARIABLE

if TYPE_CHECKING:
    from tests.server.conftest import Machine


@pytest.fixture
def friend(family: Machine) -> Machine:
    """A machine with the circle Family and a passphrase in a file."""
    (family.folder / "secret.txt").write_text("correct horse\nsecond line")
    return family


def test_new_and_list(friend: Machine) -> None:
    made = friend.ermask("keys", "new", "Friends").stdout.decode()
    assert made.endswith("  Friends\n")
    listed = friend.ermask("keys", "list").stdout.decode()
    assert listed.startswith(friend.circle_id)
    assert listed.rstrip().endswith("Friends")


def test_a_second_circle_of_that_name_is_refused(friend: Machine) -> None:
    done = friend.ermask("keys", "new", "family")
    assert done.returncode == 1
    assert b"(circle_exists)" in done.stderr


def test_rename_takes_a_name_or_an_id(friend: Machine) -> None:
    assert friend.ermask("keys", "rename", "Family", "Friends").returncode == 0
    assert friend.ermask("keys", "rename", friend.circle_id, "Others").returncode == 0
    assert b"Others" in friend.ermask("keys", "list").stdout


def test_export_and_import_by_file(friend: Machine) -> None:
    done = friend.ermask(
        "keys", "export", "Family", "--output", "f.key", "--passphrase-file", "secret.txt"
    )
    assert done.returncode == 0, done.stderr
    assert b"warning: whoever has this key can open every photo of the circle" in done.stderr
    assert done.stdout == b"f.key\n"
    key_file = friend.folder / "f.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    before = friend.ermask("keys", "show-fingerprint").stdout
    friend.ermask("keys", "delete", "Family", "--yes")
    friend.env[KEYFILE_VARIABLE] = "correct horse"
    assert friend.ermask("keys", "import", "f.key").returncode == 0
    assert friend.ermask("keys", "show-fingerprint", "Family").stdout == before


def test_export_without_output_is_named_after_the_circle(friend: Machine) -> None:
    done = friend.ermask("keys", "export", "Family", "--passphrase-file", "secret.txt")
    assert done.stdout == b"Family.ermaskkey\n"
    again = friend.ermask("keys", "export", "Family", "--passphrase-file", "secret.txt")
    assert again.returncode == 1
    assert b"(output_exists)" in again.stderr


def test_export_and_import_as_text(friend: Machine) -> None:
    done = friend.ermask("keys", "export", "Family", "--text")
    assert b"past and future" in done.stderr
    friend.ermask("keys", "delete", "Family", "--yes")
    unnamed = friend.ermask("keys", "import", "-", data=done.stdout)
    assert (unnamed.returncode, unnamed.stdout) == (1, b"")
    assert b"--label" in unnamed.stderr
    named = friend.ermask("keys", "import", "-", "--label", "Family", data=done.stdout)
    assert named.stdout.split()[0].decode() == friend.circle_id


def test_a_wrong_passphrase_is_said_to_be_one(friend: Machine) -> None:
    friend.ermask("keys", "export", "Family", "--passphrase-file", "secret.txt")
    friend.env[KEYFILE_VARIABLE] = "wrong"
    done = friend.ermask("keys", "import", "Family.ermaskkey", "--label", "Copy")
    assert done.returncode == 1
    assert b"(bad_key)" in done.stderr


def test_without_terminal_no_passphrase_is_asked_for(friend: Machine) -> None:
    done = friend.ermask("keys", "export", "Family", data=b"typed\ntyped\n")
    assert done.returncode == 1
    assert b"there is no terminal" in done.stderr
    assert not (friend.folder / "Family.ermaskkey").exists()


def test_delete_asks_and_without_terminal_does_nothing(friend: Machine) -> None:
    done = friend.ermask("keys", "delete", "Family", data=b"y\n")
    assert done.returncode == 1
    assert b"--yes" in done.stderr
    assert b"Family" in friend.ermask("keys", "list").stdout
    assert friend.ermask("keys", "delete", "Family", "--yes").returncode == 0
    assert friend.ermask("keys", "list").stdout == b""


@pytest.mark.parametrize(("second", "status"), [("other", 1), ("first", 0)])
def test_the_passphrase_is_asked_for_twice_on_a_terminal(
    friend: Machine, second: str, status: int
) -> None:
    pty = pytest.importorskip("pty")
    command = friend.command("ermask", "keys", "export", "Family", stand_in=True)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(friend.folder)
        os.execve(command[0], command, friend.env)  # noqa: S606
    shown = b""
    for prompt, typed in ((b"key file: ", "first"), (b"same again: ", second)):
        while not shown.endswith(prompt):
            shown += os.read(terminal, 1000)
        os.write(terminal, typed.encode() + b"\n")
    with suppress(OSError):  # how Linux says that the other side is closed
        while more := os.read(terminal, 1000):
            shown += more
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
    assert b"first" not in shown
    assert (friend.folder / "Family.ermaskkey").exists() == (status == 0)


def test_the_store_folders_are_private(friend: Machine) -> None:
    for path in Path(friend.env["ERMASK_HOME"]).rglob("*"):
        assert not path.stat().st_mode & 0o077, path
