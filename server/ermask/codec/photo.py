"""The decoded photo that travels through the engine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

Format = Literal["JPEG", "PNG", "WEBP", "AVIF", "HEIF"]
Subsampling = Literal["4:4:4", "4:2:2", "4:2:0"]
Pixels = npt.NDArray[np.uint8]

_OUTPUT = {
    "JPEG": ("image/jpeg", ".jpg"),
    "PNG": ("image/png", ".png"),
    "WEBP": ("image/webp", ".webp"),
    "AVIF": ("image/avif", ".avif"),
    "HEIF": ("image/jpeg", ".jpg"),
}


@dataclass(frozen=True, eq=False)
class Photo:
    """Pixels of one still picture and what is needed to write it back as the type it came as.

    Raises ValueError when the arrays do not fit each other or the format.
    """

    rgb: Pixels
    """uint8 (H, W, 3), sRGB, upright. Zero where alpha is zero."""
    alpha: Pixels | None
    """uint8 (H, W), 0 = transparent, straight (not premultiplied); None when the file had none."""
    grey: bool
    """The file was greyscale: `rgb` has three equal channels and `encode` writes one."""
    format: Format
    """Type of the input file."""
    input_bytes: int | None
    """Size of the input file, which bounds that of a lossy output; None for no bound."""
    lossless: bool = False
    """The file was stored without loss (PNG, lossless WebP); `encode` keeps that."""
    subsampling: Subsampling = "4:2:0"
    """Chroma resolution of a lossy input file; `encode` keeps it."""

    def __post_init__(self) -> None:
        if self.rgb.dtype != np.uint8 or self.rgb.ndim != 3 or self.rgb.shape[2] != 3:
            raise ValueError(f"rgb must be uint8 (H, W, 3), not {self.rgb.dtype} {self.rgb.shape}")
        if self.alpha is None:
            return
        if self.alpha.dtype != np.uint8 or self.alpha.shape != self.rgb.shape[:2]:
            raise ValueError(
                f"alpha must be uint8 {self.rgb.shape[:2]}, not {self.alpha.dtype} "
                f"{self.alpha.shape}"
            )
        if self.suffix == ".jpg":
            raise ValueError("a photo that is written as JPEG cannot have an alpha channel")

    def with_rgb(self, rgb: Pixels) -> Photo:
        """The same photo with other pixels: uint8, same shape as `self.rgb`.

        It is grey no more if they have a colour.
        """
        if rgb.shape != self.rgb.shape:
            raise ValueError(f"rgb must keep the shape {self.rgb.shape}, not {rgb.shape}")
        grey = self.grey and bool((rgb == rgb[..., :1]).all())
        return replace(self, rgb=rgb, grey=grey)

    @property
    def mime(self) -> str:
        """Media type of what `encode` writes."""
        return _OUTPUT[self.format][0]

    @property
    def suffix(self) -> str:
        """File name ending, with the dot, of what `encode` writes."""
        return _OUTPUT[self.format][1]
