"""Photo types, orientation, metadata: what goes in comes out as the same type and nothing else."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.MpoImagePlugin import MpoImageFile
from PIL.PngImagePlugin import PngInfo
from pillow_heif import from_pillow

from ermask import codec
from ermask.codec import Photo, decode, encode
from ermask.errors import AnimatedImage, ErmaskError, UnsupportedFormat

FORMATS = Path(__file__).parents[4] / "shared" / "faces" / "casual" / "formats"
MAGIC = {
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG",
    "image/webp": b"RIFF",
    "image/avif": b"\0\0\0 ftypavif",
}


def difference(a, b):
    """Mean absolute difference in levels."""
    return float(np.abs(np.asarray(a, float) - np.asarray(b, float)).mean())


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_each_type_comes_back_as_itself(fmt, photo_files, portrait, read_pixels):
    photo = decode(photo_files[fmt])
    assert (photo.format, photo.grey, photo.alpha) == (fmt, False, None)
    assert photo.input_bytes == len(photo_files[fmt])
    assert photo.rgb.shape == portrait.shape
    assert difference(photo.rgb, portrait) < (0.01 if fmt == "PNG" else 2.5)
    written = encode(photo)
    assert written.startswith(MAGIC[photo.mime])
    again = read_pixels(written)
    assert again.format == ("JPEG" if fmt == "HEIF" else fmt)
    assert difference(again, photo.rgb) < (0.01 if fmt == "PNG" else 2.5)


@pytest.mark.parametrize(
    ("fmt", "mime", "suffix"),
    [
        ("JPEG", "image/jpeg", ".jpg"),
        ("PNG", "image/png", ".png"),
        ("WEBP", "image/webp", ".webp"),
        ("AVIF", "image/avif", ".avif"),
        ("HEIF", "image/jpeg", ".jpg"),
    ],
)
def test_output_type(fmt, mime, suffix, portrait):
    photo = Photo(portrait, None, False, fmt, 1000)
    assert (photo.mime, photo.suffix) == (mime, suffix)


# --- orientation -----------------------------------------------------------------------------


def upright(stored: np.ndarray, orientation: int) -> np.ndarray:
    """The EXIF table, written as rotations and mirrors."""
    turns, mirrored = {
        1: (0, False), 2: (0, True), 3: (2, False), 4: (2, True),
        5: (3, True), 6: (3, False), 7: (1, True), 8: (1, False),
    }[orientation]  # fmt: skip
    turned = np.rot90(stored, turns)
    return turned[:, ::-1] if mirrored else turned


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_orientation_is_applied_and_forgotten(fmt, orientation, portrait, save, read_pixels):
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"AVIF": {"speed": 10}}.get(fmt, {}) | ({} if fmt == "PNG" else {"quality": 90})
    photo = decode(save(portrait, fmt, exif=exif, **options))
    assert difference(photo.rgb, upright(portrait, orientation)) < 2.5
    written = read_pixels(encode(photo))
    assert written.size == (photo.rgb.shape[1], photo.rgb.shape[0])
    assert written.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_orientation_is_not_applied_twice(orientation, portrait, save):
    exif = Image.Exif()
    exif[0x0112] = orientation  # the writer turns it into rotation and mirror boxes
    photo = decode(save(portrait, "HEIF", quality=90, exif=exif.tobytes()))
    assert difference(photo.rgb, upright(portrait, orientation)) < 2.5


def test_alpha_turns_with_the_picture(portrait, save):
    alpha = np.zeros(portrait.shape[:2], np.uint8)
    alpha[:40, :70] = 255
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = decode(save(np.dstack([portrait, alpha]), "PNG", exif=exif))
    assert photo.alpha is not None
    assert (photo.alpha == upright(alpha, 6)).all()


# --- metadata --------------------------------------------------------------------------------

SECRET = b"48.858844,2.294351"


def _secret_exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif.get_ifd(0x8825)[29] = SECRET.decode()
    return exif


def _jpeg_with_everything(portrait, save) -> bytes:
    data: bytes = save(
        portrait, "JPEG", exif=_secret_exif(), comment=SECRET, xmp=b"<x>" + SECRET + b"</x>"
    )
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(SECRET)) + SECRET
    thumbnail = b"JFXX\0\x10" + SECRET
    for marker, body in ((b"\xff\xed", iptc), (b"\xff\xe0", thumbnail), (b"\xff\xe9", SECRET)):
        data = data[:2] + marker + struct.pack(">H", len(body) + 2) + body + data[2:]
    return data + SECRET  # as motion photos append their film


def _png_with_everything(portrait, save) -> bytes:
    info = PngInfo()
    info.add_text("Comment", SECRET.decode())
    info.add_text("Location", SECRET.decode(), zip=False)
    info.add_itxt("XML:com.adobe.xmp", f"<x>{SECRET.decode()}</x>")
    info.add(b"prVt", SECRET)
    data: bytes = save(portrait, "PNG", pnginfo=info, exif=_secret_exif())
    return data + SECRET


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "AVIF", "HEIF"])
def test_no_metadata_survives(fmt, portrait, save, read_pixels):
    if fmt == "JPEG":
        data = _jpeg_with_everything(portrait, save)
    elif fmt == "PNG":
        data = _png_with_everything(portrait, save)
    else:
        data = save(portrait, fmt, exif=_secret_exif().tobytes(), xmp=b"<x>" + SECRET + b"</x>")
    assert SECRET in data
    written = encode(decode(data))
    assert SECRET not in written
    im = read_pixels(written)
    assert not im.getexif()
    assert not {"icc_profile", "exif", "xmp", "comment", "photoshop", "dpi"} & im.info.keys()


def test_invisible_pixels_are_not_published(portrait, save, read_pixels):
    alpha = np.full(portrait.shape[:2], 255, np.uint8)
    alpha[:, :100] = 0
    alpha[:, 100:120] = 1
    photo = decode(save(np.dstack([portrait, alpha]), "PNG"))
    written = np.asarray(read_pixels(encode(photo)))
    assert not written[:, :100, :3].any()
    assert (written[:, 100:, :3] == portrait[:, 100:]).all()
    assert (written[..., 3] == alpha).all()


# --- more than one picture in a file ---------------------------------------------------------


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "AVIF"])
def test_animations_are_refused(fmt, portrait, save):
    frames = [Image.fromarray(portrait), Image.fromarray(255 - portrait)]
    data = save(frames[0], fmt, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(AnimatedImage):
        decode(data)


@pytest.mark.parametrize("fmt", ["PNG", "WEBP", "AVIF"])
def test_one_frame_is_no_animation(fmt, portrait, save):
    assert decode(save(portrait, fmt, save_all=True)).rgb.shape == portrait.shape


def test_animated_gif_is_named_an_animation(portrait, save):
    frames = [Image.fromarray(portrait), Image.fromarray(255 - portrait)]
    with pytest.raises(AnimatedImage, match="GIF"):
        decode(save(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100))


def test_first_picture_of_a_multi_picture_jpeg(portrait, save):
    preview = Image.fromarray(255 - portrait[::2, ::2])
    data = save(portrait, "MPO", quality=90, save_all=True, append_images=[preview])
    several = Image.open(io.BytesIO(data))
    assert isinstance(several, MpoImageFile)
    assert several.n_frames == 2
    photo = decode(data)
    assert photo.format == "JPEG"
    assert difference(photo.rgb, portrait) < 2.5
    assert Image.open(io.BytesIO(encode(photo))).format == "JPEG"


def test_primary_picture_of_a_heic_with_several(portrait, save):
    second = Image.fromarray(255 - portrait)
    heif = from_pillow(Image.fromarray(portrait))
    heif.add_from_pillow(second)
    file = io.BytesIO()
    heif.save(file, quality=90, primary_index=1)
    data = file.getvalue()
    assert difference(decode(data).rgb, 255 - portrait) < 2.5


@pytest.mark.parametrize(
    ("kind", "name"),
    [("GIF", "GIF"), ("BMP", "BMP"), ("TIFF", "TIFF"), ("ICO", "icon"), ("JPEG2000", "JPEG 2000")],
)
def test_other_types_are_named(kind, name, portrait, save):
    with pytest.raises(UnsupportedFormat, match=name):
        decode(save(portrait, kind))


# --- Photo -----------------------------------------------------------------------------------


def test_photo_checks_its_arrays(portrait):
    flat = np.zeros(portrait.shape[:2], np.uint8)
    with pytest.raises(ValueError, match="rgb"):
        Photo(portrait.astype(np.float32), None, False, "PNG", 1)
    with pytest.raises(ValueError, match="rgb"):
        Photo(flat, None, True, "PNG", 1)
    with pytest.raises(ValueError, match="alpha"):
        Photo(portrait, flat[1:], False, "PNG", 1)
    with pytest.raises(ValueError, match="JPEG"):
        Photo(portrait, flat, False, "HEIF", 1)


def test_with_rgb_keeps_the_rest(portrait):
    alpha = np.full(portrait.shape[:2], 9, np.uint8)
    photo = Photo(portrait, alpha, False, "WEBP", 77, True, "4:4:4")
    other = photo.with_rgb(255 - portrait)
    assert (other.rgb == 255 - portrait).all()
    assert other.alpha is alpha
    assert (other.format, other.input_bytes, other.lossless) == ("WEBP", 77, True)
    with pytest.raises(ValueError, match="shape"):
        photo.with_rgb(portrait[1:])


# --- photos from elsewhere -------------------------------------------------------------------


@pytest.mark.skipif(not FORMATS.is_dir(), reason="the shared photo collection is not here")
def test_collected_files():
    refused = {"gif": "animated_image", "bmp": "unsupported_format", "tiff": "unsupported_format"}
    for path in sorted(FORMATS.iterdir()):
        data = path.read_bytes()
        wanted = refused.get(path.suffix[1:])
        if "animated" in path.name:
            wanted = "animated_image"
        elif "truncated" in path.name:
            wanted = "bad_image"
        if wanted:
            with pytest.raises(ErmaskError) as caught:
                decode(data)
            assert caught.value.code == wanted, path.name
        else:
            photo = decode(data)
            assert photo.rgb.size > 0, path.name
            assert ("gray" in path.name or "_la" in path.name) == photo.grey, path.name


@pytest.mark.skipif(not FORMATS.is_dir(), reason="the shared photo collection is not here")
def test_collected_orientations_show_the_same_picture():
    for name, suffix in (("astronaut", "jpg"), ("solvay", "jpg")):
        photos = [
            decode((FORMATS / f"{name}_exif_orientation_{n}.{suffix}").read_bytes())
            for n in range(1, 9)
            if (FORMATS / f"{name}_exif_orientation_{n}.{suffix}").exists()
        ]
        assert len(photos) > 6
        assert all(difference(photos[0].rgb, other.rgb) < 4 for other in photos[1:])


def test_public_names():
    assert codec.MAX_BYTES == 40 * 2**20
    assert codec.MAX_PIXELS == 50_000_000
