"""The JSON of a bench run: figures for people and programs, and the outcome of every photo.

Written after every pair, so that an interrupted run goes on and a larger one starts from a smaller
one. `photos` has a line for each pair; all else is derived from it.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from ermask_training.bench.protocol import Row, Rows, merge

FORMAT = 1
PHOTOS = "photos"
FILES = "files"

Document = dict[str, Any]


def new(settings: Mapping[str, Any]) -> Document:
    """A document without figures."""
    cpu = platform.processor() or platform.machine()
    return {
        "bench": FORMAT,
        "date": date.today().isoformat(),
        "machine": f"{cpu}, {os.cpu_count()} cores",
        "settings": dict(settings),
        "pairs": 0,
        PHOTOS: {},
    }


def load(path: Path) -> Document:
    """Read what `write` wrote.

    Raises:
        ValueError: the file is something else, or of another version.
    """
    try:
        document = json.loads(path.read_text("utf-8"))
        version = document["bench"]
        document[PHOTOS], document["settings"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not what `ermask-train evaluate` writes") from error
    if version != FORMAT:
        raise ValueError(f"{path} has bench format {version}, this is {FORMAT}")
    return dict(document)


def go_on(path: Path | None, settings: Mapping[str, Any]) -> Document:
    """The document in `path` if it was measured under the same settings, else a new one.

    Settings of protocols that the file does not have yet are added.

    Raises:
        ValueError: it was measured otherwise, naming the settings that differ.
    """
    if path is None or not path.is_file():
        return new(settings)
    document = load(path)
    before = document["settings"]
    if other := [name for name in settings if before.get(name, settings[name]) != settings[name]]:
        raise ValueError(
            f"{path} was measured with other {' and '.join(other)}; use another --output"
        )
    document["settings"] = {**before, **settings}
    return document


def rows(document: Document, protocol: str) -> Rows:
    """The outcomes of one protocol, by pair, in order of name."""
    photos = document[PHOTOS]
    return {name: photos[name][protocol] for name in sorted(photos) if protocol in photos[name]}


def add(document: Document, pair: str, files: str, outcomes: Mapping[str, Row]) -> None:
    """Keep the outcomes of one pair.

    Args:
        files: digest of the two photos.
    """
    document[PHOTOS].setdefault(pair, {FILES: files}).update(outcomes)
    document["pairs"] = len(document[PHOTOS])


def without_photos(document: Document) -> Document:
    """The figures alone."""
    return {name: value for name, value in document.items() if name != PHOTOS}


def put(document: Document, figures: Mapping[str, Any]) -> None:
    """Take over new figures."""
    merge(document, figures)


def write(path: Path, document: Document) -> None:
    """Write whole or not at all."""
    figures = json.dumps(without_photos(document), indent=1, allow_nan=False)
    lines = [
        f"{json.dumps(name)}: {json.dumps(entry, separators=(',', ':'), allow_nan=False)}"
        for name, entry in sorted(document[PHOTOS].items())
    ]
    photos = ",\n".join(lines)
    fresh = path.with_name(f"{path.name}.tmp")
    fresh.write_text(f'{figures[:-2]},\n "{PHOTOS}": {{\n{photos}\n}}\n}}\n', "utf-8")
    fresh.replace(path)
