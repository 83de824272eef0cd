"""roster.toml as a text that people wrote: comments, order and spacing outlive every change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.items import AoT

from ermask_training.roster import entries

Fields = Mapping[str, Any]


def read(folder: Path) -> bytes:
    """What `folder/roster.toml` holds; nothing where there is none yet."""
    path = folder / entries.FILE
    return path.read_bytes() if path.is_file() else b""


def with_entry(content: bytes, fields: Fields) -> bytes:
    """The content with one more `[[recogniser]]` at its end."""
    row = tomlkit.aot()
    row.append(tomlkit.item(dict(fields)))
    block = tomlkit.dumps({"recogniser": row}).strip() + "\n"
    end = "" if not content else "\n" if content.endswith(b"\n") else "\n\n"
    return content + f"{end}{block}".encode()


def with_fields(content: bytes, fields: Mapping[str, Fields]) -> bytes:
    """The content with fields of some recognisers set anew.

    Args:
        fields: by a recogniser's name; a field that its entry lacks goes behind its last one.
    """
    document = tomlkit.parse(content)
    rows = document["recogniser"]
    if not isinstance(rows, AoT):
        raise ValueError(f"write each recogniser of {entries.FILE} under [[recogniser]]")
    for row in rows:
        # what stands between the last field and the next entry, such as a heading of that one
        body, between = row.value.body, []
        while body[-1][0] is None:
            between.append(body.pop())
        for field, value in fields.get(row["name"], {}).items():
            row[field] = value
        body.extend(reversed(between))
    return tomlkit.dumps(document).encode()


def write(folder: Path, content: bytes) -> None:
    """Make it the folder's roster, whole or not at all.

    Raises:
        ValueError: it would not be a roster that can be read; see `read_roster`.
        OSError: it cannot be written. The old one stands.
    """
    entries.parse(content, folder)
    fresh = folder / f"{entries.FILE}.tmp"
    try:
        fresh.write_bytes(content)
        fresh.replace(folder / entries.FILE)
    finally:
        fresh.unlink(missing_ok=True)
