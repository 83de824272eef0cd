"""Bytes that are no photo, or pretend to be another one: always an ErmaskError, no surprise."""

from __future__ import annotations

import struct
import warnings
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageFile

from ermask.codec import MAX_BYTES, check_size, decode, reading
from ermask.errors import (
    AnimatedImage,
    BadImage,
    DecodeFailed,
    ErmaskError,
    ImageTooLarge,
    TooManyPixels,
    UnsupportedFormat,
)

FORMATS = ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"]


def chunk(tag, body):
    return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))


def png_of(width, height, *chunks):
    """A valid one-bit PNG, whatever its size: its pixels are compressed as a stream."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    packer, row = zlib.compressobj(9), bytes(1 + (width + 7) // 8)
    data = b"".join(packer.compress(row * 100) for _ in range(height // 100)) + packer.flush()
    middle = b"".join(chunks)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle
        + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )  # fmt: skip


# --- limits ----------------------------------------------------------------------------------


def test_empty_file():
    with pytest.raises(BadImage, match="empty"):
        decode(b"")


def test_byte_limit(photo_files):
    padded = photo_files["JPEG"].ljust(MAX_BYTES, b"\0")
    assert decode(padded).input_bytes == MAX_BYTES
    for size in (MAX_BYTES + 1, 41 * 2**20):
        with pytest.raises(ImageTooLarge, match="40 MiB"):
            decode(photo_files["JPEG"].ljust(size, b"\0"))
    check_size(padded)
    with pytest.raises(ImageTooLarge):
        check_size(padded + b"\0")


@pytest.mark.parametrize("side", [7100, 10_000, 20_000])
def test_decompression_bomb(side):
    """7100: over our limit. 10 000: Pillow would only warn. 20 000: Pillow refuses."""
    bomb = png_of(side, side)
    assert len(bomb) < 100_000
    for action in ("ignore", "error"):
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            with pytest.raises(TooManyPixels, match="50 megapixels"):
                decode(bomb)


@pytest.mark.parametrize("fmt", FORMATS)
def test_pixel_limit_is_checked_before_the_pixels_are_read(fmt, photo_files, monkeypatch):
    monkeypatch.setattr(reading, "MAX_PIXELS", 200 * 150)
    decode(photo_files[fmt])
    monkeypatch.setattr(reading, "MAX_PIXELS", 200 * 150 - 1)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("pixels were read"))
    with pytest.raises(TooManyPixels):
        decode(photo_files[fmt])


def test_heic_too_long_for_jpeg(photo_files, monkeypatch):
    monkeypatch.setattr(reading, "_MAX_JPEG_SIDE", 199)
    with pytest.raises(TooManyPixels):
        decode(photo_files["HEIF"])
    assert decode(photo_files["AVIF"]).rgb.shape[1] == 200


def test_memory_error_is_reported(photo_files, monkeypatch):
    def exhausted(self):
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", exhausted)
    with pytest.raises(DecodeFailed, match="memory"):
        decode(photo_files["JPEG"])


# --- damage ----------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98])
@pytest.mark.parametrize("fmt", FORMATS)
def test_truncated(fmt, share, photo_files):
    data = photo_files[fmt]
    with pytest.raises(BadImage):
        decode(data[: int(len(data) * share)])


@pytest.mark.parametrize("length", [*range(1, 40), 64, 100])
@pytest.mark.parametrize("fmt", FORMATS)
def test_only_a_beginning(fmt, length, photo_files):
    with pytest.raises((BadImage, UnsupportedFormat)):
        decode(photo_files[fmt][:length])


@pytest.mark.parametrize("fmt", FORMATS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_random_damage(fmt, data, photo_files):
    """Overwritten, removed and inserted bytes: a photo of the limits' size, or an ErmaskError."""
    file = bytearray(photo_files[fmt])
    for _ in range(data.draw(st.integers(1, 8))):
        # Headers matter most, so that half of the damage goes there.
        end = data.draw(st.sampled_from([min(200, len(file)), len(file)]))
        at = data.draw(st.integers(0, end - 1))
        match data.draw(st.sampled_from(["overwrite", "remove", "insert"])):
            case "overwrite":
                patch = data.draw(st.binary(min_size=1, max_size=4))
                file[at : at + len(patch)] = patch
            case "remove":
                del file[at : at + data.draw(st.integers(1, 16))]
            case "insert":
                file[at:at] = data.draw(st.binary(min_size=1, max_size=16))
    try:
        photo = decode(bytes(file))
    except ErmaskError as error:
        assert error.message
    else:
        assert photo.rgb.shape[0] * photo.rgb.shape[1] <= reading.MAX_PIXELS


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_random_bytes(data):
    with pytest.raises(ErmaskError):
        decode(data)


@pytest.mark.parametrize(
    "start",
    [
        b"\xff\xd8\xff\xe0",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x20\0\0\0WEBPVP8 ",
        b"RIFF\x20\0\0\0WEBPVP8X",
        b"\0\0\0 ftypavif\0\0\0\0avifmif1",
        b"\0\0\0 ftypheic\0\0\0\0heicmif1",
    ],
)
@given(rest=st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_random_bytes_behind_a_true_beginning(start, rest):
    with pytest.raises(ErmaskError):
        decode(start + rest)


# --- pretenders ------------------------------------------------------------------------------

TEXTS = {
    "SVG": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "SVG with BOM": b"\xef\xbb\xbf  <svg onload='alert(1)'></svg>",
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100000 100000\n",
    "EPS preview": b"\xc5\xd0\xd3\xc6" + bytes(28),
    "Photoshop": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 100, 100, 8, 3) + bytes(40),
    "TIFF": b"II*\0\x08\0\0\0" + bytes(20),
    "TIFF ": b"MM\0*\0\0\0\x08" + bytes(20),
    "PDF": b"%PDF-1.7\n",
    "BMP": b"BM\x36\0\0\0\0\0\0\0\x36\0\0\0" + bytes(40),
    "JPEG XL": b"\xff\x0a" + bytes(40),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n",
    "icon": b"\0\0\1\0\1\0" + bytes(20),
    "video": b"\0\0\0\x18ftypisom\0\0\2\0isommp42" + bytes(40),
    "video ": b"\0\0\0\x14ftypqt  \0\0\2\0qt  ",
    "camera raw": b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
    "HEIF": b"\0\0\0\x18ftypmif1\0\0\0\0mif1jpeg",
    "GIF": b"GIF89a\1\0\1\0\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;",
}


@pytest.mark.parametrize("name", TEXTS)
def test_other_files_are_named(name):
    with pytest.raises(
        UnsupportedFormat, match=name.split(" with")[0].split(" preview")[0].strip()
    ):
        decode(TEXTS[name])


@pytest.mark.parametrize(
    "data",
    [
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"\n<html><img src=x></html>",
        b'{"error": "not found"}',
        b"BMW is a car maker",
        b"PK\3\4" + bytes(100),
        b"MZ" + bytes(100),
        b"\x7fELF" + bytes(100),
        bytes(1000),
        b"\xff" * 1000,
    ],
)
def test_no_pictures(data):
    with pytest.raises(BadImage):
        decode(data)


@pytest.mark.parametrize("brand", [b"hevc", b"msf1"])
def test_heic_sequences(brand):
    with pytest.raises(AnimatedImage):
        decode(b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0heicmif1" + bytes(50))


def test_type_is_read_from_the_bytes_not_from_the_container(photo_files):
    """AVIF bytes with HEIC's brand, and the other way round, get the decoder of the brand only."""
    avif = photo_files["AVIF"].replace(b"ftypavif", b"ftypheic", 1)
    heic = photo_files["HEIF"].replace(b"ftypheic", b"ftypavif", 1)
    for data in (avif, heic):
        with pytest.raises(ErmaskError):
            decode(data)


def test_polyglot_keeps_only_the_picture(photo_files):
    """A JPEG that is also a script or an archive: the pixels come, the rest does not."""
    data = photo_files["JPEG"] + b"PK\3\4<script>alert(1)</script>"
    assert decode(data).rgb.shape == (150, 200, 3)


@pytest.mark.parametrize("other", ["EPS", "PPM", "TGA", "PCX", "SGI", "DIB", "XBM", "MSP"])
def test_types_that_pillow_would_open(other, portrait, save):
    im = Image.fromarray(portrait)
    im = im.convert("1") if other in ("XBM", "MSP") else im
    with pytest.raises((BadImage, UnsupportedFormat)):
        decode(save(im, other))


# --- chunks ----------------------------------------------------------------------------------


def test_png_with_a_text_chunk_of_two_gigabytes():
    head = struct.pack(">I", 0x7FFFFFFF) + b"tEXt" + b"Comment\0" + b"x" * 1000
    with pytest.raises(BadImage):
        decode(png_of(100, 100, head))


@pytest.mark.parametrize(
    ("tag", "head"), [(b"zTXt", b"a\0\0"), (b"iTXt", b"a\0\1\0\0\0"), (b"iCCP", b"a\0\0")]
)
def test_png_with_a_compressed_bomb_in_a_chunk(tag, head):
    bomb = zlib.compress(bytes(200 * 2**20), 9)
    with pytest.raises(BadImage):
        decode(png_of(100, 100, chunk(tag, head + bomb)))


def test_png_that_ends_without_pixels():
    data = png_of(100, 100)
    with pytest.raises(BadImage):
        decode(data[: data.index(b"IDAT") - 4] + chunk(b"IEND", b""))


def test_png_with_wrong_checksum():
    data = bytearray(png_of(100, 100))
    data[data.index(b"IHDR") + 14] ^= 1
    with pytest.raises(BadImage):
        decode(bytes(data))


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0" + b"garbage" * 50,
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\x01\x12" * 100,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\1\0\0\0\x63\0\0\0\0\0\0\0",  # orientation 99
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\4\0\0\0abc\0\0\0\0\0",  # of letters
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\1\0\0\0\x1a\0\0\0\0\0\0\0" + bytes(8),  # 0/0
        b"",
    ],
)
@pytest.mark.parametrize("fmt", ["JPEG", "WEBP", "PNG"])
def test_exif_garbage_does_not_cost_the_photo(fmt, exif, portrait, save):
    photo = decode(save(portrait, fmt, exif=exif))
    assert np.abs(photo.rgb.astype(int) - portrait).mean() < 5


def test_jpeg_with_a_huge_profile(portrait, save):
    """As large as the type allows: 255 segments."""
    photo = decode(save(portrait, "JPEG", quality=90, icc_profile=b"\x01" * (255 * 65519)))
    assert np.abs(photo.rgb.astype(int) - portrait).mean() < 2.5
