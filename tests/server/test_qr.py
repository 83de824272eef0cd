"""Pictures of keys: what is written can be read, also from a photo of it, and nothing else is."""

from __future__ import annotations

import io

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from ermask import codec, qr
from ermask.codec import Photo
from ermask.keys import Key

KEY = Key(bytes(range(32)))


def photo_of(image: Image.Image, kind: str = "PNG") -> Photo:
    file = io.BytesIO()
    image.save(file, kind)
    return codec.decode(file.getvalue())


def code_image(text: str | None = None) -> Image.Image:
    """A QR code as a grey picture: of KEY, or of another text."""
    if text is None:
        return Image.open(io.BytesIO(qr.picture(KEY))).convert("L")
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    return Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=8)))


def keys_in(photo: Photo) -> list[Key]:
    return [Key.parse(text) for text in qr.find(photo)]


def snapshot(image: Image.Image) -> Image.Image:
    """The code on a desk, from the side, out of a telephone."""
    desk = Image.new("L", (1600, 1200), 120)
    desk.paste(image.resize((640, 640)), (420, 260))
    tilt = (1.1, 0.12, -90, 0.05, 1.05, -40, 9e-5, 6e-5)
    return desk.transform(desk.size, Image.Transform.PERSPECTIVE, tilt, fillcolor=120)


def test_the_picture_is_a_small_grey_png() -> None:
    picture = qr.picture(KEY)
    photo = codec.decode(picture)
    assert (photo.format, photo.grey, photo.alpha) == ("PNG", True, None)
    assert photo.rgb.shape[0] == photo.rgb.shape[1] >= 300
    assert photo.rgb[: 4 * 8].min() == 255, "the light border that scanners need"
    assert len(picture) < 4096


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_round_trip(kind: str) -> None:
    assert keys_in(photo_of(code_image(), kind)) == [KEY]


@pytest.mark.parametrize(
    "change",
    [
        snapshot,
        lambda image: image.rotate(37, expand=True, fillcolor=255),
        lambda image: image.transpose(Image.Transpose.ROTATE_90),
        lambda image: image.point(lambda level: 255 - level),
        lambda image: image.point(lambda level: 90 + level // 4),
        lambda image: image.resize((130, 130)),
    ],
    ids=["tilted", "turned", "upended", "inverted", "faint", "small"],
)
def test_a_photo_of_the_code(change) -> None:
    assert keys_in(photo_of(change(code_image()), "JPEG")) == [KEY]


def test_dark_squares_on_nothing() -> None:
    grey = code_image()
    image = Image.new("RGBA", grey.size, (0, 0, 0, 255))
    image.putalpha(grey.point(lambda level: 255 - level))
    assert keys_in(photo_of(image)) == [KEY]


@pytest.mark.parametrize("ground", [0, 255], ids=["dark terminal", "light terminal"])
def test_the_terminal_shows_the_same_code(ground: int) -> None:
    squares = {"\u2588": (1, 1), "\u2580": (1, 0), "\u2584": (0, 1), " ": (0, 0)}
    rows = []
    for line in qr.lines(KEY):
        halves = np.array([squares[character] for character in line], np.uint8)
        rows += [halves[:, 0], halves[:, 1]]
    drawn = np.kron(np.array(rows), np.ones((8, 8), np.uint8))
    shown = np.where(drawn == 1, 255 - ground, ground).astype(np.uint8)
    assert keys_in(photo_of(Image.fromarray(np.pad(shown, 80, constant_values=ground)))) == [KEY]


@pytest.mark.parametrize("text", ["https://example.com", "12345 " * 12, "ERMASK"])
def test_other_codes_are_passed_over(text: str) -> None:
    both = Image.new("L", (1200, 600), 255)
    both.paste(code_image(text), (0, 0))
    assert qr.find(photo_of(both)) == []
    both.paste(code_image(), (700, 100))
    assert keys_in(photo_of(both)) == [KEY]


def test_one_code_twice_is_one_and_two_are_two() -> None:
    sheet = Image.new("L", (1200, 500), 255)
    sheet.paste(code_image(), (50, 50))
    sheet.paste(code_image(), (650, 50))
    assert keys_in(photo_of(sheet)) == [KEY]
    other = Key.generate()
    sheet.paste(code_image(other.text()), (650, 0))
    assert set(keys_in(photo_of(sheet))) == {KEY, other}


def test_a_picture_without_codes() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    assert qr.find(photo_of(Image.fromarray(noise))) == []
