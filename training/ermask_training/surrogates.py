"""Recognition networks to train against and to measure with, from a folder with `roster.toml`.

A recogniser is a network plus all that must be done to a crop before it: which part of the
112-unit template it sees, its size, channel order and normalisation. Value ranges travel with
the network, so that a caller only ever passes canonical crops in [0, 1].
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ermask.align import TEMPLATE_SCALE
from ermask.contract import CROP
from ermask_training import render
from ermask_training.roster.conversion import to_module
from ermask_training.roster.entries import Entry, Role, read_roster
from ermask_training.roster.loaders import open_network

__all__ = ["Entry", "Recogniser", "Role", "load", "read_roster", "to_module"]


class Recogniser(nn.Module):
    """Canonical crops (B, 3, CROP, CROP) in [0, 1] -> unit embeddings (B, dim). Never trained.

    Raises:
        ValueError: the entry's file cannot be read by its loader.
    """

    def __init__(self, entry: Entry) -> None:
        super().__init__()
        self.entry = entry
        self.name = entry.name
        self.net = open_network(entry.path, entry.loader)
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
