"""Photos to aligned crops, and crops to batches.

A prepared set is a folder with `crops.npy` (uint8, N x CROP x CROP x 3) and `index.json`, which
names the photo and the identity of every crop. Crops are cut by `ermask.detect` and
`ermask.align`, the code that the product runs: what is trained on is what is served.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ermask import align, codec
from ermask.contract import CROP
from ermask.errors import ErmaskError
from ermask.faces import Detector, Face

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".avif", ".heic"}


@dataclass(frozen=True)
class CropSet:
    """Aligned crops of known people."""

    folder: Path
    crops: NDArray[np.uint8]
    """(N, CROP, CROP, 3), memory-mapped."""
    identities: tuple[str, ...]
    photos: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.identities)

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits for the photos, by their names."""
        names = json.dumps([self.identities, self.photos])
        return hashlib.sha256(names.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Prepared:
    """What `prepare` did."""

    crops: int
    identities: int
    without_face: int
    unreadable: int


def photos_by_identity(folder: Path) -> list[tuple[str, Path]]:
    """(identity, photo) for every photo in `folder/<identity>/`, in a fixed order."""
    paths = sorted(p for p in folder.glob("*/*") if p.suffix.lower() in SUFFIXES)
    return [(path.parent.name, path) for path in paths]


def main_face(faces: list[Face], width: int, height: int) -> Face:
    """The face a portrait is of: large and near the centre."""
    centre = np.array([width / 2, height / 2])

    def rank(face: Face) -> float:
        middle = np.array([face.box[0] + face.box[2], face.box[1] + face.box[3]]) / 2
        return float(np.hypot(*(middle - centre)) - face.width)

    return min(faces, key=rank)


def prepare(
    folder: Path, output: Path, detector: Detector, progress: Callable[[int], None]
) -> Prepared:
    """Cut one crop from every photo of `folder/<identity>/`.

    Raises:
        ValueError: no photo has a face.
    """
    entries = photos_by_identity(folder)
    crops, names = [], []
    without_face = unreadable = 0
    for identity, path in entries:
        progress(1)
        try:
            rgb = codec.decode(path.read_bytes()).rgb
        except ErmaskError:
            unreadable += 1
            continue
        faces = detector.find(rgb)
        if not faces:
            without_face += 1
            continue
        face = main_face(faces, rgb.shape[1], rgb.shape[0])
        crops.append(align.crop(rgb, face.similarity))
        names.append((identity, path.relative_to(folder).as_posix()))
    if not crops:
        raise ValueError(f"no photo under {folder} has a face; expected {folder}/<identity>/*.jpg")
    output.mkdir(parents=True, exist_ok=True)
    np.save(output / "crops.npy", np.stack(crops))
    index = {"crop": CROP, "identities": [n[0] for n in names], "photos": [n[1] for n in names]}
    (output / "index.json").write_text(json.dumps(index))
    return Prepared(len(crops), len({n[0] for n in names}), without_face, unreadable)


def load(folder: Path) -> CropSet:
    """Open a prepared set.

    Raises:
        ValueError: the folder holds none, or one of another crop size.
    """
    try:
        index = json.loads((folder / "index.json").read_text())
        crops = np.load(folder / "crops.npy", mmap_mode="r")
    except FileNotFoundError as error:
        raise ValueError(f"{folder} is not a prepared set; run `ermask-train prepare`") from error
    if index["crop"] != CROP:
        raise ValueError(f"{folder} was prepared for crops of {index['crop']}; run prepare again")
    return CropSet(folder, crops, tuple(index["identities"]), tuple(index["photos"]))


def require_disjoint(sets: Iterable[CropSet]) -> None:
    """Refuse sets that share an identity: a model must not be judged on people it was trained on.

    Raises:
        ValueError: naming one shared identity.
    """
    seen: set[str] = set()
    for crop_set in sets:
        here = set(crop_set.identities)
        if shared := seen & here:
            raise ValueError(f"identity {min(shared)} is in two sets that must be disjoint")
        seen |= here
