"""A network becomes a recogniser of a roster, once it has shown that it is one."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import onnx
import torch
from torch import Tensor

from ermask.contract import CROP
from ermask_training.roster import document, packs
from ermask_training.roster.entries import (
    LOADERS,
    Entry,
    Loader,
    Role,
    loader_of,
    parse,
    read_roster,
)
from ermask_training.roster.loaders import face_size
from ermask_training.split import file_digest
from ermask_training.surrogates import Recogniser

Three = tuple[float, float, float]
TEMPLATE = (0.0, 0.0, 112.0, 112.0)
MTCNN_BOX = (10.0, 1.0, 102.0, 126.0)
"""Where MTCNN sees a face (median over 164 crops: 16, 10, 96, 117), grown by 160/138: facenet's
networks were trained on the middle 160 of 182 pixels, of which the margin was 44."""


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is known of a network before it is opened; None takes what its loader suggests."""

    name: str
    role: Role
    loader: Loader | None = None
    box: tuple[float, float, float, float] | None = None
    size: tuple[int, int] | None = None
    channels: Literal["RGB", "BGR"] = "RGB"
    mean: Three | None = None
    std: Three | None = None
    licence: str | None = None


def add(folder: Path, source: Path, candidate: Candidate) -> Entry:
    """Copy a network into the roster's folder and append its entry.

    Args:
        source: the network's file, or a pack of InsightFace: a folder or a zip.

    Raises:
        ValueError: the name or the network is in the roster already, a file is in the way, or the
            network does not take faces, or gives no embeddings through which gradients pass.
        OSError: something cannot be read or written.

    After an error, the folder is as it was.
    """
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", candidate.name, re.ASCII):
        raise ValueError(f"{candidate.name!r} is no name: use letters, digits, '_', '-' and '.'")
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: make it first")
    if not source.exists():
        raise ValueError(f"there is no {source}")
    content = document.read(folder)
    known = parse(content, folder)
    if candidate.name in {entry.name for entry in known}:
        raise ValueError(f"{folder} has a recogniser {candidate.name} already; choose another name")
    if packs.is_pack(source):
        if candidate.loader not in (None, "insightface"):
            raise ValueError(f"{source} is a pack, which only loader insightface reads")
        candidate = replace(candidate, loader="insightface")
    with tempfile.TemporaryDirectory(dir=folder, prefix=".add-") as scratch:
        try:
            entry = _open(_copy(source, candidate.name, Path(scratch)), candidate)
        except ValueError as error:
            raise ValueError(f"{source}: {error}") from error
        target = folder / entry.path.name
        if target.exists():
            raise ValueError(f"{target} exists already; choose another name or move it away")
        digest = file_digest(entry.path)
        if same := [other.name for other in known if file_digest(other.path) == digest]:
            raise ValueError(f"{source} is the same network as {same[0]}")
        entry.path.replace(target)
    try:
        document.write(folder, document.with_entry(content, _fields(entry, candidate.licence)))
    except BaseException:
        target.unlink()
        raise
    return read_roster(folder)[-1]


def _copy(source: Path, name: str, scratch: Path) -> Path:
    """The network under the name that it will have."""
    if packs.is_pack(source):
        copy = scratch / f"{name}.onnx"
        copy.write_bytes(packs.find_recogniser(source))
    else:
        copy = scratch / f"{name}{source.suffix}"
        shutil.copyfile(source, copy)
    return copy


def _open(path: Path, candidate: Candidate) -> Entry:
    """The full entry of a network, found out by running it."""
    loader = candidate.loader or loader_of(path)
    told = face_size(path, loader)
    size = candidate.size or told
    if size is None:
        raise ValueError(
            f"read as {loader}, it does not say which size it takes: give --size, or --loader"
        )
    if told not in (None, size):
        raise ValueError(f"the network takes faces of {told}, not of {size} (height, width)")
    mean, std = _normalisation(path, loader)
    entry = Entry(
        name=candidate.name,
        path=path,
        role=candidate.role,
        box=candidate.box or (MTCNN_BOX if loader == "facenet-pytorch" else TEMPLATE),
        size=size,
        channels=candidate.channels,
        mean=candidate.mean or (mean, mean, mean),
        std=candidate.std or (std, std, std),
        dim=1,
        loader=loader,
    )
    return replace(entry, dim=probe(entry))


def _normalisation(path: Path, loader: Loader) -> tuple[float, float]:
    """Mean and deviation (of x in [0, 1]) that networks of this kind are trained with."""
    if loader == "facenet-pytorch":
        return 127.5 / 255, 128 / 255
    if loader == "insightface":
        return packs.normalisation(onnx.load(str(path), load_external_data=False))
    return 0.5, 0.5


def probe(entry: Entry) -> int:
    """Run a network on two made-up faces; the length of its embeddings.

    Raises:
        ValueError: it cannot be opened, fails, or gives something else than two finite, differing
            vectors that depend smoothly on the faces.
    """
    recogniser = Recogniser(entry)
    dice = torch.Generator().manual_seed(0)
    crop_B3HW = torch.rand(2, 3, CROP, CROP, generator=dice)
    try:
        embedding = recogniser.net(recogniser.cut(crop_B3HW.requires_grad_()))
    except Exception as error:  # whatever a stranger's network raises
        raise ValueError(f"the network fails on two faces of {entry.size}: {error}") from error
    if not isinstance(embedding, Tensor) or embedding.ndim < 2:
        raise ValueError("the network does not give one matrix of embeddings (n, dim)")
    count, dim, *rest = embedding.shape
    if count != 2 or math.prod(rest) != 1 or not embedding.is_floating_point():
        raise ValueError(f"two faces gave {tuple(embedding.shape)}, not embeddings (2, dim)")
    if not embedding.isfinite().all() or torch.equal(embedding[0], embedding[1]):
        raise ValueError("the network gives two faces the same embedding, or one without a number")
    if not embedding.requires_grad:
        raise ValueError("gradients do not pass through the network: nothing can learn from it")
    # along some direction: the length alone may be fixed to 1
    along = (embedding * torch.randn(embedding.shape, generator=dice)).sum()
    along.backward()  # type: ignore[no-untyped-call]
    gradient = crop_B3HW.grad
    if gradient is None or not gradient.isfinite().all() or not gradient.any():
        raise ValueError("gradients through the network are zero or no numbers")
    return dim


def _fields(entry: Entry, licence: str | None) -> dict[str, Any]:
    """The entry as it stands in the roster; its loader only where the suffix does not say it."""
    fields: dict[str, Any] = {
        "name": entry.name,
        "file": entry.path.name,
        "role": entry.role,
        "loader": entry.loader,
        "box": list(entry.box),
        "size": list(entry.size),
        "channels": entry.channels,
        "mean": [round(value, 8) for value in entry.mean],
        "std": [round(value, 8) for value in entry.std],
        "dim": entry.dim,
    }
    if entry.loader == LOADERS.get(entry.path.suffix):
        del fields["loader"]
    return fields if licence is None else {**fields, "licence": licence}
