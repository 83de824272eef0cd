"""Recognition networks to train against and to measure with, from a folder with `roster.toml`.

A recogniser is a network plus all that must be done to a crop before it: which part of the
112-unit template it sees, its size, channel order and normalisation. Value ranges travel with
the network, so that a caller only ever passes canonical crops in [0, 1].
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask.align import TEMPLATE_SCALE
from ermask.contract import CROP
from ermask_training import render

Role = Literal["train", "validation"]

FIELDS = {"name", "file", "role", "box", "size", "channels", "mean", "std", "dim"}
REMARKS = {"architecture", "trained_on", "licence", "lfw_tar_at_far_1e2"}
"""Fields for people, which nothing reads."""


@dataclass(frozen=True)
class Entry:
    """One `[[recogniser]]` of a roster."""

    name: str
    path: Path
    role: Role
    box: tuple[float, float, float, float]
    """Part of the template it sees, in ArcFace 112 units: left, top, right, bottom."""
    size: tuple[int, int]
    """Height and width of its input."""
    channels: Literal["RGB", "BGR"]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    dim: int


def read_roster(folder: Path) -> list[Entry]:
    """The entries of `folder/roster.toml`.

    Raises:
        ValueError: no roster, or an entry with a missing, unknown or impossible field, or one
            that names a missing file or a name twice.
    """
    path = folder / "roster.toml"
    if not path.is_file():
        raise ValueError(f"{folder} has no roster.toml; see docs/lab.md for its form")
    entries: list[Entry] = []
    for row in tomllib.loads(path.read_text("utf-8")).get("recogniser", []):
        if unknown := sorted(set(row) - FIELDS - REMARKS):
            raise ValueError(f"{path}: {row.get('name', 'an entry')} has unknown {unknown[0]!r}")
        try:
            entry = Entry(
                name=row["name"],
                path=folder / row["file"],
                role=row["role"],
                box=tuple(row["box"]),
                size=tuple(row["size"]),
                channels=row["channels"],
                mean=tuple(row["mean"]),
                std=tuple(row["std"]),
                dim=row["dim"],
            )
        except KeyError as error:
            raise ValueError(f"{path}: {row.get('name', 'an entry')} lacks {error}") from error
        if wrong := _wrong_field(entry):
            raise ValueError(f"{path}: {entry.name} has {wrong} {row[wrong]!r}")
        if entry.name in {other.name for other in entries}:
            raise ValueError(f"{path}: two recognisers are called {entry.name}")
        if not entry.path.is_file():
            raise ValueError(f"{path}: {entry.name} names {row['file']}, which is not there")
        entries.append(entry)
    return entries


def _wrong_field(entry: Entry) -> str | None:
    """Name of a field with an impossible value."""
    left, top, right, bottom = entry.box if len(entry.box) == 4 else (0, 0, 0, 0)
    fits = {
        "role": entry.role in ("train", "validation"),
        "box": left < right and top < bottom,
        "size": len(entry.size) == 2 and min(entry.size) > 0,
        "channels": entry.channels in ("RGB", "BGR"),
        "mean": len(entry.mean) == 3,
        "std": len(entry.std) == 3 and min(entry.std) > 0,
        "dim": entry.dim > 0,
    }
    return next((name for name, good in fits.items() if not good), None)


class Recogniser(nn.Module):
    """Canonical crops (B, 3, CROP, CROP) in [0, 1] -> unit embeddings (B, dim). Never trained."""

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry
        self.name = entry.name
        self.net = to_module(entry.path)
        for parameter in self.net.parameters():
            parameter.requires_grad_(False)
        self.eval()
        order = [0, 1, 2] if entry.channels == "RGB" else [2, 1, 0]
        self.register_buffer("order", torch.tensor(order))
        self.register_buffer("mean", torch.tensor(entry.mean)[None, :, None, None])
        self.register_buffer("std", torch.tensor(entry.std)[None, :, None, None])
        self.register_buffer("window", _window(entry))

    def forward(self, crop_B3HW: Tensor, theta_B23: Tensor | None = None) -> Tensor:
        """Embed. `theta_B23` are similarities applied before the cut (input diversity)."""
        return F.normalize(self.net(self.cut(crop_B3HW, theta_B23)).flatten(1), dim=1)

    def cut(self, crop_B3HW: Tensor, theta_B23: Tensor | None = None) -> Tensor:
        """What the network itself takes: cut, resized, normalised."""
        height, width = self.entry.size
        window = self.get_buffer("window").expand(len(crop_B3HW), 2, 3)
        if theta_B23 is not None:
            window = render.chain(theta_B23, window)
        shape = [len(crop_B3HW), 3, height, width]
        grid = F.affine_grid(window, shape, align_corners=False)
        cut = F.grid_sample(
            crop_B3HW, grid, mode="bilinear", padding_mode="border", align_corners=False
        )
        x = cut[:, self.get_buffer("order")]
        x = (x - self.get_buffer("mean")) / self.get_buffer("std")
        return x.to(memory_format=torch.channels_last)


def load(folder: Path, role: Role, names: tuple[str, ...] = ()) -> list[Recogniser]:
    """The recognisers of one role (of these names, if any are given).

    Raises:
        ValueError: none is left, or a name is unknown or has the other role.
    """
    entries = [entry for entry in read_roster(folder) if entry.role == role]
    if names:
        known = {entry.name: entry for entry in entries}
        if missing := [name for name in names if name not in known]:
            raise ValueError(f"no {role} recogniser {missing[0]!r}; there are {sorted(known)}")
        entries = [known[name] for name in names]
    if not entries:
        raise ValueError(f"{folder}/roster.toml has no recogniser with role {role!r}")
    return [Recogniser(entry) for entry in entries]


def _window(entry: Entry) -> Tensor:
    """The box as an `affine_grid` matrix (1, 2, 3) over the canonical crop."""
    half = CROP / 2
    left, top, right, bottom = ((v - 56) * TEMPLATE_SCALE + half for v in entry.box)
    rows = [
        [(right - left) / CROP, 0.0, (left + right) / CROP - 1],
        [0.0, (bottom - top) / CROP, (top + bottom) / CROP - 1],
    ]
    return torch.tensor([rows])


def to_module(path: Path) -> nn.Module:
    """ONNX file to a differentiable module."""
    _define_nms()
    import onnx
    import onnx2torch

    module: nn.Module = onnx2torch.convert(onnx.load(str(path)))
    module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return module


def _define_nms() -> None:
    """Let torchvision import beside a torch it was not built with.

    onnx2torch imports torchvision for one operator that recognisers do not have. Its wheel fails
    to import ("operator torchvision::nms does not exist") when its compiled part does not fit the
    installed torch, for instance a CPU build; declaring the operators is all it needs.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
        for name in ("nms", "qnms"):
            schema = f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            library.define(schema)  # type: ignore[no-untyped-call]
        _LIBRARIES.append(library)


_LIBRARIES: list[torch.library.Library] = []
"""Keeps the declarations alive: they vanish with the object."""
