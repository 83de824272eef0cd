"""Colour modes and profiles: whatever is in the file, the pixels are 8-bit sRGB."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from ermask.codec import decode, encode


def difference(a, b):
    """Mean absolute difference in levels."""
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


# --- modes -----------------------------------------------------------------------------------


@pytest.fixture
def luma(portrait):
    return np.asarray(Image.fromarray(portrait).convert("L"))


@pytest.fixture
def fade(portrait):
    """Alpha from 0 at the left to 255 at the right."""
    row = np.linspace(0, 255, portrait.shape[1]).round().astype(np.uint8)
    return np.broadcast_to(row, portrait.shape[:2]).copy()


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "AVIF", "HEIF"])
def test_grey_stays_grey(fmt, luma, save, read_pixels):
    options = {"subsampling": "4:0:0"} if fmt == "AVIF" else {}
    photo = decode(save(Image.fromarray(luma), fmt, quality=90, **options))
    assert photo.grey
    assert (photo.rgb == photo.rgb[..., :1]).all()
    assert difference(photo.rgb[..., 0], luma) < 2
    written = read_pixels(encode(photo))
    assert written.mode == "L"
    assert difference(written, luma) < 3


def test_a_grey_photo_that_gets_a_colour(luma, portrait, save, read_pixels):
    """Protecting tints a grey photo: the key is read from colours."""
    photo = decode(save(Image.fromarray(luma), "PNG"))
    assert photo.with_rgb(255 - photo.rgb).grey
    assert (np.asarray(read_pixels(encode(photo.with_rgb(portrait)))) == portrait).all()


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "AVIF"])
def test_rgba(fmt, portrait, fade, save, read_pixels):
    known: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "AVIF": {"quality": 90}}
    photo = decode(save(np.dstack([portrait, fade]), fmt, **known.get(fmt, {})))
    assert not photo.grey
    assert difference(photo.alpha, fade) < 1
    assert difference(photo.rgb[:, 1:], portrait[:, 1:]) < 3
    written = read_pixels(encode(photo))
    assert written.mode == "RGBA"
    assert difference(written.getchannel("A"), fade) < 1


def test_grey_avif_with_alpha(luma, fade, save):
    im = Image.merge("LA", [Image.fromarray(luma), Image.fromarray(fade)])
    photo = decode(save(im, "AVIF", quality=90, subsampling="4:0:0"))
    again = decode(encode(photo))
    assert photo.grey
    assert again.grey
    assert difference(again.alpha, fade) < 2
    assert difference(again.rgb[:, 1:, 0], luma[:, 1:]) < 3


def test_grey_with_alpha(luma, fade, save, read_pixels):
    im = Image.merge("LA", [Image.fromarray(luma), Image.fromarray(fade)])
    photo = decode(save(im, "PNG"))
    assert photo.grey
    assert (photo.alpha == fade).all()
    assert (photo.rgb[:, 1:, 0] == luma[:, 1:]).all()
    assert read_pixels(encode(photo)).mode == "LA"


def test_transparent_heic_is_laid_on_white(portrait, fade, save, read_pixels):
    photo = decode(save(np.dstack([portrait, fade]), "HEIF", quality=95))
    share = fade[..., None] / 255
    assert photo.alpha is None
    assert difference(photo.rgb, portrait * share + 255 * (1 - share)) < 4
    assert read_pixels(encode(photo)).mode == "RGB"


def test_palette(portrait, save, read_pixels):
    im = Image.fromarray(portrait).quantize(32)
    photo = decode(save(im, "PNG"))
    assert not photo.grey
    assert (photo.rgb == np.asarray(im.convert("RGB"))).all()
    assert read_pixels(encode(photo)).mode == "RGB"


@pytest.mark.parametrize("transparency", [3, bytes([255, 128, 0])])
def test_palette_with_transparency(transparency, portrait, save):
    im = Image.fromarray(portrait).quantize(32)
    index = np.asarray(im)
    photo = decode(save(im, "PNG", transparency=transparency))
    if isinstance(transparency, int):
        wanted = np.where(index == 3, 0, 255)
    else:
        wanted = np.array([255, 128, 0, *[255] * 29])[index]
    assert photo.alpha is not None
    assert (photo.alpha == wanted).all()
    visible = photo.alpha > 0
    assert (photo.rgb[visible] == np.asarray(im.convert("RGB"))[visible]).all()


def test_one_bit(luma, save):
    im = Image.fromarray(luma).convert("1")
    photo = decode(save(im, "PNG"))
    assert photo.grey
    assert (photo.rgb[..., 0] == np.asarray(im) * 255).all()


def png(width, height, depth, colour_type, rows, *chunks):
    """A PNG of types that Pillow does not write. `rows`: bytes of each row."""

    def chunk(tag, body):
        return struct.pack(">I", len(body)) + tag + body + struct.pack(">I", zlib.crc32(tag + body))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows))
    middle = b"".join(chunk(tag, body) for tag, body in chunks)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle
        + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )  # fmt: skip


def test_transparent_colour_of_rgb(save):
    rgb = np.full((4, 4, 3), 90, np.uint8)
    rgb[1, 2] = (10, 20, 30)
    photo = decode(save(rgb, "PNG", transparency=(10, 20, 30)))
    assert photo.alpha is not None
    assert photo.alpha[1, 2] == 0
    assert (photo.alpha == 0).sum() == 1


@pytest.mark.parametrize(
    ("depth", "row", "key"),
    [
        (1, bytes([0b01000000]), 1),
        (2, bytes([0b00011011]), 1),
        (4, bytes([0x01, 0x23]), 1),
        (8, bytes([0, 1, 2, 3]), 1),
        (16, struct.pack(">4H", 0, 257, 256, 768), 257),
    ],
)
def test_transparent_grey_level_of_every_depth(depth, row, key):
    """The level is written in the file's own depth: 1 of 3 is 85 of 255."""
    photo = decode(png(4, 1, depth, 0, [row], (b"tRNS", struct.pack(">H", key))))
    assert photo.grey
    assert photo.alpha is not None
    assert photo.alpha.tolist() == [[255, 0, 255, 255]]


def test_16_bit_grey(save):
    levels = np.array([[0, 255, 256, 32768, 65535]], np.uint16)
    photo = decode(save(levels, "PNG"))
    assert photo.grey
    assert photo.rgb[0, :, 0].tolist() == [0, 0, 1, 128, 255]


def test_16_bit_rgb():
    row = struct.pack(">6H", 0, 32768, 65535, 65535, 256, 255)
    photo = decode(png(2, 1, 16, 2, [row]))
    assert not photo.grey
    assert photo.rgb.tolist() == [[[0, 128, 255], [255, 1, 0]]]


def test_16_bit_grey_with_alpha():
    row = struct.pack(">4H", 65535, 65535, 32768, 32768)
    photo = decode(png(2, 1, 16, 4, [row]))
    assert photo.grey
    assert photo.rgb[0, :, 0].tolist() == [255, 128]
    assert photo.alpha is not None
    assert photo.alpha.tolist() == [[255, 128]]


def test_cmyk_without_profile_is_not_inverted(portrait, save):
    data = save(Image.fromarray(portrait).convert("CMYK"), "JPEG", quality=95)
    assert b"Adobe" in data[:1000]
    photo = decode(data)
    assert not photo.grey
    assert photo.subsampling == "4:4:4"
    assert difference(photo.rgb, portrait) < 4


# --- profiles --------------------------------------------------------------------------------

SRGB_GAMMA = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
SRGB_CURVE = struct.pack(">4sIHH5i", b"para", 0, 3, 0, *(round(v * 65536) for v in SRGB_GAMMA))
LINEAR_CURVE = struct.pack(">4sII", b"curv", 0, 0)
WHITE = (0.9642, 1.0, 0.8249)
DISPLAY_P3 = (
    (0.51512, 0.24120, -0.00105),
    (0.29198, 0.69225, 0.04189),
    (0.15710, 0.06657, 0.78407),
)


def profile(space, tags, device=b"mntr", pcs=b"XYZ ", version=0x04000000):
    """An ICC profile from its tags, after ICC.1:2010."""
    tags = {b"wtpt": xyz(WHITE)} | tags
    table, bodies = b"", b""
    for name, body in tags.items():
        body += b"\0" * (-len(body) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(bodies), len(body))
        bodies += body
    size = 132 + len(table) + len(bodies)
    header = struct.pack(">I4xI", size, version) + device + space + pcs + bytes(12) + b"acsp"
    header = header.ljust(68, b"\0") + struct.pack(">3i", *(round(v * 65536) for v in WHITE))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + bodies


def xyz(values):
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def rgb_profile(colorants, curve):
    names = (b"rXYZ", b"gXYZ", b"bXYZ")
    tags = {name: xyz(value) for name, value in zip(names, colorants, strict=True)}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))


def cmyk_profile():
    """Only black ink prints, the others are clear: a look that no plain formula gives."""
    ramp = bytes(range(256))
    corners = b"".join(bytes([0 if black else 255, 128, 128]) for _ in range(8) for black in (0, 1))
    identity = struct.pack(">9i", *(65536 if i % 4 == 0 else 0 for i in range(9)))
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + identity + ramp * 4 + corners + ramp * 3
    return profile(b"CMYK", {b"A2B0": lut}, b"prtr", b"Lab ", 0x02100000)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_wide_gamut_becomes_srgb(fmt, save, read_pixels):
    """The colours (234, 51, 35) and (117, 251, 76) of Display P3 are sRGB's red and green."""
    wide = np.zeros((64, 64, 3), np.uint8)
    wide[:, :32], wide[:, 32:] = (234, 51, 35), (117, 251, 76)
    data = save(wide, fmt, quality=100, icc_profile=rgb_profile(DISPLAY_P3, SRGB_CURVE))
    photo = decode(data)
    tolerance = 4 if fmt == "PNG" else 18  # unconverted, they are 76 and 117 off
    assert np.abs(photo.rgb[32, 8].astype(int) - (255, 0, 0)).max() <= tolerance
    assert np.abs(photo.rgb[32, 56].astype(int) - (0, 255, 0)).max() <= tolerance
    assert "icc_profile" not in read_pixels(encode(photo)).info


def test_srgb_under_any_name_changes_no_pixel(portrait, save):
    colorants = (
        (0.43607, 0.22249, 0.01392),
        (0.38515, 0.71687, 0.09708),
        (0.14307, 0.06061, 0.71410),
    )
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for icc in (own, rgb_profile(colorants, SRGB_CURVE)):
        assert (decode(save(portrait, "PNG", icc_profile=icc)).rgb == portrait).all()


def test_profile_applies_to_palette_and_alpha(save):
    colours = Image.new("RGBA", (8, 8), (234, 51, 35, 100))
    icc = rgb_profile(DISPLAY_P3, SRGB_CURVE)
    for im in (colours, colours.quantize(4, method=2)):
        photo = decode(save(im, "PNG", icc_profile=icc))
        assert np.abs(photo.rgb[4, 4].astype(int) - (255, 0, 0)).max() <= 2
        assert photo.alpha is not None
        assert (photo.alpha == 100).all()


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
def test_grey_profile(fmt, save):
    """Linear light: half the light is level 188 in sRGB."""
    half = Image.new("L", (16, 16), 128)
    icc = profile(b"GRAY", {b"kTRC": LINEAR_CURVE})
    photo = decode(save(half, fmt, icc_profile=icc))
    assert photo.grey
    assert np.abs(photo.rgb.astype(int) - 188).max() <= 2


def test_cmyk_profile(save):
    ink = Image.merge("CMYK", [Image.new("L", (16, 16), v) for v in (255, 255, 255, 0)])
    data = save(ink, "JPEG", quality=95)
    assert decode(data).rgb.max() < 5
    data = save(ink, "JPEG", quality=95, icc_profile=cmyk_profile())
    assert decode(data).rgb.min() > 250


@pytest.mark.parametrize(
    "icc",
    [
        b"not a profile",
        b"\0" * 128,
        rgb_profile(DISPLAY_P3, SRGB_CURVE)[:200],
        profile(b"RGB ", {}),
        profile(b"GRAY", {b"kTRC": LINEAR_CURVE}),
        cmyk_profile(),
        b"\xff" * 300_000,
    ],
    ids=["text", "zeros", "cut", "no tags", "of grey", "of CMYK", "huge"],
)
def test_unusable_profile_counts_as_srgb(icc, portrait, save):
    assert (decode(save(portrait, "PNG", icc_profile=icc)).rgb == portrait).all()
    assert difference(decode(save(portrait, "JPEG", quality=95, icc_profile=icc)).rgb, portrait) < 3
