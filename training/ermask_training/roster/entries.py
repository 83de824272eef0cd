"""The entries of a roster, each with all that must be done to a crop before its network."""

from __future__ import annotations

import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

Role = Literal["train", "validation"]
Loader = Literal["onnx", "torchscript", "insightface", "facenet-pytorch"]

FILE = "roster.toml"
FIELDS = {"name", "file", "role", "box", "size", "channels", "mean", "std", "dim"}
THRESHOLDS = {0.01: "threshold_far_1e2", 0.001: "threshold_far_1e3"}
"""By false accept rate, the field that holds the cosine; `surrogates calibrate` writes them."""
OPTIONAL = {"loader", *THRESHOLDS.values()}
REMARKS = {"architecture", "trained_on", "licence", "lfw_tar_at_far_1e2", "calibrated_on"}
"""Fields for people, which nothing reads."""
LOADERS: dict[str, Loader] = {".onnx": "onnx", ".pt": "torchscript", ".ts": "torchscript"}
"""By a file's suffix, how it is opened where an entry names no loader."""


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
    loader: Loader = "onnx"
    threshold_far_1e2: float | None = None
    """Cosine above which two photos are taken for one person, at a false accept rate of 0.01."""
    threshold_far_1e3: float | None = None


def read_roster(folder: Path) -> list[Entry]:
    """The entries of `folder/roster.toml`.

    Raises:
        ValueError: no roster, one that is no TOML, or an entry with a missing, unknown or
            impossible field, or one that names a missing file or a name twice.
    """
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{folder} has no {FILE}; see docs/lab.md for its form")
    return parse(path.read_bytes(), folder)


def parse(content: bytes, folder: Path) -> list[Entry]:
    """The entries of a roster.toml with this content in `folder`.

    Raises:
        ValueError: as `read_roster`.
    """
    path = folder / FILE
    try:
        rows = tomllib.loads(content.decode()).get("recogniser", [])
    except ValueError as error:
        raise ValueError(f"{path} is no TOML: {error}") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path}: write each recogniser under [[recogniser]], in two brackets")
    entries: list[Entry] = []
    for row in rows:
        entry = _entry(row, path)
        if entry.name in {other.name for other in entries}:
            raise ValueError(f"{path}: two recognisers are called {entry.name}")
        if not entry.path.is_file():
            raise ValueError(f"{path}: {entry.name} names {row['file']}, which is not there")
        entries.append(entry)
    return entries


def loader_of(path: Path) -> Loader:
    """How a file is opened whose entry names no loader.

    Raises:
        ValueError: its suffix does not say.
    """
    if path.suffix not in LOADERS:
        raise ValueError(
            f"{path.name} does not say how to open it; set loader to one of "
            f"{', '.join(get_args(Loader))}"
        )
    return LOADERS[path.suffix]


def _entry(row: dict[str, Any], path: Path) -> Entry:
    name = row.get("name", "an entry")
    if unknown := sorted(set(row) - FIELDS - OPTIONAL - REMARKS):
        raise ValueError(f"{path}: {name} has unknown {unknown[0]!r}")
    if missing := sorted(FIELDS - set(row)):
        raise ValueError(f"{path}: {name} lacks {missing[0]!r}")
    if wrong := _wrong_field(row):
        raise ValueError(f"{path}: {name} has {wrong} {row[wrong]!r}")
    file = path.parent / row["file"]
    return Entry(
        name=row["name"],
        path=file,
        role=row["role"],
        box=tuple(row["box"]),
        size=tuple(row["size"]),
        channels=row["channels"],
        mean=tuple(row["mean"]),
        std=tuple(row["std"]),
        dim=row["dim"],
        loader=row["loader"] if "loader" in row else loader_of(file),
        **{field: row.get(field) for field in THRESHOLDS.values()},
    )


def _wrong_field(row: dict[str, Any]) -> str | None:
    """Name of a field with an impossible value."""
    left, top, right, bottom = row["box"] if _numbers(row["box"], 4) else (0, 0, 0, 0)
    fits = {
        "name": isinstance(row["name"], str),
        "file": isinstance(row["file"], str),
        "role": row["role"] in get_args(Role),
        "box": left < right and top < bottom,
        "size": _numbers(row["size"], 2) and all(isinstance(n, int) and n > 0 for n in row["size"]),
        "channels": row["channels"] in ("RGB", "BGR"),
        "mean": _numbers(row["mean"], 3),
        "std": _numbers(row["std"], 3) and min(row["std"]) > 0,
        "dim": isinstance(row["dim"], int) and row["dim"] > 0,
        "loader": row.get("loader", "onnx") in get_args(Loader),
    }
    fits |= {field: _numbers([row.get(field, 0.0)], 1) for field in THRESHOLDS.values()}
    return next((name for name, good in fits.items() if not good), None)


def _numbers(value: Any, count: int) -> bool:
    """Whether it is a list of so many finite numbers."""
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(n, int | float) and math.isfinite(n) for n in value)
    )
