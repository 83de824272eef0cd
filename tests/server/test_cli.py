"""`ermask` as a person or a script uses it. The engine is a stand-in; the rest is real."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from ermask.commands.photos import Strength
from ermask.contract import STRENGTHS
from ermask.keystore import KeyStore

if TYPE_CHECKING:
    from tests.server.conftest import Machine


def save(path: Path, width: int = 40, seed: int = 0, **options: Any) -> np.ndarray:
    """Write a noisy photo of 24 rows; returns its pixels."""
    pixels = np.random.default_rng(seed).integers(0, 256, (24, width, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return pixels


def pixels_of(source: Path | bytes) -> np.ndarray:
    with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
        return np.asarray(image.convert("RGB"))


# --- protect ---------------------------------------------------------------------------------


def test_protect_keeps_the_tree_and_the_names(family: Machine) -> None:
    album = family.folder / "album"
    save(album / "one.png")
    save(album / "sub/two.JPEG")
    save(album / "sub/deeper/three.webp", lossless=True)
    (album / "notes.txt").write_text("no photo")
    save(album / ".thumbnails/one.png")
    done = family.ermask("protect", "album", "--circle", "family", "--output", "out")
    assert done.returncode == 0, done.stderr
    out = family.folder / "out"
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert names == ["one.png", "sub/deeper/three.webp", "sub/two.JPEG"]
    assert done.stdout.decode().splitlines() == [
        "album/one.png -> out/one.png: 1 face protected",
        "album/sub/two.JPEG -> out/sub/two.JPEG: 1 face protected",
        "album/sub/deeper/three.webp -> out/sub/deeper/three.webp: 1 face protected",
    ]
    assert done.stderr.decode() == "ermask: 3 of 3 photos protected\n"


def test_protect_changes_the_photo_and_not_the_input(family: Machine) -> None:
    before = save(family.folder / "one.png")
    assert family.ermask(
        "protect", "one.png", "--circle", "Family", "--output", "out", "--strength", "high"
    ).returncode == 0  # fmt: skip
    assert np.array_equal(pixels_of(family.folder / "out/one.png")[1:], 255 - before[1:])
    assert np.array_equal(pixels_of(family.folder / "one.png"), before)


def test_the_suffix_changes_when_the_type_does(family: Machine) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    image = Image.fromarray(np.full((64, 64, 3), 90, np.uint8))
    pillow_heif.from_pillow(image).save(family.folder / "phone.HEIC")
    save(family.folder / "really_jpeg.png", format="JPEG")
    done = family.ermask(
        "protect", "phone.HEIC", "really_jpeg.png", "--circle", "Family", "--output", "out"
    )
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (family.folder / "out").iterdir())
    assert names == ["phone.jpg", "really_jpeg.jpg"]


def test_faces_that_were_too_small_are_reported(family: Machine) -> None:
    save(family.folder / "two_faces.png", width=33)
    done = family.ermask("protect", "two_faces.png", "--circle", "Family", "--output", "out")
    assert done.returncode == 0
    assert b"1 face protected, 1 too small and left as they were" in done.stdout


def test_a_key_that_cannot_be_read_back_is_reported(family: Machine) -> None:
    save(family.folder / "faint.png", width=65)
    done = family.ermask("protect", "faint.png", "--circle", "Family", "--output", "out")
    assert done.returncode == 0
    assert b"1 face protected; its key cannot be read back" in done.stdout
    assert b"restoring needs --circle and --force" in done.stdout


def test_the_output_folder_is_not_searched(family: Machine) -> None:
    save(family.folder / "one.png")
    for _ in range(2):
        done = family.ermask("protect", ".", "--circle", "Family", "--output", "out", "--overwrite")
        assert done.stderr.decode() == "ermask: 1 of 1 photos protected\n"


def test_stdin_to_stdout_is_the_image_and_nothing_else(family: Machine) -> None:
    before = save(family.folder / "one.png")
    done = family.ermask(
        "protect", "-", "--circle", "Family", data=(family.folder / "one.png").read_bytes()
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(pixels_of(done.stdout)[1:], 255 - before[1:])
    assert done.stderr.decode() == "ermask: 1 face protected\n"


def test_stdin_can_go_to_a_folder(family: Machine) -> None:
    save(family.folder / "one.png")
    data = (family.folder / "one.png").read_bytes()
    done = family.ermask("protect", "-", "--circle", "Family", "--output", "out", data=data)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (family.folder / "out").iterdir()] == ["stdin.png"]


# --- restore and inspect ---------------------------------------------------------------------


@pytest.fixture
def protected(family: Machine) -> Machine:
    """A machine with a photo protected for Family, and a second circle."""
    save(family.folder / "one.png")
    settings = family.settings
    KeyStore(settings.data_dir, settings.state_dir).new("Friends")
    family.ermask("protect", "one.png", "--circle", "Family", "--output", "out")
    return family


def test_restore_finds_the_key_by_itself(protected: Machine) -> None:
    done = protected.ermask("restore", "out/one.png", "--output", "back")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().endswith(": 1 face restored, with the key of Family\n")
    original = pixels_of(protected.folder / "one.png")
    assert np.array_equal(pixels_of(protected.folder / "back/one.png")[1:], original[1:])


def test_a_key_that_does_not_fit_is_refused_unless_forced(protected: Machine) -> None:
    command = ("restore", "out/one.png", "--output", "back", "--circle", "Friends")
    refused = protected.ermask(*command)
    assert refused.returncode == 1
    assert b"ermask: error: out/one.png: No key fits this photo. (wrong_key)" in refused.stderr
    assert not (protected.folder / "back").exists()
    forced = protected.ermask(*command, "--force")
    assert forced.returncode == 0
    assert b"by force" in forced.stdout


def test_inspect_json_is_one_object_per_photo(protected: Machine) -> None:
    (protected.folder / "broken.png").write_bytes(b"no photo")
    done = protected.ermask("inspect", "out/one.png", "broken.png", "one.png", "--json")
    assert done.returncode == 1
    good, broken, plain = map(json.loads, done.stdout.splitlines())
    assert (good["path"], good["width"], good["height"]) == ("out/one.png", 40, 24)
    assert good["faces"][0]["width"] == 40
    assert {match["label"]: match["fits"] for match in good["matches"]} == {
        "Family": True,
        "Friends": False,
    }
    assert broken["error"]["code"] == "bad_image"
    assert not any(match["fits"] for match in plain["matches"])


def test_inspect_reads_stdin_and_writes_text(protected: Machine) -> None:
    data = (protected.folder / "out/one.png").read_bytes()
    done = protected.ermask("inspect", "-", data=data)
    assert done.returncode == 0
    assert b"key of Family fits" in done.stdout
    assert b"key of Friends does not fit" in done.stdout


# --- usage -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("protect", "a.png", "--output", "out"), "--circle"),
        (("protect", "a.png", "--circle", "Family"), "--output"),
        (("protect", "--circle", "Family", "--output", "out"), "PATH"),
        (("protect", "a.png", "-", "--circle", "Family", "--output", "out"), "stdin"),
        (("protect", "a.png", "--circle", "F", "--output", "o", "--strength", "max"), "max"),
        (("protect", "a.png", "--circle", "Family", "--output", "out", "--nice"), "--nice"),
        (("restore", "a.png", "--output", "out", "--force"), "--circle"),
        (("keys", "export", "Family", "--passphrase", "secret"), "--passphrase"),
    ],
)  # fmt: skip
def test_wrong_usage_is_status_2(family: Machine, args: tuple[str, ...], says: str) -> None:
    done = family.ermask(*args)
    assert done.returncode == 2
    assert says in done.stderr.decode()
    assert done.stdout == b""


def test_strengths_are_those_of_the_contract() -> None:
    assert [str(strength) for strength in Strength] == list(STRENGTHS)


@pytest.mark.parametrize("flag", ["--version", "--help"])
@pytest.mark.parametrize("program", ["ermask", "ermask-daemon"])
def test_version_and_help_load_nothing_heavy(flag: str, program: str) -> None:
    module = {"ermask": "cli", "ermask-daemon": "daemon_cli"}[program]
    code = f"""
import sys
sys.argv = [{program!r}, {flag!r}]
from ermask.{module} import main
try:
    main()
except SystemExit as end:
    assert not end.code
heavy = ("aiohttp", "onnxruntime", "numpy", "PIL", "cryptography", "keyring", "asyncio")
sys.exit(", ".join(name for name in heavy if name in sys.modules) or 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert program.encode() in done.stdout


def test_keys_do_not_load_the_runtime(family: Machine) -> None:
    code = """
import sys
sys.argv = ["ermask", "keys", "list"]
from ermask.cli import main

try:
    main()
except SystemExit as end:
    assert not end.code
sys.exit(", ".join(name for name in ("aiohttp", "onnxruntime") if name in sys.modules) or 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], env=family.env, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_bar_is_drawn_on_a_terminal_only(family: Machine) -> None:
    pty = pytest.importorskip("pty")
    for name in ("a.png", "b.png"):
        save(family.folder / name)
    ours, theirs = pty.openpty()
    command = ("protect", "a.png", "b.png", "--circle", "Family", "--output")
    with os.fdopen(theirs, "wb", buffering=0) as terminal:
        shown = subprocess.run(
            family.command("ermask", *command, "one", stand_in=True),
            env={**family.env, "TERM": "xterm"},
            cwd=family.folder,
            stdout=subprocess.PIPE,
            stderr=terminal,
            check=True,
        )
    drawn = os.read(ours, 100_000)
    os.close(ours)
    assert b"\x1b[" in drawn
    assert b"\x1b" not in shown.stdout
    piped = family.ermask(*command, "two")
    assert piped.stdout.replace(b"two/", b"one/") == shown.stdout
    assert b"\x1b" not in piped.stderr
