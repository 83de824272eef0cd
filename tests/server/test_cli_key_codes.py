"""`ermask keys show-code` and `import` of a picture: a key from one screen to another machine."""

from __future__ import annotations

import io
import stat
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from ermask import codec, qr
from ermask.keys import Key

if TYPE_CHECKING:
    from tests.server.conftest import Machine


def bare_key(machine: Machine) -> Key:
    return Key.parse(machine.ermask("keys", "export", "Family", "--text").stdout.decode())


def test_a_picture_for_the_owner_only(family: Machine) -> None:
    done = family.ermask("keys", "show-code", "Family", "--output", "key.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"key.png\n"
    assert b"warning: whoever has this key can open every photo of the circle" in done.stderr
    assert b"nothing seals a QR code" in done.stderr
    picture = family.folder / "key.png"
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    found = qr.find(codec.decode(picture.read_bytes()))
    assert [Key.parse(text) for text in found] == [bare_key(family)]


def test_a_picture_never_replaces_a_file(family: Machine) -> None:
    (family.folder / "key.png").write_text("holiday")
    done = family.ermask("keys", "show-code", "Family", "--output", "key.png")
    assert done.returncode == 1
    assert b"(output_exists)" in done.stderr
    assert (family.folder / "key.png").read_text() == "holiday"


def test_a_code_on_the_terminal(family: Machine) -> None:
    family.env["PYTHONIOENCODING"] = "utf-8"
    done = family.ermask("keys", "show-code", "family")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().splitlines() == qr.lines(bare_key(family))
    assert b"past and future" in done.stderr
    assert b"ermask-key-1" not in done.stdout.lower() + done.stderr.lower()


def test_no_such_circle(family: Machine) -> None:
    done = family.ermask("keys", "show-code", "Familly")
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"'Family'" in done.stderr


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_import_of_a_picture(family: Machine, kind: str) -> None:
    key = bare_key(family)
    family.ermask("keys", "delete", "Family", "--yes")
    file = io.BytesIO()
    Image.open(io.BytesIO(qr.picture(key))).convert("RGB").rotate(10).save(file, kind)
    (family.folder / "photo").write_bytes(file.getvalue())
    unnamed = family.ermask("keys", "import", "photo")
    assert (unnamed.returncode, unnamed.stdout) == (1, b"")
    assert b"--label" in unnamed.stderr
    named = family.ermask("keys", "import", "photo", "--label", "Ours")
    assert named.stdout.decode() == f"{key.id}  Ours\n"
    assert key.fingerprint.encode() in named.stderr


def test_import_of_a_picture_through_a_pipe(family: Machine) -> None:
    picture = family.ermask("keys", "show-code", "Family", "--output", "-").stdout
    again = family.ermask("keys", "import", "-", "--label", "Twice", data=picture)
    assert again.returncode == 1
    assert b"already here, as circle 'Family'. (circle_exists)" in again.stderr


def test_pictures_without_a_key(family: Machine) -> None:
    file = io.BytesIO()
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save(file, "PNG")
    done = family.ermask("keys", "import", "-", "--label", "Ours", data=file.getvalue())
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"(no_code)" in done.stderr
    done = family.ermask("keys", "import", "-", "--label", "Ours", data=b"GIF89a" + bytes(40))
    assert b"(unsupported_format)" in done.stderr
