"""`ermask` as a user types it: files, folders, pipes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Array = np.ndarray[Any, Any]


@pytest.fixture
def home(new_home: Callable[[], Any]) -> Any:
    home = new_home()
    home.ok("ermask", "keys", "new", "Family")
    home.ok("ermask", "keys", "new", "Work")
    return home


def fitting(line: bytes) -> list[str]:
    return [match["label"] for match in json.loads(line)["matches"] if match["fits"]]


def test_a_file(home: Any, portrait_jpeg: bytes) -> None:
    (home.folder / "me.jpg").write_bytes(portrait_jpeg)
    shown = home.ok("ermask", "protect", "me.jpg", "--circle", "Family", "--output", "out")
    assert b"1 face protected" in shown
    protected = home.folder / "out" / "me.jpg"
    assert Image.open(protected).size == (300, 300)
    assert (home.folder / "me.jpg").read_bytes() == portrait_jpeg

    assert fitting(home.ok("ermask", "inspect", protected, "--json")) == ["Family"]
    assert fitting(home.ok("ermask", "inspect", "me.jpg", "--json")) == []
    told = home.ok("ermask", "inspect", protected).decode()
    assert "key of Family fits" in told
    assert "key of Work does not fit" in told

    shown = home.ok("ermask", "restore", protected, "--output", "back")
    assert b"with the key of Family" in shown
    wrong = home.run("ermask", "restore", protected, "--circle", "Work", "--output", "wrong")
    assert wrong.returncode == 1
    assert b"(wrong_key)" in wrong.stderr
    assert list((home.folder / "wrong").glob("*")) == []


def test_a_folder(home: Any, portrait: Array, save: Callable[..., bytes]) -> None:
    """Good photos come out; what cannot be done is said, and the exit status tells."""
    album = home.folder / "album"
    (album / "trip").mkdir(parents=True)
    (album / "one.jpg").write_bytes(save(portrait, "JPEG", quality=92))
    (album / "trip" / "two.png").write_bytes(save(portrait[:, ::-1], "PNG"))
    (album / "trip" / "sky.jpg").write_bytes(save(np.full((200, 200, 3), 180, np.uint8), "JPEG"))
    (album / "trip" / "broken.webp").write_bytes(b"RIFF")
    (album / "notes.txt").write_text("not a photo")
    done = home.run("ermask", "protect", "album", "--circle", "Work", "--output", "out")
    assert done.returncode == 1
    errors = done.stderr.decode()
    assert "(no_face)" in errors
    assert "(bad_image)" in errors
    assert "2 of 4 photos protected, 2 failed" in errors
    out = home.folder / "out"
    written = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    assert written == {Path("one.jpg"), Path("trip/two.png")}

    lines = home.ok("ermask", "inspect", "out", "--json").splitlines()
    assert [fitting(line) for line in lines] == [["Work"], ["Work"]]
    again = home.run("ermask", "protect", "out", "--circle", "Work", "--output", "more")
    assert again.stderr.count(b"(already_protected)") == 2


def test_a_pipe(home: Any, portrait_jpeg: bytes) -> None:
    protected = home.ok("ermask", "protect", "-", "--circle", "Family", data=portrait_jpeg)
    assert Image.open(io.BytesIO(protected)).format == "JPEG"
    assert fitting(home.ok("ermask", "inspect", "-", "--json", data=protected)) == ["Family"]
    restored = home.ok("ermask", "restore", "-", data=protected)
    assert Image.open(io.BytesIO(restored)).size == (300, 300)
    failed = home.run("ermask", "protect", "-", "--circle", "Family", data=protected)
    assert (failed.returncode, failed.stdout) == (1, b"")
    assert b"(already_protected)" in failed.stderr


def test_a_shared_key_restores_on_another_machine(
    new_home: Callable[[], Any], home: Any, portrait_jpeg: bytes
) -> None:
    protected = home.ok("ermask", "protect", "-", "--circle", "Family", data=portrait_jpeg)
    for each in (home, friend := new_home()):
        (each.folder / "words").write_text("correct horse battery staple\n")
    words = ("--passphrase-file", "words")
    home.ok("ermask", "keys", "export", "Family", "--output", "family.ermask-key", *words)
    refused = friend.run("ermask", "restore", "-", data=protected)
    assert (refused.returncode, refused.stdout) == (1, b"")
    friend.ok("ermask", "keys", "import", home.folder / "family.ermask-key", *words)
    assert Image.open(io.BytesIO(friend.ok("ermask", "restore", "-", data=protected)))
