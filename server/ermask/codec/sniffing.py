"""What kind of file the bytes are, from the bytes alone: names and extensions are not believed."""

from __future__ import annotations

import re
from typing import NoReturn

from ermask.codec.photo import Format, Subsampling
from ermask.errors import AnimatedImage, BadImage, UnsupportedFormat

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
)
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"GIF87a", "a GIF"),
    (b"GIF89a", "a GIF"),
    (b"II*\0", "a TIFF or camera raw file"),
    (b"MM\0*", "a TIFF or camera raw file"),
    (b"II+\0", "a TIFF"),
    (b"MM\0+", "a TIFF"),
    (b"FUJIFILM", "a camera raw file"),
    (b"8BPS", "a Photoshop file (PSD)"),
    (b"%!PS", "a PostScript file (EPS)"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript file (EPS)"),
    (b"%PDF", "a PDF"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\x1aE\xdf\xa3", "a video"),
)
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis"}
_HEIF_SEQUENCES = {b"hevc", b"hevx", b"hevm", b"hevs", b"msf1"}
# A GIF frame starts with a graphic control extension. Only the choice between two refusals hangs
# on this pattern, so that a false hit in the pixel data does no harm.
_GIF_FRAME = re.compile(rb"\x00\x21\xf9\x04.{4}\x00[\x21\x2c]", re.DOTALL)


def sniff(data: bytes) -> Format:
    """The type of a photo file.

    Raises BadImage when the bytes are no picture, UnsupportedFormat when they are one of another
    type (the message names it) and AnimatedImage for GIF and HEIF sequences.
    """
    for magic, fmt in _MAGIC:
        if data.startswith(magic):
            return fmt
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp":
        return _sniff_brands(data)
    _refuse(data)


def _sniff_brands(data: bytes) -> Format:
    """AVIF, HEIC and films share one container and differ in the brands of its first box."""
    end = min(int.from_bytes(data[:4], "big"), 512)
    major = data[8:12]
    compatible = {data[i : i + 4] for i in range(16, end, 4)}
    if major in _AVIF_BRANDS:
        return "AVIF"
    if major in _HEIC_BRANDS:
        return "HEIF"
    if major in _HEIF_SEQUENCES:
        raise AnimatedImage("This HEIC file is a sequence of pictures, not a single photo.")
    if major in (b"mif1", b"miaf"):  # says "some HEIF"; the codec is among the compatible brands
        if compatible & _AVIF_BRANDS:
            return "AVIF"
        if compatible & _HEIC_BRANDS:
            return "HEIF"
        raise UnsupportedFormat("This is a HEIF picture of a kind that ermask does not open.")
    if major == b"crx ":
        raise UnsupportedFormat("This is a camera raw file, which ermask does not open.")
    raise UnsupportedFormat("This is a video, which ermask does not open.")


def _refuse(data: bytes) -> NoReturn:
    if data.startswith((b"GIF87a", b"GIF89a")) and len(_GIF_FRAME.findall(data)) > 1:
        raise AnimatedImage("This is an animated GIF, not a single photo.")
    for magic, name in _FOREIGN:
        if data.startswith(magic):
            raise UnsupportedFormat(f"This is {name}, which ermask does not open.")
    if data[:2] == b"BM" and data[6:10] == b"\0\0\0\0":
        raise UnsupportedFormat("This is a BMP, which ermask does not open.")
    text = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<") and b"<svg" in text:
        raise UnsupportedFormat("This is an SVG drawing, which ermask does not open.")
    if text.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        raise BadImage("This is a web page, not a photo.", hint="Save the picture itself.")
    raise BadImage("This is not a photo, or its beginning is damaged.")


def webp_is_lossless(data: bytes) -> bool:
    """Whether the first picture in a WebP file is stored without loss. `data`: the whole file."""
    position = 12
    while position + 8 <= len(data):
        tag = data[position : position + 4]
        if tag in (b"VP8 ", b"VP8L"):
            return tag == b"VP8L"
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        position += 8 + size + size % 2
    return False


def avif_subsampling(data: bytes) -> Subsampling | None:
    """Chroma resolution of the first colour picture in an AVIF file; None if it has only grey ones.

    `data`: the whole file.
    """
    boxes = list(re.finditer(rb"av1C..(.)", data[:65536], re.DOTALL))
    for box in boxes:
        flags = box.group(1)[0]
        monochrome, half_width, half_height = flags >> 4 & 1, flags >> 3 & 1, flags >> 2 & 1
        if not monochrome:  # an alpha channel is a monochrome picture of its own
            return "4:2:0" if half_height else "4:2:2" if half_width else "4:4:4"
    return None if boxes else "4:2:0"
