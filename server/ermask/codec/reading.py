"""Bytes of a photo file -> Photo."""

from __future__ import annotations

import io
from typing import cast

import numpy as np
from PIL import Image, JpegImagePlugin
from pillow_heif import HeifImageFile

from ermask.codec import colour
from ermask.codec.photo import Format, Photo, Pixels, Subsampling
from ermask.codec.sniffing import avif_subsampling, sniff, webp_is_lossless
from ermask.errors import (
    AnimatedImage,
    BadImage,
    DecodeFailed,
    ErmaskError,
    ImageTooLarge,
    TooManyPixels,
)

MAX_BYTES = 40 * 2**20
"""Largest photo file."""
MAX_PIXELS = 50_000_000
"""Largest width x height."""

_MAX_JPEG_SIDE = 65500
_ORIENTATION_TAG = 0x0112
_GREY_PNG = (0, 4)  # IHDR colour types
_SUBSAMPLING: dict[int, Subsampling] = {
    0: "4:4:4",
    1: "4:2:2",
    2: "4:2:0",
    444: "4:4:4",
    422: "4:2:2",
    420: "4:2:0",
}


def decode(data: bytes) -> Photo:
    """Read a JPEG, PNG, WebP, AVIF or HEIC file of at most MAX_BYTES and MAX_PIXELS.

    The result is upright (EXIF orientation and HEIC rotation applied), 8 bits deep and sRGB; of
    the metadata nothing is kept. Multi-picture JPEG and HEIC files give their main picture.
    Transparent HEIC files are laid on white, because they are written as JPEG.

    Raises BadImage, UnsupportedFormat, AnimatedImage, ImageTooLarge, TooManyPixels, or
    DecodeFailed when memory runs out.
    """
    check_size(data)
    fmt = sniff(data)
    try:
        with _open(data, fmt) as im:
            _check_header(im, fmt)
            im.load()
            _check_pixels(im, fmt)  # a HEIC file's header may lie
            return _to_photo(im, fmt, data)
    except ErmaskError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels() from error
    except MemoryError as error:
        raise DecodeFailed("There is not enough memory to open the photo.") from error
    except Exception as error:  # hostile bytes make decoders raise nearly everything
        raise BadImage("The photo is damaged or incomplete.") from error


def check_size(data: bytes) -> None:
    """Raise BadImage for an empty file and ImageTooLarge for more than MAX_BYTES."""
    if not data:
        raise BadImage("The file is empty.")
    if len(data) > MAX_BYTES:
        raise ImageTooLarge(
            f"The file has {len(data) / 2**20:.1f} MiB; the limit is {MAX_BYTES // 2**20} MiB."
        )


def _open(data: bytes, fmt: Format) -> Image.Image:
    """Read the header with the one decoder that the magic bytes name."""
    if fmt == "HEIF":
        # Built directly: registering the opener would change Pillow for the whole process.
        return cast(Image.Image, HeifImageFile(io.BytesIO(data)))  # type: ignore[no-untyped-call]
    return Image.open(io.BytesIO(data), formats=(fmt,))


def _check_header(im: Image.Image, fmt: Format) -> None:
    _check_pixels(im, fmt)
    # Phones write JPEGs and HEICs with a preview, a depth map or a gain map behind the photo.
    if fmt in ("PNG", "WEBP", "AVIF") and getattr(im, "n_frames", 1) > 1:
        raise AnimatedImage("The picture is animated, not a single photo.")


def _check_pixels(im: Image.Image, fmt: Format) -> None:
    if im.width * im.height > MAX_PIXELS or (fmt == "HEIF" and max(im.size) > _MAX_JPEG_SIDE):
        raise _too_many_pixels()


def _too_many_pixels() -> TooManyPixels:
    return TooManyPixels(f"The photo has more than {MAX_PIXELS // 10**6} megapixels.")


def _to_photo(im: Image.Image, fmt: Format, data: bytes) -> Photo:
    orientation = _orientation(im, fmt)
    chroma = _subsampling(im, fmt, data)
    depth, colour_type = (data[24], data[25]) if fmt == "PNG" else (8, None)
    icc = im.info.get("icc_profile")
    base, alpha = colour.split_alpha(im, depth)
    if colour_type in _GREY_PNG or chroma is None:
        base = base.convert("L")  # Pillow delivers 16-bit grey with alpha, and grey AVIF, as RGB
    base = colour.to_srgb(base, icc)
    if alpha is not None and fmt == "HEIF":
        base, alpha = colour.on_white(base, alpha), None
    grey = base.mode == "L"
    rgb = _upright(np.array(base.convert("RGB") if grey else base), orientation)
    opacity = None if alpha is None else _upright(np.array(alpha), orientation)
    if opacity is not None:
        colour.hide_transparent(rgb, opacity)
    lossless = fmt == "PNG" or (fmt == "WEBP" and webp_is_lossless(data))
    return Photo(rgb, opacity, grey, fmt, len(data), lossless, chroma or "4:2:0")


def _orientation(im: Image.Image, fmt: Format) -> int:
    """1 to 8 as in EXIF; 1 where it is missing, unreadable or already applied."""
    if fmt == "HEIF":
        return 1  # rotation is part of the container, done by the decoder; EXIF only repeats it
    try:
        value = im.getexif().get(_ORIENTATION_TAG, 1)
    except Exception:  # EXIF garbage raises anything; the picture itself is fine
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _upright(pixels: Pixels, orientation: int) -> Pixels:
    """(H, W) or (H, W, 3) as stored -> as seen; 5 to 8 swap the sides."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def _subsampling(im: Image.Image, fmt: Format, data: bytes) -> Subsampling | None:
    """Chroma resolution of the file; None where it says that it has no chroma."""
    if fmt == "JPEG":
        if im.mode == "CMYK":
            return "4:4:4"
        return _SUBSAMPLING.get(JpegImagePlugin.get_sampling(im), "4:2:0")
    if fmt == "HEIF":
        return _SUBSAMPLING.get(im.info.get("chroma", 420), "4:2:0")
    return avif_subsampling(data) if fmt == "AVIF" else "4:2:0"
