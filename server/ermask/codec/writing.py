"""Photo -> bytes of a file of the same type, without metadata."""

from __future__ import annotations

import functools
import io
from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from PIL import Image

from ermask.codec.photo import Photo

MAX_GROWTH = 1.3
"""A lossy file may become this many times as large as the input: sites limit uploads."""
TOP_QUALITY = 95
"""Above it files grow quickly and look the same."""
FLOOR_QUALITY = {"JPEG": 25, "WEBP": 25, "AVIF": 25, "HEIF": 75}
"""Never below, whatever the size: under it the file would be worse than any that people keep. HEIC
stores a photo in about half the bytes of a JPEG, so that its floor is higher and may decide."""

_FULL_ENCODES = 4
_BLOCK = 128  # a multiple of every codec's block size, so that a sample compresses like the whole
_BLOCKS = 8

Encoder = Callable[[int], bytes]
"""Quality -> file."""


def encode(photo: Photo) -> bytes:
    """Write the photo as the type it came as (HEIC as JPEG); same photo in, same bytes out.

    PNG and lossless WebP stay lossless. The others get the highest quality from the type's
    FLOOR_QUALITY to TOP_QUALITY at which the file has at most MAX_GROWTH times `input_bytes`;
    where even the floor has more, the floor, and TOP_QUALITY where nothing bounds it.

    No EXIF, profile, comment or thumbnail is written: the pixels are sRGB, which is what readers
    assume.
    """
    im = _to_image(photo)
    if photo.format == "PNG":
        return _save(im, format="PNG", optimize=True)
    if photo.format == "WEBP" and photo.lossless:
        # Slower settings save about one part in a thousand.
        return _save(im, format="WEBP", lossless=True, method=2, quality=20)
    full = _encoder(im, photo)
    if photo.input_bytes is None:
        return full(TOP_QUALITY)
    sample = _sample(im)
    return _highest_quality(
        full,
        full if sample is im else _encoder(sample, photo),
        scale=(im.width * im.height) / (sample.width * sample.height),
        floor=FLOOR_QUALITY[photo.format],
        limit=photo.input_bytes * MAX_GROWTH,
    )


def _to_image(photo: Photo) -> Image.Image:
    im = Image.fromarray(photo.rgb)
    if photo.grey:
        im = im.convert("L")
    if photo.alpha is not None:
        im.putalpha(Image.fromarray(photo.alpha))
    return im


def _encoder(im: Image.Image, photo: Photo) -> Encoder:
    """The lossy encoder of the photo's type for one picture; remembers what it made."""
    options: dict[str, Any]
    if photo.format == "WEBP":
        options = {"format": "WEBP", "method": 4}
    elif photo.format == "AVIF":
        # Speed 6 takes three times as long for 3 % fewer bytes.
        chroma = "4:0:0" if photo.grey else photo.subsampling
        options = {"format": "AVIF", "speed": 8, "subsampling": chroma}
    else:
        options = {"format": "JPEG", "optimize": True, "subsampling": photo.subsampling}
    return functools.cache(lambda quality: _save(im, quality=quality, **options))


def _save(im: Image.Image, **options: Any) -> bytes:
    file = io.BytesIO()
    try:
        im.save(file, **options)
    except OSError:
        if not options.get("optimize") or options["format"] != "JPEG":
            raise
        # Pillow optimises within a buffer that noise outgrows; without, it writes piece by piece.
        return _save(im, **options | {"optimize": False})
    return file.getvalue()


def _sample(im: Image.Image) -> Image.Image:
    """Blocks from all over a large picture, set side by side; a small picture as it is."""
    side = _BLOCK * _BLOCKS
    if im.width * im.height <= 2 * side * side or min(im.size) < side:
        return im
    sample = Image.new(im.mode, (side, side))
    for row in range(_BLOCKS):
        for column in range(_BLOCKS):
            x = (im.width - _BLOCK) * column // (_BLOCKS - 1) // _BLOCK * _BLOCK
            y = (im.height - _BLOCK) * row // (_BLOCKS - 1) // _BLOCK * _BLOCK
            block = im.crop((x, y, x + _BLOCK, y + _BLOCK))
            sample.paste(block, (column * _BLOCK, row * _BLOCK))
    return sample


def _highest_quality(
    full: Encoder, sample: Encoder, *, scale: float, floor: int, limit: float
) -> bytes:
    """The file of the highest quality in floor..TOP_QUALITY that has at most `limit` bytes.

    A 12-megapixel AVIF takes seconds to encode, so that qualities are tried on the sample; each
    full encode then corrects `scale`, the bytes of the file per byte of the sample.
    """
    fits, exceeds = floor - 1, TOP_QUALITY + 1
    for _ in range(_FULL_ENCODES):
        open_range = range(fits + 1, exceeds)
        guess = bisect_right(open_range, limit / scale, key=lambda q: float(len(sample(q))))
        if not open_range or (guess == 0 and fits >= floor):
            break
        quality = open_range[max(guess - 1, 0)]
        if len(full(quality)) <= limit:
            fits = quality
        else:
            exceeds = quality
        scale = len(full(quality)) / len(sample(quality))
    return full(max(fits, floor))
