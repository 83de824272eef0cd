"""From whatever a decoder delivers to 8-bit grey or RGB in sRGB, with alpha apart."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image, ImageCms

from ermask.codec.photo import Pixels

_SPACES = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_SAME_COLOURS = 2
"""Largest difference, in levels of 255, at which a profile counts as sRGB under another name."""


def split_alpha(im: Image.Image, bits: int = 8) -> tuple[Image.Image, Image.Image | None]:
    """A loaded picture as ("L", "RGB" or "CMYK", alpha as "L" or None), both 8 bits deep.

    `bits` is the depth of a channel in the file: PNG's one transparent colour is written in it.
    Raises ValueError for modes that none of the supported formats produces.
    """
    key = im.info.get("transparency")
    if im.mode in ("P", "PA"):
        im = im.convert("RGBA" if im.mode == "PA" or key is not None else "RGB")
    elif im.mode in ("RGBa", "La"):
        im = im.convert("RGBA" if im.mode == "RGBa" else "LA")
    elif im.mode in ("I", "I;16", "I;16B", "I;16L"):
        return _split_deep_grey(np.asarray(im), key)
    if im.mode in ("RGBA", "LA"):
        return im.convert("RGB" if im.mode == "RGBA" else "L"), im.getchannel("A")
    if im.mode == "1":
        im, bits, key = im.convert("L"), 8, key and 255
    if im.mode not in _SPACES:
        raise ValueError(f"unexpected mode {im.mode}")
    if key is None:
        return im, None
    return im, _keyed(np.asarray(im), [_to_8_bit(v, bits) for v in np.atleast_1d(key)])


def _split_deep_grey(
    grey: np.ndarray[Any, Any], key: int | None
) -> tuple[Image.Image, Image.Image | None]:
    alpha = None if key is None else _keyed(grey, [key])
    return Image.fromarray((grey >> 8).astype(np.uint8)), alpha


def _keyed(pixels: np.ndarray[Any, Any], key: list[int]) -> Image.Image:
    """Alpha that is transparent where a pixel has exactly the key's colour."""
    same = pixels == np.asarray(key)
    hidden = same if pixels.ndim == 2 and len(key) == 1 else same.all(axis=-1)
    return Image.fromarray(np.where(hidden, np.uint8(0), np.uint8(255)))


def _to_8_bit(value: int, bits: int) -> int:
    return value >> 8 if bits == 16 else int(value) * 255 // (2**bits - 1)


def to_srgb(im: Image.Image, icc: bytes | None) -> Image.Image:
    """An "L", "RGB" or "CMYK" picture in sRGB: "L" stays "L", the others become "RGB".

    `icc` is the embedded profile. One that is broken, or belongs to another kind of picture, is
    treated as absent, as browsers do: sRGB is then assumed. May change `im` in place.
    """
    transform = _transform(im.mode, icc) if icc else None
    if transform is None:
        return im.convert("RGB") if im.mode == "CMYK" else im
    if im.mode == "RGB":
        transform.apply_in_place(im)  # a second copy of a 50-megapixel photo is 200 MB
        return im
    converted = transform.apply(im)
    return converted.getchannel("G") if im.mode == "L" else converted


def _transform(mode: str, icc: bytes) -> ImageCms.ImageCmsTransform | None:
    """From the profile to sRGB; None if the profile cannot be used or changes no colour visibly."""
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space.strip() != _SPACES[mode]:
            return None
        transform = ImageCms.buildTransform(
            profile,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
        if mode == "CMYK":
            return transform
        probe = _probe(mode)
        moved = np.asarray(transform.apply(probe), np.int16) - np.asarray(
            probe.convert("RGB"), np.int16
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, AttributeError):
        return None
    # Nearly every profile in the wild is some edition of sRGB. Converting it would only add
    # rounding noise to every pixel, so that it is compared by what it does, not by its name.
    return None if int(np.abs(moved).max()) <= _SAME_COLOURS else transform


def _probe(mode: str) -> Image.Image:
    """A small picture with colours from all over the range of the mode."""
    if mode == "L":
        return Image.fromarray(np.arange(256, dtype=np.uint8)[None])
    steps = np.linspace(0, 255, 12).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    return Image.fromarray(lattice.reshape(12, 144, 3))


def on_white(im: Image.Image, alpha: Image.Image) -> Image.Image:
    """The picture laid on white, for output types without transparency."""
    ground = Image.new(im.mode, im.size, "white")
    ground.paste(im, mask=alpha)
    return ground


def hide_transparent(rgb: Pixels, alpha: Pixels) -> None:
    """Blacken, in place, what full transparency covers.

    Cut-outs often still hold the original background, or a face, under alpha 0: invisible to the
    owner, and there for anybody who drops the alpha channel.
    """
    rgb[alpha == 0] = 0
