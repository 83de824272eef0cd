"""Reading a key from a picture: in a process of its own, which nothing outlives."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import zxingcpp
from PIL import Image

from ermask import bech32m, qr
from ermask.decoding import Decoder
from ermask.errors import AnimatedImage, BadImage, BadKey, DecodeFailed, NoCode, UnsupportedFormat
from ermask.keys import TEXT_PREFIX, Key

KEY = Key(bytes(range(32)))

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")


@pytest.fixture
def decoder() -> Iterator[Decoder]:
    with Decoder() as decoder:
        yield decoder


def workers() -> dict[int, str]:
    """Process id -> task, of the decoding processes of this test run."""
    found = {}
    for child in psutil.Process().children(recursive=True):
        line = [] if child.status() == psutil.STATUS_ZOMBIE else child.cmdline()
        if "ermask.decode_worker" in line:
            found[child.pid] = line[line.index("ermask.decode_worker") + 1]
    return found


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def code_of(*texts: str) -> bytes:
    """A picture with one code beside the other."""
    sheet = Image.new("L", (600 * len(texts), 600), 255)
    for place, text in enumerate(texts):
        code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
        image = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=8)))
        sheet.paste(image, (600 * place, 0))
    return png(sheet)


def endless() -> bytes:
    """Corner marks of QR codes and nothing else: each three of them might be one."""
    mark = np.zeros((7, 7), np.uint8)
    mark[1:-1, 1:-1] = 255
    mark[2:-2, 2:-2] = 0
    mark = np.pad(np.kron(mark, np.ones((2, 2), np.uint8)), 2, constant_values=255)
    return png(Image.fromarray(np.tile(mark, (380, 380))))


def test_the_key_comes_out_and_the_process_is_gone(decoder: Decoder) -> None:
    assert decoder.read_key(qr.picture(KEY)) == KEY
    assert workers() == {}


def test_never_in_the_process_that_opens_photos(decoder: Decoder) -> None:
    decoder.decode(qr.picture(KEY))
    before = workers()
    assert [*before.values()] == ["photo"]
    assert decoder.read_key(qr.picture(KEY)) == KEY
    assert workers() == before


@linux
def test_only_the_process_for_keys_loads_the_library(decoder: Decoder) -> None:
    decoder.decode(qr.picture(KEY))
    (pid,) = workers()
    assert "zxing" not in Path(f"/proc/{pid}/maps").read_text()
    program = "import sys, ermask.daemon, ermask.cli; print('zxingcpp' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"False"]


def test_no_code() -> None:
    with Decoder() as decoder:
        for picture in (png(Image.new("RGB", (300, 300), "white")), code_of("https://example.com")):
            with pytest.raises(NoCode):
                decoder.read_key(picture)


def test_two_keys_are_refused_and_one_twice_is_not(decoder: Decoder) -> None:
    with pytest.raises(BadKey, match="several"):
        decoder.read_key(code_of(KEY.text(), Key.generate().text()))
    assert decoder.read_key(code_of(KEY.text(), KEY.text().upper())) == KEY


def test_a_code_that_is_almost_a_key(decoder: Decoder) -> None:
    newer = bech32m.encode(TEXT_PREFIX, bytes([2]) + bytes(32))
    with pytest.raises(BadKey, match="version 2"):
        decoder.read_key(code_of(newer))
    with pytest.raises(BadKey, match="too short"):
        decoder.read_key(code_of(KEY.text()[:-9]))


def test_what_is_no_picture_is_refused_as_anywhere(decoder: Decoder) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    animation = io.BytesIO()
    frames[0].save(animation, "PNG", save_all=True, append_images=frames[1:])
    for data, error in (
        (b"", BadImage),
        (KEY.text().encode(), BadImage),
        (qr.picture(KEY)[:-60], BadImage),
        (b"GIF89a" + bytes(40), UnsupportedFormat),
        (animation.getvalue(), AnimatedImage),
    ):
        with pytest.raises(error):
            decoder.read_key(data)


def test_a_picture_that_keeps_the_search_busy() -> None:
    with Decoder(seconds=4) as decoder:
        with pytest.raises(DecodeFailed, match="took too long"):
            decoder.read_key(endless())
        assert workers() == {}
        assert decoder.read_key(qr.picture(KEY)) == KEY


def test_closing_ends_a_search() -> None:
    decoder = Decoder()
    outcome: list[BaseException] = []

    def read() -> None:
        try:
            decoder.read_key(endless())
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while thread.is_alive() and not workers():
        thread.join(0.05)
    decoder.close()
    thread.join(30)
    assert not thread.is_alive()
    assert isinstance(outcome[0], DecodeFailed)
    assert "too long" not in outcome[0].message
    assert workers() == {}
    with pytest.raises(ValueError, match="closed"):
        decoder.read_key(qr.picture(KEY))
