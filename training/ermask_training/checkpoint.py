"""Save and resume a run: weights in `state.pt`, everything readable in `meta.json` beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ermask.contract import VERSION
from ermask_training.config import Scale, TrainConfig, Weights

ALONE = Scale()
"""One process, on a CPU, in float32: all there was before runs said so."""


def save(
    folder: Path,
    config: TrainConfig,
    step: int,
    state: dict[str, Any],
    scale: Scale = ALONE,
) -> None:
    """Write both files; a run killed meanwhile keeps the previous pair."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "state.pt.tmp"
    torch.save({"step": step, **state}, fresh)
    fresh.replace(folder / "state.pt")
    meta = {"contract": VERSION, "step": step, "scale": asdict(scale), "config": asdict(config)}
    (folder / "meta.json").write_text(json.dumps(meta, indent=1) + "\n")


def load(folder: Path) -> dict[str, Any]:
    """The state of the newest checkpoint.

    Raises:
        ValueError: there is none, or it belongs to another contract version.
    """
    path = folder / "state.pt"
    if not path.is_file():
        raise ValueError(f"{folder} has no checkpoint")
    if (version := json.loads((folder / "meta.json").read_text())["contract"]) != VERSION:
        raise ValueError(f"{folder} was trained for contract {version}, this is {VERSION}")
    state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def read_config(folder: Path) -> TrainConfig:
    """The config that the run in `folder` was started with.

    Raises:
        ValueError: it has other fields than the configs of this version.
    """
    entries = json.loads((folder / "meta.json").read_text())["config"]
    try:
        entries["weights"] = Weights(**entries["weights"])
        entries["surrogates"] = tuple(entries["surrogates"])
        return TrainConfig(**entries)
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder} was started by another version of the lab: {error}") from error


def require_same_config(folder: Path, config: TrainConfig) -> None:
    """Refuse to go on with a run that was started otherwise; an empty folder fits every config.

    Raises:
        ValueError: naming the fields that differ.
    """
    if not (folder / "state.pt").is_file():
        return
    before, now = asdict(read_config(folder)), asdict(config)
    if differing := [name for name in now if now[name] != before[name]]:
        shown = "; ".join(f"{name} was {before[name]}, is {now[name]}" for name in differing)
        raise ValueError(f"{folder} holds a run with another config ({shown}); use a new folder")


def require_same_scale(folder: Path, now: Scale) -> None:
    """Refuse to go on with a run in another way; the kind of device may change.

    Each process has random generators of its own, so there must be as many.

    Raises:
        ValueError: another number of processes, or another precision.
    """
    before = Scale(**json.loads((folder / "meta.json").read_text()).get("scale", {}))
    if before.processes != now.processes:
        raise ValueError(
            f"{folder} was trained by {before.processes} process(es), now there are "
            f"{now.processes}; start as many as before, or use a new folder with --start-from "
            f"{folder}"
        )
    if before.precision != now.precision:
        raise ValueError(
            f"{folder} was trained with --precision {before.precision}, now it is "
            f"{now.precision}; use the same, or a new folder with --start-from {folder}"
        )
