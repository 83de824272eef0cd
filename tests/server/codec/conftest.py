"""Photos to read: made here, so that no test needs a file that is not in the repository."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pillow_heif import from_pillow

SaveFile = Callable[..., bytes]


def picture(height: int, width: int) -> np.ndarray[Any, Any]:
    """uint8 (height, width, 3): soft colours, shapes with edges and a little noise; asymmetric."""
    y = np.linspace(0, 1, height)[:, None] + np.zeros((1, width))
    x = np.linspace(0, 1, width)[None] + np.zeros((height, 1))
    rgb = np.stack([200 * x + 30, 180 * y + 40, 120 + 60 * np.sin(5 * x + 3 * y)], axis=-1)
    rgb[(x - 0.35) ** 2 + (y - 0.4) ** 2 < 0.05] = (210, 160, 130)
    rgb[(abs(x - 0.75) < 0.1) & (abs(y - 0.2) < 0.12)] = (40, 60, 130)
    rgb += np.random.default_rng(7).normal(0, 2, (height, width, 1))
    return rgb.clip(0, 255).astype(np.uint8)


def save_file(im: Image.Image | np.ndarray[Any, Any], kind: str, **options: Any) -> bytes:
    """The picture as a file of Pillow's type `kind`, or as "HEIF"."""
    im = im if isinstance(im, Image.Image) else Image.fromarray(im)
    file = io.BytesIO()
    if kind == "HEIF":
        from_pillow(im).save(file, **options)
    else:
        im.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="session")
def portrait() -> np.ndarray[Any, Any]:
    """uint8 (150, 200, 3)."""
    rgb = picture(150, 200)
    rgb.setflags(write=False)
    return rgb


@pytest.fixture(scope="session")
def make_picture() -> Callable[[int, int], np.ndarray[Any, Any]]:
    """`picture(height, width)`."""
    return picture


@pytest.fixture(scope="session")
def save() -> SaveFile:
    """`save_file(picture, kind, **options)`."""
    return save_file


@pytest.fixture(scope="session")
def photo_files(portrait: np.ndarray[Any, Any]) -> dict[str, bytes]:
    """A small photo as every supported type, by `Photo.format`."""
    return {
        "JPEG": save_file(portrait, "JPEG", quality=90),
        "PNG": save_file(portrait, "PNG"),
        "WEBP": save_file(portrait, "WEBP", quality=90),
        "AVIF": save_file(portrait, "AVIF", quality=85, speed=10),
        "HEIF": save_file(portrait, "HEIF", quality=85),
    }


@pytest.fixture(scope="session")
def read_pixels() -> Callable[[bytes], Image.Image]:
    """Open a file that `encode` wrote, as any other program would."""

    def read(data: bytes) -> Image.Image:
        im = Image.open(io.BytesIO(data))
        im.load()
        return im

    return read
