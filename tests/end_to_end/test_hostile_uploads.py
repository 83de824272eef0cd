"""What strangers may put into an upload: each has its documented code, and the daemon lives on."""

from __future__ import annotations

import http.client
import io
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

PROTOCOL = Path(__file__).parents[2] / "docs" / "protocol.md"
MIB = 2**20


@pytest.fixture(scope="module")
def client(new_home: Callable[[], Any]) -> Any:
    """A paired client of a daemon that all tests here share, as hostile uploads would."""
    home = new_home()
    home.ok("ermask", "keys", "new", "Family")
    client = home.pair(home.start(), "Browser")
    client.hello()
    return client


@pytest.fixture(scope="module")
def documented() -> set[tuple[str, int]]:
    """Codes and statuses of docs/protocol.md."""
    rows = re.findall(r"^\| `(\w+)` \| (\d{3}) \|", PROTOCOL.read_text("utf-8"), re.MULTILINE)
    return {(code, int(status)) for code, status in rows}


@pytest.fixture(autouse=True)
def it_still_works(client: Any, portrait_jpeg: bytes) -> Iterator[None]:
    yield
    after = client.post("/v1/inspect", portrait_jpeg)
    assert (after.status, after.json["found"]) == (200, 1)


# --- files -----------------------------------------------------------------------------------


def file_of(kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(8).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(file, kind, **options)
    return file.getvalue()


def animation(kind: str) -> bytes:
    frames = [Image.new("RGB", (64, 64), (level, 0, 0)) for level in (0, 120, 240)]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


def chunk(tag: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))


def png(width: int, height: int, *chunks: bytes, pixels: bytes | None = None) -> bytes:
    """A PNG whose header may lie; without `pixels` they are all black, in a few kilobytes."""
    if pixels is None:
        pixels = zlib.compress(bytes((width * 3 + 1) * height), 9)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", pixels), chunk(b"IEND", b""))
    )


def lying_jpeg() -> bytes:
    """A JPEG whose header says 65,500 x 65,500."""
    data = bytearray(file_of("JPEG"))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", 65500, 65500)
    return bytes(data)


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "zero bytes": (lambda: b"", "bad_image"),
    "one byte": (lambda: b"\xff", "bad_image"),
    "a web page": (lambda: b"<!doctype html><title>Log in</title>", "bad_image"),
    "a web page before a photo": (lambda: b"<html>" + file_of("JPEG"), "bad_image"),
    "text": (lambda: b"hello " * 1000, "bad_image"),
    "random bytes": (lambda: np.random.default_rng(9).bytes(5000), "bad_image"),
    "JSON": (lambda: b'{"photo": null}', "bad_image"),
    "a drawing": (lambda: b'<svg xmlns="http://www.w3.org/2000/svg"/>', "unsupported_format"),
    "a PDF": (lambda: b"%PDF-1.7\n" + bytes(100), "unsupported_format"),
    "a BMP": (lambda: file_of("BMP"), "unsupported_format"),
    "a TIFF": (lambda: file_of("TIFF"), "unsupported_format"),
    "an animated GIF": (lambda: animation("GIF"), "animated_image"),
    "an animated PNG": (lambda: animation("PNG"), "animated_image"),
    "an animated WebP": (lambda: animation("WEBP"), "animated_image"),
    "half a JPEG": (lambda: (d := file_of("JPEG"))[: len(d) // 2], "bad_image"),
    "half a PNG": (lambda: (d := file_of("PNG"))[: len(d) // 2], "bad_image"),
    "half a WebP": (lambda: (d := file_of("WEBP"))[: len(d) // 2], "bad_image"),
    "half an AVIF": (lambda: (d := file_of("AVIF"))[: len(d) // 2], "bad_image"),
    "a PNG of 900 megapixels": (
        lambda: png(30_000, 30_000, pixels=zlib.compress(bytes(100))),
        "too_many_pixels",
    ),
    "a JPEG of 4 gigapixels": (lying_jpeg, "too_many_pixels"),
    "a PNG with fewer pixels than it says": (
        lambda: png(6000, 6000, pixels=zlib.compress(bytes(100))),
        "bad_image",
    ),
    "a PNG that unpacks to 24 megapixels": (lambda: png(6000, 4000), "no_face"),
    "a PNG of one pixel": (lambda: png(1, 1), "no_face"),
    "a PNG of one row": (lambda: png(20_000, 1), "no_face"),
    "a PNG with a wrong checksum": (
        lambda: (d := png(64, 64))[:29] + bytes(4) + d[33:],
        "bad_image",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_hostile_file(client: Any, documented: set[tuple[str, int]], name: str) -> None:
    make, code = FILES[name]
    answer = client.protect(make(), "Family")
    assert answer.json["code"] == code, answer.json
    assert (code, answer.status) in documented
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["detail"]


def test_metadata_that_unpacks_to_much_more_is_no_way_in(client: Any, portrait_jpeg: bytes) -> None:
    """100 MB of zeros in a compressed text: the picture counts, or it is refused as damaged."""
    bomb = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100 * MIB), 9))
    answer = client.protect(png(64, 64, bomb), "Family")
    assert (answer.status, answer.json["code"]) in {(422, "no_face"), (415, "bad_image")}


@pytest.mark.parametrize("kind", ["text/html", "image/png", "application/json", ""])
def test_a_content_type_that_lies_is_not_believed(
    client: Any, portrait_jpeg: bytes, kind: str
) -> None:
    answer = client.post("/v1/inspect", portrait_jpeg, {"Content-Type": kind})
    assert (answer.status, answer.json["found"]) == (200, 1)


# --- sizes -----------------------------------------------------------------------------------


def test_41_mebibytes_are_too_large(client: Any, documented: set[tuple[str, int]]) -> None:
    assert ("image_too_large", 413) in documented
    refused = client.post("/v1/inspect", headers={"Content-Length": str(41 * MIB)})
    assert (refused.status, refused.json["code"]) == (413, "image_too_large")


def test_41_mebibytes_without_a_declared_length_are_too_large(client: Any) -> None:
    """The daemon may hang up while we are still sending; what it must not do is take it all."""

    def pieces() -> Iterator[bytes]:
        yield from (bytes(MIB) for _ in range(41))

    try:
        refused = client.post("/v1/inspect", pieces())
    except (BrokenPipeError, ConnectionResetError):
        return
    assert (refused.status, refused.json["code"]) == (413, "image_too_large")


def test_an_upload_that_breaks_off(client: Any, portrait_jpeg: bytes) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
    connection.putrequest("POST", "/v1/protect")
    connection.putheader("Content-Length", str(len(portrait_jpeg)))
    connection.endheaders()
    connection.send(portrait_jpeg[: len(portrait_jpeg) // 2])
    connection.close()


# --- headers ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "bad_request"),
        ({"X-ErMask-Circle": "Nobody"}, "unknown_circle"),
        ({"X-ErMask-Circle": "../../etc/passwd"}, "unknown_circle"),
        ({"X-ErMask-Circle": "%ff%fe"}, "bad_request"),
        ({"X-ErMask-Circle": "Family", "X-ErMask-Strength": "max"}, "bad_request"),
        ({"X-ErMask-Circle": "Family", "Content-Encoding": "gzip"}, "bad_request"),
    ],
)
def test_headers_that_make_no_sense(
    client: Any,
    portrait_jpeg: bytes,
    documented: set[tuple[str, int]],
    headers: dict[str, str],
    code: str,
) -> None:
    answer = client.post("/v1/protect", portrait_jpeg, headers)
    assert answer.json["code"] == code
    assert (code, answer.status) in documented
