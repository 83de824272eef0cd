"""What happens to a photo between protecting and restoring: recompression and resizing.

The real codecs run in the loop.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

Degradation = Callable[[Image.Image, np.random.Generator], Image.Image]


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    """Through a JPEG file with 4:2:0 chroma."""
    return _through(image, format="JPEG", quality=quality, subsampling=2)


def webp(image: Image.Image, quality: int) -> Image.Image:
    """Through a lossy WebP file."""
    return _through(image, format="WEBP", quality=quality, method=2)


def smaller(image: Image.Image, scale: float) -> Image.Image:
    """Down by `scale`, as a site's thumbnailer does."""
    width, height = (max(8, round(side * scale)) for side in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def larger(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Up to a size (width, height), as a viewer does."""
    return image.resize(size, Image.Resampling.BICUBIC)


def resize(image: Image.Image, scale: float) -> Image.Image:
    """Down by `scale` and up again."""
    return larger(smaller(image, scale), image.size)


def random_chain(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """One draw of what sites do, seen at the old size: maybe made smaller, then JPEG or WebP at
    that size, sometimes JPEG twice."""
    if rng.random() < 0.15:
        return image
    seen = image
    if rng.random() < 0.6:
        seen = smaller(seen, float(rng.uniform(0.35, 1.0)))
    if rng.random() < 0.15:
        return larger(webp(seen, int(rng.integers(60, 96))), image.size)
    seen = jpeg(seen, int(rng.integers(55, 96)))
    if rng.random() < 0.25:
        seen = jpeg(seen, int(rng.integers(55, 96)))
    return larger(seen, image.size)


def sites(crop_B3HW: Tensor, rng: np.random.Generator) -> Tensor:
    """Every crop through its own `random_chain`; gradients do not pass."""
    pixels = (crop_B3HW.detach() * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    # Pillow's codecs run beside each other, so each crop has dice of its own
    seeds = rng.integers(2**32, size=len(pixels))
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(_posted, pixels, seeds))
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).to(crop_B3HW) / 255


def soften(crop_B3HW: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur some crops of a batch, so that training sees more than one sharpness."""
    softened = crop_B3HW.clone()
    for i in range(len(crop_B3HW)):
        if rng.random() < 0.3:
            side = int(rng.integers(90, 200))
            small = F.interpolate(
                crop_B3HW[i : i + 1], (side, side), mode="bilinear", antialias=True
            )
            softened[i] = F.interpolate(small, crop_B3HW.shape[-2:], mode="bicubic")[0].clamp(0, 1)
    return softened


def _posted(pixels: np.ndarray, seed: int) -> np.ndarray:
    return np.asarray(random_chain(Image.fromarray(pixels), np.random.default_rng(seed)))


def _through(image: Image.Image, **options: object) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, **options)  # type: ignore[arg-type]
    with Image.open(buffer) as read:
        return read.convert("RGB")
