"""`ermask` on damaged photos, odd names, full disks and interruptions."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from tests.server.conftest import Machine

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


def save(path: Path, width: int = 40, height: int = 24) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def album(family: Machine) -> Machine:
    """A machine with one circle and one good photo."""
    save(family.folder / "good.png")
    return family


def protect(machine: Machine, *args: object):
    return machine.ermask("protect", *args, "--circle", "Family", "--output", "out")


def files(folder: Path) -> list[str]:
    """Everything in `folder`, hidden files too."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_one_bad_photo_does_not_stop_the_others(album: Machine) -> None:
    (album.folder / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing")
    save(album.folder / "faceless.png", width=16)
    done = protect(album, "bad.jpg", "faceless.png", "missing.png", "good.png")
    assert done.returncode == 1
    errors = done.stderr.decode().splitlines()
    for path, code in (
        ("bad.jpg", "bad_image"),
        ("faceless.png", "no_face"),
        ("missing.png", "input_unreadable"),
    ):
        lines = [line for line in errors if line.startswith(f"ermask: error: {path}: ")]
        assert len(lines) == 1
        assert lines[0].endswith(f"({code})")
    assert sum(line.startswith("ermask: hint: ") for line in errors) >= 2
    assert errors[-1] == "ermask: 1 of 4 photos protected, 3 failed"
    assert files(album.folder / "out") == ["good.png"]


def test_nothing_to_do_is_an_error(album: Machine) -> None:
    (album.folder / "empty").mkdir()
    done = protect(album, "empty")
    assert done.returncode == 1
    assert b"no photos" in done.stderr


def test_the_second_photo_of_a_name_fails(album: Machine) -> None:
    save(album.folder / "a/one.png", width=40)
    save(album.folder / "b/one.png", width=50)
    done = protect(album, "a/one.png", "b/one.png", "--overwrite")
    assert done.returncode == 1
    assert b"error: b/one.png: " in done.stderr
    with Image.open(album.folder / "out/one.png") as image:
        assert image.width == 40


def test_what_is_there_stays_unless_told(album: Machine) -> None:
    target = album.folder / "out/good.png"
    target.parent.mkdir()
    target.write_bytes(b"mine")
    refused = protect(album, "good.png")
    assert refused.returncode == 1
    assert b"(output_exists)" in refused.stderr
    assert target.read_bytes() == b"mine"
    assert protect(album, "good.png", "--overwrite").returncode == 0
    assert target.read_bytes() != b"mine"


def test_an_input_is_never_replaced(album: Machine) -> None:
    before = (album.folder / "good.png").read_bytes()
    done = album.ermask("protect", "good.png", "--circle", "Family", "--output", ".", "--overwrite")
    assert done.returncode == 1
    assert (album.folder / "good.png").read_bytes() == before


def test_an_unknown_circle_stops_before_any_work(album: Machine) -> None:
    done = album.ermask("protect", "good.png", "--circle", "Famly", "--output", "out")
    assert done.returncode == 1
    assert b"Did you mean 'Family'" in done.stderr
    assert not (album.folder / "out").exists()


@posix_only
def test_link_loops_are_not_followed(album: Machine) -> None:
    folder = album.folder / "looped"
    save(folder / "one.png")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "broken.png").symlink_to("nowhere.png")
    done = protect(album, "looped")
    assert b"error: looped/broken.png: " in done.stderr
    assert b"1 of 2 photos protected" in done.stderr
    assert files(album.folder / "out") == ["one.png"]


@posix_only
@pytest.mark.parametrize("name", [b"new\nline.png", b"\x1b[31mred.png", b"\xff\xfe.png"])
def test_names_cannot_write_on_the_terminal(album: Machine, name: bytes) -> None:
    (album.folder / "good.png").rename(album.folder / os.fsdecode(name))
    good = protect(album, ".")
    assert good.returncode == 0, good.stderr
    assert good.stdout.count(b"\n") == 1
    again = protect(album, ".")
    assert again.returncode == 1
    for stream in (good.stdout, good.stderr, again.stderr):
        assert b"\x1b" not in stream
        stream.decode("utf-8")


@posix_only
def test_a_full_disk_leaves_nothing_half_written(album: Machine) -> None:
    save(album.folder / "large.png", width=400, height=400)
    album.env["STAND_IN_FILE_LIMIT"] = "50000"
    done = protect(album, "large.png", "good.png")
    assert done.returncode == 1
    assert b"error: large.png: " in done.stderr
    assert b"(storage_failed)" in done.stderr
    assert files(album.folder / "out") == ["good.png"]


@posix_only
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes all")
def test_an_output_folder_that_is_closed_is_reported(album: Machine) -> None:
    (album.folder / "out").mkdir(mode=0o500)
    done = protect(album, "good.png")
    assert done.returncode == 1
    assert b"(storage_failed)" in done.stderr


def test_an_output_that_is_a_file_is_reported(album: Machine) -> None:
    (album.folder / "out").write_bytes(b"")
    done = protect(album, "good.png")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


@posix_only
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interruption_leaves_nothing_half_written(album: Machine, number: int, status: int) -> None:
    begun = album.folder / "begun"
    album.env |= {"STAND_IN_BEGUN": str(begun), "STAND_IN_SECONDS": "50"}
    command = ("protect", "good.png", "--circle", "Family", "--output", "out")
    running = album.start("ermask", *command, stand_in=True)
    while not begun.exists():
        assert running.poll() is None, running.communicate()
        time.sleep(0.02)
    running.send_signal(number)
    _, errors = running.communicate(timeout=30)
    assert running.returncode == status
    assert b"Traceback" not in errors
    assert files(album.folder / "out") == []


def test_an_unforeseen_error_is_one_line(album: Machine) -> None:
    save(album.folder / "strange.png", width=66)
    done = protect(album, "strange.png")
    assert done.returncode == 1
    assert b"ermask: error: unexpected RuntimeError: nobody foresaw this" in done.stderr
    assert b"Traceback" not in done.stderr
    command = ("protect", "strange.png", "--circle", "Family", "--output", "out")
    debugged = album.ermask("--debug", *command)
    assert debugged.returncode == 1
    assert b"Traceback" in debugged.stderr


def test_debug_shows_the_trace_of_key_commands_too(machine: Machine) -> None:
    assert b"Traceback" in machine.ermask("--debug", "keys", "delete", "Nobody").stderr


def test_empty_stdin_and_terminal_output(album: Machine) -> None:
    done = album.ermask("protect", "-", "--circle", "Family")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"stdin is empty" in done.stderr


def test_a_failed_stream_writes_nothing_to_stdout(album: Machine) -> None:
    done = album.ermask("protect", "-", "--circle", "Family", data=b"no photo")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"(unsupported_format)" in done.stderr or b"(bad_image)" in done.stderr


def test_bad_settings_are_named(machine: Machine) -> None:
    machine.env["ERMASK_PROT"] = "1"
    done = machine.ermask("keys", "list")
    assert done.returncode == 1
    assert b"ERMASK_PROT" in done.stderr
    assert b"(bad_settings)" in done.stderr


@posix_only
def test_a_home_others_can_write_to_is_refused(machine: Machine) -> None:
    home = Path(machine.env["ERMASK_HOME"])
    home.mkdir()
    home.chmod(0o777)
    done = machine.ermask("keys", "new", "Family")
    assert done.returncode == 1
    assert b"(unsafe_permissions)" in done.stderr
    assert b"chmod 700" in done.stderr
