"""What `encode` promises: size, quality, chroma, no loss where there was none, same bytes."""

from __future__ import annotations

import io
import threading

import numpy as np
import pytest
from PIL import Image, JpegImagePlugin

from ermask.codec import Photo, decode, encode
from ermask.codec.writing import FLOOR_QUALITY, MAX_GROWTH, TOP_QUALITY

LOSSY = ["JPEG", "WEBP", "AVIF"]


def jpeg_tables(file: io.BytesIO) -> dict[int, list[int]]:
    im = Image.open(file)
    assert isinstance(im, JpegImagePlugin.JpegImageFile)
    return im.quantization


def jpeg_quality(data: bytes) -> int:
    """The quality whose tables the file has."""
    tables = jpeg_tables(io.BytesIO(data))
    for quality in range(1, 101):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
        if jpeg_tables(file) == tables:
            return quality
    raise AssertionError("no standard quality")


def limit_of(photo: Photo) -> float:
    """Bytes that its file may have."""
    assert photo.input_bytes is not None
    return photo.input_bytes * MAX_GROWTH


def grain(rgb: np.ndarray) -> np.ndarray:
    """Film grain, with which the size of a file depends on its quality."""
    noise = np.random.default_rng(3).normal(0, 6, rgb.shape)
    return (rgb + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def noisy(make_picture):
    """uint8 (600, 800, 3)."""
    return grain(make_picture(600, 800))


@pytest.mark.parametrize("quality", [60, 80, 92, 100])
def test_jpeg_gets_the_highest_quality_that_fits(quality, noisy, save):
    photo = decode(save(noisy, "JPEG", quality=quality))
    limit = limit_of(photo)
    written = encode(photo)
    chosen = jpeg_quality(written)
    assert FLOOR_QUALITY["JPEG"] <= chosen <= TOP_QUALITY
    assert len(written) <= limit or chosen == FLOOR_QUALITY["JPEG"]
    if chosen < TOP_QUALITY:
        assert len(save(photo.rgb, "JPEG", quality=chosen + 1, optimize=True)) > limit


@pytest.mark.parametrize("fmt", LOSSY)
def test_lossy_types_keep_the_limit(fmt, noisy, save):
    photo = decode(save(noisy[:200, :300], fmt, quality=85))
    written = encode(photo)
    assert len(written) <= limit_of(photo)
    assert len(written) > limit_of(photo) / MAX_GROWTH * 0.8


def test_large_photo_is_searched_on_a_sample(make_picture, save, monkeypatch):
    photo = decode(save(grain(make_picture(1400, 1600)), "JPEG", quality=80, subsampling=0))
    widths = []
    original = Image.Image.save

    def counted(self, *args, **kwargs):
        widths.append(self.width)
        return original(self, *args, **kwargs)

    monkeypatch.setattr(Image.Image, "save", counted)
    written = encode(photo)
    assert widths.count(1600) <= 4
    limit = limit_of(photo)
    assert len(written) <= limit
    chosen = jpeg_quality(written)
    assert 80 <= chosen < TOP_QUALITY
    better = save(photo.rgb, "JPEG", quality=chosen + 1, optimize=True, subsampling=0)
    assert len(better) > limit


def test_floor_where_the_limit_cannot_be_kept(noisy, save):
    for fmt in ("JPEG", "HEIF"):
        photo = Photo(noisy, None, False, fmt, input_bytes=10)
        assert jpeg_quality(encode(photo)) == FLOOR_QUALITY[fmt]
    assert FLOOR_QUALITY["HEIF"] > FLOOR_QUALITY["JPEG"]


def test_top_where_there_is_room(portrait):
    for input_bytes in (10**7, None):
        photo = Photo(portrait, None, False, "JPEG", input_bytes)
        assert jpeg_quality(encode(photo)) == TOP_QUALITY


@pytest.mark.parametrize(("option", "name"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_chroma_resolution_is_kept(option, name, portrait, save):
    photo = decode(save(portrait, "JPEG", quality=90, subsampling=option))
    assert photo.subsampling == name
    assert JpegImagePlugin.get_sampling(Image.open(io.BytesIO(encode(photo)))) == option


@pytest.mark.parametrize("name", ["4:4:4", "4:2:2", "4:2:0"])
def test_chroma_resolution_of_avif_is_kept(name, portrait, save):
    for pixels in (portrait, np.dstack([portrait, portrait[..., 0]])):
        photo = decode(save(pixels, "AVIF", quality=80, speed=10, subsampling=name))
        assert photo.subsampling == name
        assert decode(encode(photo)).subsampling == name


@pytest.mark.parametrize("chroma", [444, 422, 420])
def test_chroma_resolution_of_heic_goes_to_the_jpeg(chroma, portrait, save):
    photo = decode(save(portrait, "HEIF", quality=80, chroma=chroma))
    assert decode(encode(photo)).subsampling == ":".join(str(chroma))


def test_lossless_webp_stays_lossless(portrait, save):
    photo = decode(save(portrait, "WEBP", lossless=True))
    assert photo.lossless
    assert (photo.rgb == portrait).all()
    again = decode(encode(photo))
    assert again.lossless
    assert (again.rgb == portrait).all()
    assert not decode(save(portrait, "WEBP", quality=100)).lossless


def test_lossless_webp_behind_other_chunks(portrait, save):
    alpha = np.linspace(1, 255, portrait[..., 0].size).reshape(portrait.shape[:2]).astype(np.uint8)
    rgba = np.dstack([portrait, alpha])
    exif = Image.Exif()
    exif[0x010E] = "odd"
    lossless = decode(save(rgba, "WEBP", lossless=True, exif=exif, icc_profile=b"odd"))
    assert lossless.lossless
    lossy = decode(save(rgba, "WEBP", quality=90, exif=exif, icc_profile=b"odd"))
    assert not lossy.lossless


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_same_photo_same_bytes(fmt, photo_files):
    photo = decode(photo_files[fmt])
    first = encode(photo)
    elsewhere = []
    thread = threading.Thread(target=lambda: elsewhere.append(encode(decode(photo_files[fmt]))))
    thread.start()
    thread.join()
    assert elsewhere == [first]


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (7, 5), (17, 33)])
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_odd_sizes(fmt, shape, make_picture):
    rgb = make_picture(*shape)
    photo = Photo(rgb, None, False, fmt, 1000)
    assert decode(encode(photo)).rgb.shape == rgb.shape


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_noise_does_not_overflow_the_encoder(subsampling):
    """Noise compresses to more bytes than the pixels had."""
    rgb = np.random.default_rng(1).integers(0, 256, (700, 900, 3), np.uint8)
    photo = Photo(rgb, None, False, "JPEG", 10**8, subsampling=subsampling)
    assert decode(encode(photo)).rgb.shape == rgb.shape


def test_alpha_of_lossy_types_is_exact_enough(portrait):
    alpha = np.zeros(portrait.shape[:2], np.uint8)
    alpha[20:90, 30:150] = 255
    for fmt in ("WEBP", "AVIF"):
        photo = Photo(portrait, alpha, False, fmt, 40_000)
        again = decode(encode(photo))
        assert again.alpha is not None
        assert np.abs(again.alpha.astype(int) - alpha).mean() < 1
