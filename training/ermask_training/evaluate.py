"""Measure a pair of exported models as a user and an attacker would meet them.

Photos go through the product's own engine (detection, ONNX networks, rendering, codec), and an
attacker detects and aligns the result anew. Matching follows the dodging protocol: the changed
photo `a` against another photo `b` of the same person, by recognisers that training never saw,
at a threshold set on people who appear in neither set.
"""

from __future__ import annotations

import io
import os
import platform
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ermask import align, codec
from ermask.circles import Circle
from ermask.codec import Photo
from ermask.engine import Engine
from ermask.errors import ErmaskError
from ermask.keys import Key
from ermask_training.data import CropSet, main_face
from ermask_training.embeddings import embeddings
from ermask_training.metrics import Rate, impostor_threshold, psnr
from ermask_training.surrogates import Recogniser

FARS = (0.01, 0.001)
KEYS = 20
"""Keys on the machine that has to find the right one."""
PRESETS = ("low", "mid", "high")
JPEG_QUALITY = 75


@dataclass(frozen=True)
class Pair:
    """Two photos of one person."""

    name: str
    a: Photo
    b: Photo


@dataclass
class Faces:
    """Crops of one variant of all photos, as an attacker cuts them; None = no face found."""

    crops: list[align.Pixels | None]


def read_pairs(folder: Path) -> list[Pair]:
    """`folder/<name>/{a,b}.*`, in order of name.

    Raises:
        ValueError: there is none.
    """
    pairs = []
    for entry in sorted(path for path in folder.iterdir() if path.is_dir()):
        files = {path.stem: path for path in entry.iterdir()}
        if {"a", "b"} <= files.keys():
            photos = [codec.decode(files[stem].read_bytes()) for stem in ("a", "b")]
            pairs.append(Pair(entry.name, *photos))
    if not pairs:
        raise ValueError(f"{folder} holds no <name>/a.* and b.*")
    return pairs


def evaluate(
    engine: Engine,
    pairs: list[Pair],
    calibration: CropSet,
    recognisers: list[Recogniser],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """All figures of one pair of models, ready for JSON."""
    secret = [secrets.token_bytes(32) for _ in range(KEYS)]
    keys = [(new_circle(i), Key(secret[i])) for i in range(KEYS)]
    variants: dict[str, list[Photo | None]] = {"b": [pair.b for pair in pairs]}
    variants["original"] = [pair.a for pair in pairs]
    marks: dict[str, list[Photo | None]] = {}
    for preset in PRESETS:
        progress(f"protect ({preset})")
        made = [_protect(engine, pair.a, keys[i % KEYS], preset) for i, pair in enumerate(pairs)]
        variants[f"protected {preset}"] = made
    mid = variants["protected mid"]
    progress("recompress and restore")
    for name in ("original", *(f"protected {preset}" for preset in PRESETS)):
        variants[f"{name}, JPEG {JPEG_QUALITY}"] = [
            photo and as_jpeg(photo) for photo in variants[name]
        ]
    for suffix in ("", f", JPEG {JPEG_QUALITY}"):
        seen = variants[f"protected mid{suffix}"]
        right = [[keys[i % KEYS]] for i in range(len(pairs))]
        wrong = [[(new_circle(KEYS + i), Key.generate())] for i in range(len(pairs))]
        flipped = [[(new_circle(i), _one_bit_off(secret[i % KEYS]))] for i in range(len(pairs))]
        for label, chosen in (("right", right), ("wrong", wrong), ("one-bit-off", flipped)):
            variants[f"restored, {label} key{suffix}"] = [
                _restore(engine, photo, use) for photo, use in zip(seen, chosen, strict=True)
            ]
    marks["clean"] = mid
    marks[f"JPEG {JPEG_QUALITY}"] = variants[f"protected mid, JPEG {JPEG_QUALITY}"]
    marks["half size"] = [photo and _half(photo) for photo in mid]
    marks[f"half size, JPEG {JPEG_QUALITY}"] = [photo and as_jpeg(_half(photo)) for photo in mid]

    progress("detect and align as an attacker does")
    crops = {name: _attacker_crops(engine, photos, pairs) for name, photos in variants.items()}
    report: dict[str, Any] = {"pairs": len(pairs), "recognisers": {}}
    for recogniser in recognisers:
        progress(f"match with {recogniser.name}")
        report["recognisers"][recogniser.name] = _match(recogniser, calibration, crops, progress)
    progress("read the mark")
    report["key found"] = _key_found(engine, marks, [pair.a for pair in pairs], keys)
    report["psnr"] = _psnr(engine, variants)
    return report


def _match(
    recogniser: Recogniser,
    calibration: CropSet,
    crops: dict[str, Faces],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    clean = embeddings(calibration, recogniser, progress)
    vectors = {name: _embed(recogniser, faces) for name, faces in crops.items()}
    result: dict[str, Any] = {}
    for far in FARS:
        limit = impostor_threshold(clean, calibration.identities, far)
        matched = {
            name: np.sum(found * vectors["b"], axis=1) >= limit
            for name, found in vectors.items()
            if name != "b"
        }
        before = matched["original"]
        rates = {name: Rate(int(hits.sum()), len(hits)).as_json() for name, hits in matched.items()}
        returned = {
            name: Rate(int((hits & before).sum()), int(before.sum())).as_json()
            for name, hits in matched.items()
            if name.startswith("restored")
        }
        result[f"FAR {far}"] = {
            "threshold": round(limit, 4),
            "match rate": rates,
            "matches brought back": returned,
        }
    result["no face found"] = {
        name: sum(crop is None for crop in faces.crops) for name, faces in crops.items()
    }
    return result


def _embed(recogniser: Recogniser, faces: Faces) -> align.Floats:
    """Unit embeddings (N, D); zeros, which match nobody, where no face was found."""
    rows = np.zeros((len(faces.crops), recogniser.entry.dim), np.float32)
    there = [i for i, crop in enumerate(faces.crops) if crop is not None]
    for chunk in _chunks(there, 32):
        batch = align.to_tensor([c for i in chunk if (c := faces.crops[i]) is not None])
        with torch.no_grad():
            rows[chunk] = recogniser(torch.from_numpy(batch)).numpy()
    return rows


def _attacker_crops(engine: Engine, photos: list[Photo | None], pairs: list[Pair]) -> Faces:
    crops: list[align.Pixels | None] = []
    for photo in photos:
        faces = [] if photo is None else engine.find(photo.rgb)
        if photo is None or not faces:
            crops.append(None)
            continue
        height, width = photo.rgb.shape[:2]
        crops.append(align.crop(photo.rgb, main_face(faces, width, height).similarity))
    return Faces(crops)


def _key_found(
    engine: Engine,
    marks: dict[str, list[Photo | None]],
    originals: list[Photo],
    keys: list[tuple[Circle, Key]],
) -> dict[str, Any]:
    """How often the right key is named among KEYS, and how often a key fits that should not."""
    result: dict[str, Any] = {}
    foreign = [(new_circle(KEYS + i), Key.generate()) for i in range(KEYS)]
    for name, photos in marks.items():
        named = false = tried = 0
        scores = []
        for i, photo in enumerate(photos):
            if photo is None:
                continue
            try:
                matches = engine.inspect(photo, [*keys, *foreign]).matches
            except ErmaskError:
                continue
            mine = keys[i % KEYS][0].id
            ours = [match for match in matches if match.circle_id != mine]
            named += matches[0].fits and matches[0].circle_id == mine
            false += sum(match.fits for match in ours)
            tried += len(ours)
            scores.append(next(m.score for m in matches if m.circle_id == mine))
        result[name] = {
            "right key named": Rate(named, len(photos)).as_json(),
            "other key accepted": Rate(false, tried).as_json(),
            "median score": round(float(np.median(scores)), 2),
        }
    false = tried = 0
    for photo in originals:
        try:
            matches = engine.inspect(photo, keys).matches
        except ErmaskError:
            continue
        false += sum(match.fits for match in matches)
        tried += len(matches)
    result["unprotected photo"] = {"key accepted": Rate(false, tried).as_json()}
    return result


def _psnr(engine: Engine, variants: dict[str, list[Photo | None]]) -> dict[str, float]:
    """Mean PSNR over the face crop, all cut where the face of the original is."""
    jpeg = f", JPEG {JPEG_QUALITY}"
    compare = [(f"protected {preset}", "original") for preset in PRESETS]
    compare += [("restored, right key", "original")]
    compare += [(f"restored, right key{jpeg}", f"original{jpeg}")]
    sums: dict[str, list[float]] = {f"{one} against {two}": [] for one, two in compare}
    for i, original in enumerate(variants["original"]):
        if original is None or not (faces := engine.find(original.rgb)):
            continue
        height, width = original.rgb.shape[:2]
        similarity = main_face(faces, width, height).similarity
        for one, two in compare:
            left, right = variants[one][i], variants[two][i]
            if left is not None and right is not None:
                cuts = [align.crop(photo.rgb, similarity) for photo in (left, right)]
                sums[f"{one} against {two}"].append(psnr(*cuts))
    return {name: round(float(np.mean(values)), 2) for name, values in sums.items()}


def _protect(engine: Engine, photo: Photo, key: tuple[Circle, Key], preset: str) -> Photo | None:
    try:
        return engine.protect(photo, *key, preset).photo
    except ErmaskError:
        return None


def _restore(engine: Engine, photo: Photo | None, key: list[tuple[Circle, Key]]) -> Photo | None:
    if photo is None:
        return None
    try:
        return engine.restore(photo, key, force=True).photo
    except ErmaskError:
        return None


def as_jpeg(photo: Photo) -> Photo:
    """The photo after a site has saved it: JPEG_QUALITY, 4:2:0."""
    buffer = io.BytesIO()
    Image.fromarray(photo.rgb).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=2)
    with Image.open(buffer) as read:
        return photo.with_rgb(np.asarray(read.convert("RGB")))


def _half(photo: Photo) -> Photo:
    image = Image.fromarray(photo.rgb)
    size = (image.width // 2, image.height // 2)
    small = np.asarray(image.resize(size, Image.Resampling.LANCZOS))
    return replace(photo, rgb=small, alpha=None)


def _one_bit_off(secret: bytes) -> Key:
    return Key(bytes([secret[0] ^ 1]) + secret[1:])


def new_circle(number: int) -> Circle:
    """A circle that is in no key store."""
    return Circle(id=f"{number:016x}", label=f"circle {number}", created="", fingerprint="")


def _chunks(items: list[int], size: int) -> Iterator[list[int]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]


def show(report: dict[str, Any]) -> None:
    """Print the figures as Markdown tables, with the machine and the day."""
    cpu = platform.processor() or platform.machine()
    print(f"\n{report['pairs']} pairs of photos, {date.today()}, {cpu}, {os.cpu_count()} cores")
    for far in (f"FAR {far}" for far in FARS):
        for name, entry in report["recognisers"].items():
            print(f"\n{name}, {far} (cosine {entry[far]['threshold']})\n")
            print("| photo | match rate (95 % interval) | brought back | no face found |")
            print("|---|---|---|---|")
            for variant, rate in entry[far]["match rate"].items():
                back = entry[far]["matches brought back"].get(variant)
                lost = entry["no face found"][variant]
                print(f"| {variant} | {_cell(rate)} | {_cell(back) if back else ''} | {lost} |")
    print("\n| PSNR over the face crop | dB |\n|---|---|")
    for name, value in report["psnr"].items():
        print(f"| {name} | {value:.1f} |")
    print(f"\nThe mark, among {KEYS} keys and {KEYS} foreign ones\n")
    print("| photo | right key named | other key accepted | median score |\n|---|---|---|---|")
    for name, entry in report["key found"].items():
        right = _cell(entry["right key named"]) if "right key named" in entry else ""
        other = _cell(entry.get("other key accepted") or entry["key accepted"])
        print(f"| {name} | {right} | {other} | {entry.get('median score', '')} |")


def _cell(rate: dict[str, Any]) -> str:
    low, high = rate["interval_95"]
    return f"{rate['rate']:.3f} ({low:.3f}-{high:.3f}, n {rate['n']})"
