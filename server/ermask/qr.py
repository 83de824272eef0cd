"""QR codes that hold the text of a key: for handing a circle over on paper or from a screen.

The text is written in capitals, which Key.parse reads as well: a QR code packs those closer, so
that its squares are larger and easier to read from a photo.

Reading is for the decoding process alone: it gives the bytes of strangers to a C++ library, whose
time depends on the picture without a bound worth relying on. Importing this module loads it.
"""

from __future__ import annotations

import numpy as np
import zxingcpp
from PIL import Image

from ermask.codec import Photo, encode
from ermask.keys import Key, looks_like_key

MAX_FOUND = 8
"""Texts that `find` returns at most."""

_SCALE = 8
_QR = zxingcpp.BarcodeFormat.QRCode
_BLOCKS = "\u2588\u2580\u2584 "  # both halves light, the upper, the lower, none


def find(photo: Photo) -> list[str]:
    """The texts of the QR codes in a photo that look like a key, without repetitions.

    Codes may be turned, mirrored, light on dark, or photographed at an angle.
    """
    grey = np.asarray(Image.fromarray(photo.rgb).convert("L"))
    if photo.alpha is not None:
        # Transparent is stored as black; a code on a transparent ground is meant to lie on white.
        opacity = photo.alpha.astype(np.uint16)
        grey = ((grey * opacity + 255 * (255 - opacity)) // 255).astype(np.uint8)
    codes = zxingcpp.read_barcodes(
        grey, formats=zxingcpp.BarcodeFormats(_QR), text_mode=zxingcpp.TextMode.Plain
    )
    texts = dict.fromkeys(code.text for code in codes if looks_like_key(code.text))
    return [*texts][:MAX_FOUND]


def picture(key: Key) -> bytes:
    """The key as a PNG file, grey, a few hundred pixels square. This is the secret."""
    light = np.kron(_modules(key), np.full((_SCALE, _SCALE), 255, np.uint8))
    rgb = np.repeat(light[..., np.newaxis], 3, axis=2)
    return encode(Photo(rgb, None, True, "PNG", light.size, lossless=True))


def lines(key: Key) -> list[str]:
    """The key as text for a terminal, two rows of the code in each line. This is the secret.

    Light squares are drawn and dark ones left out, as it looks right on a dark ground; `find`
    reads it from a light one too.
    """
    light = _modules(key)
    light = np.pad(light, ((0, len(light) % 2), (0, 0)), constant_values=1)
    halves = 3 - 2 * light[::2] - light[1::2]
    return ["".join(_BLOCKS[each] for each in row) for row in halves]


def _modules(key: Key) -> np.ndarray:
    """uint8 (N, N), 1 where the code is light, with the four light squares around it."""
    code = zxingcpp.create_barcode(key.text().upper(), _QR, ec_level="M")
    return np.array(zxingcpp.write_barcode_to_image(code), np.uint8) // 255
