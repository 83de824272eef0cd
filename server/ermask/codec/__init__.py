"""Photos in, photos out: the only place where image files are read or written.

`decode` turns the bytes of a JPEG, PNG, WebP, AVIF or HEIC file into upright 8-bit sRGB pixels and
forgets everything else that the file carried. `encode` writes the same type again (JPEG for HEIC).
Untrusted bytes go through `ermask.decoding.Decoder`, which runs `decode` in a limited process.
"""

from ermask.codec.photo import Format, Photo, Subsampling
from ermask.codec.reading import MAX_BYTES, MAX_PIXELS, check_size, decode
from ermask.codec.sniffing import sniff
from ermask.codec.writing import encode

__all__ = [
    "MAX_BYTES",
    "MAX_PIXELS",
    "Format",
    "Photo",
    "Subsampling",
    "check_size",
    "decode",
    "encode",
    "sniff",
]
