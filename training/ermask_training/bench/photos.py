"""The photos that are measured: two of each person."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ermask import codec
from ermask.codec import Photo


@dataclass(frozen=True)
class Pair:
    """Two photos of one person: `a` is protected and must not match `b`."""

    name: str
    a: Path
    b: Path


def read_pairs(folder: Path) -> list[Pair]:
    """`folder/<person>/{a,b}.*`, in order of name.

    Raises:
        ValueError: there is none.
    """
    pairs = []
    for entry in sorted(path for path in folder.glob("*") if path.is_dir()):
        files = {path.stem: path for path in sorted(entry.iterdir())}
        if {"a", "b"} <= files.keys():
            pairs.append(Pair(entry.name, files["a"], files["b"]))
    if not pairs:
        raise ValueError(f"{folder} holds no <person>/a.* and b.*")
    return pairs


def decode(path: Path) -> Photo:
    """The photo in a file, as the product reads it."""
    return codec.decode(path.read_bytes())
