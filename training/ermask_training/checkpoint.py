"""Save and resume a run: weights in `state.pt`, everything readable in `meta.json` beside it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ermask.contract import VERSION
from ermask_training.config import TrainConfig, Weights


def save(folder: Path, config: TrainConfig, step: int, state: dict[str, Any]) -> None:
    """Write both files; a run killed meanwhile keeps the previous pair."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / "state.pt.tmp"
    torch.save({"step": step, **state}, fresh)
    fresh.replace(folder / "state.pt")
    meta = {"contract": VERSION, "step": step, "config": asdict(config)}
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
