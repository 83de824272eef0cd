"""What sites do to a photo between posting and seeing, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from PIL import Image

from ermask.codec import Photo
from ermask_training import degrade

JPEG_QUALITY = 75
CLEAN = "clean"
FINE = "JPEG 90"
POSTED = f"JPEG {JPEG_QUALITY}"
HALF = "half size"
HALF_POSTED = f"{HALF}, {POSTED}"

Variant = Callable[[Photo], Photo]


def as_jpeg(photo: Photo, quality: int = JPEG_QUALITY) -> Photo:
    """The photo after a site has saved it as JPEG with 4:2:0 chroma."""
    return photo.with_rgb(np.asarray(degrade.jpeg(Image.fromarray(photo.rgb), quality)))


def as_webp(photo: Photo, quality: int) -> Photo:
    return photo.with_rgb(np.asarray(degrade.webp(Image.fromarray(photo.rgb), quality)))


def half_size(photo: Photo) -> Photo:
    """Half as wide and high; it stays small."""
    image = Image.fromarray(photo.rgb)
    size = (max(1, image.width // 2), max(1, image.height // 2))
    small = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    return replace(photo, rgb=small, alpha=None)


VARIANTS: dict[str, Variant] = {
    CLEAN: lambda photo: photo,
    FINE: lambda photo: as_jpeg(photo, 90),
    "JPEG 85": lambda photo: as_jpeg(photo, 85),
    POSTED: as_jpeg,
    "JPEG 60": lambda photo: as_jpeg(photo, 60),
    "WebP 80": lambda photo: as_webp(photo, 80),
    HALF: half_size,
    HALF_POSTED: lambda photo: as_jpeg(half_size(photo)),
    "JPEG 85 then 75": lambda photo: as_jpeg(as_jpeg(photo, 85)),
}


def label(name: str, variant: str) -> str:
    """How a picture under a variant is called in every table."""
    return name if variant == CLEAN else f"{name}, {variant}"


def posted_as(name: str, photo: Photo, variants: tuple[str, ...]) -> dict[str, Photo]:
    """The photo under each of the variants, by label."""
    return {label(name, each): VARIANTS[each](photo) for each in variants}


def parts(text: str) -> tuple[str, str]:
    """A label's name and variant: what `label` put together."""
    for variant in sorted(VARIANTS, key=len, reverse=True):
        if text.endswith(f", {variant}"):
            return text.removesuffix(f", {variant}"), variant
    return text, CLEAN
