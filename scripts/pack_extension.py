#!/usr/bin/env python3
"""Pack the extension: dist/ermask-<version>.zip, the same bytes for the same files.

Only files of known types are packed, and only if they are whole: every file that the manifest, a
page, a style sheet or a module names must be there, and the version must be the daemon's. Pictures
that nothing names stay behind; code that nothing names is a mistake. Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import json
import posixpath
import re
import sys
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LIMIT = 300_000
CODE = {".js", ".html", ".css"}
PICTURES = {".png", ".svg"}
# the earliest that zip can hold; when a file was saved must not show
MOMENT = (1980, 1, 1, 0, 0, 0)

IMPORT = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*['"](\.{1,2}/[^'"]+)['"]""")
# a path from the extension's root, as given to runtime.getURL, perhaps with holes for names
ROOTED = re.compile(r"""['"`]/?(extension/(?:[\w./-]|\$\{[^}]+\})+\.\w+)(?:[#?][^'"`]*)?['"`]""")
HOLE = re.compile(r"\$\{[^}]+\}")
STYLE = re.compile(r"""url\(\s*['"]?([^'")]+)['"]?\s*\)|@import\s+['"]([^'"]+)['"]""")


class PackError(Exception):
    """The extension cannot be packed; the message says why."""


def files(root: Path) -> dict[str, bytes]:
    """All files of the extension, by their paths in the archive."""
    paths = [root / "manifest.json", root / "LICENSE"]
    paths += sorted((root / "_locales").rglob("*"))
    paths += sorted((root / "extension").rglob("*"))
    found: dict[str, bytes] = {}
    for path in paths:
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            raise PackError(f"{name} is a link")
        if path.is_dir():
            continue
        if not path.is_file():
            raise PackError(f"{name} is not there")
        if not is_known(name):
            raise PackError(f"{name} does not belong into the extension")
        found[name] = path.read_bytes()
    return found


def is_known(name: str) -> bool:
    """Is this a file that an extension has, at a place where it has it?"""
    if name in {"manifest.json", "LICENSE"}:
        return True
    if name.startswith("_locales/"):
        return re.fullmatch(r"_locales/[a-z]{2}(_[A-Z]{2})?/messages\.json", name) is not None
    path = Path(name)
    return path.suffix in CODE | PICTURES and not any(part.startswith(".") for part in path.parts)


# --- references ------------------------------------------------------------------------------


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if name in {"src", "href"} and value]


def references(name: str, content: bytes) -> Iterator[str]:
    """The files of the extension that a file names: paths in the archive, with * for holes."""
    suffix = Path(name).suffix
    if suffix not in CODE:
        return
    text = content.decode("utf-8")
    if suffix == ".html":
        page = _Page()
        page.feed(text)
        links = page.links
    elif suffix == ".js":
        yield from (HOLE.sub("*", each) for each in ROOTED.findall(text))
        links = IMPORT.findall(text)
    else:
        links = [one or other for one, other in STYLE.findall(text)]
    for link in links:
        if not re.match(r"[a-z-]+:|#", link):
            yield resolved(name, re.split("[?#]", link)[0])


def resolved(name: str, link: str) -> str:
    """Where a link in a file leads, within the archive."""
    if link.startswith("/"):
        return link[1:]
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), link))


def manifest_references(manifest: Any) -> Iterator[str]:
    """Every string in the manifest that is a path, wherever it stands."""
    if isinstance(manifest, dict):
        for value in manifest.values():
            yield from manifest_references(value)
    elif isinstance(manifest, list):
        for value in manifest:
            yield from manifest_references(value)
    elif isinstance(manifest, str) and re.fullmatch(r"/?extension/[^*]+", manifest):
        yield manifest.removeprefix("/")


def needed(found: dict[str, bytes]) -> dict[str, bytes]:
    """The files that the manifest leads to, directly or not, and what every extension has.

    Raises PackError if one is missing, or if there is code that nothing leads to.
    """
    manifest = json.loads(found["manifest.json"])
    reached = {name for name in found if not name.startswith("extension/")}
    missing = []
    locale = f"_locales/{manifest['default_locale']}/messages.json"
    queue = [("manifest.json", each) for each in [locale, *manifest_references(manifest)]]
    while queue:
        source, pattern = queue.pop()
        names = [pattern] if pattern in found else fnmatch.filter(found, pattern)
        if not names:
            missing.append(f"{pattern}, named in {source}")
        for name in set(names) - reached:
            reached.add(name)
            queue += [(name, each) for each in references(name, found[name])]
    if missing:
        raise PackError("missing: " + "; ".join(sorted(missing)))
    spare = sorted(name for name in found if name not in reached and Path(name).suffix in CODE)
    if spare:
        raise PackError("nothing leads to " + ", ".join(spare))
    return {name: content for name, content in found.items() if name in reached}


# --- the archive -----------------------------------------------------------------------------


def daemon_version(root: Path) -> str:
    """The daemon's version, read and not imported: packing needs no environment."""
    text = (root / "server/ermask/__init__.py").read_text("utf-8")
    found = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if not found:
        raise PackError("the daemon's version is not in server/ermask/__init__.py")
    return found[1]


def archive(packed: dict[str, bytes]) -> bytes:
    """The zip file: sorted, with one time and one mode for all."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for name in sorted(packed):
            info = zipfile.ZipInfo(name, MOMENT)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            out.writestr(info, packed[name], zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def pack(root: Path, folder: Path) -> Path:
    """Write the archive of the extension under `root` into `folder`, and give its path.

    Raises PackError; then nothing is written.
    """
    packed = needed(files(root))
    version = daemon_version(root)
    stated = json.loads(packed["manifest.json"])["version"]
    if stated != version:
        raise PackError(f"the manifest says version {stated}, the daemon {version}")
    data = archive(packed)
    if len(data) > LIMIT:
        raise PackError(f"the archive has {len(data):,} bytes, more than {LIMIT:,}")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"ermask-{version}.zip"
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)
    return path


def main() -> int:
    """The command line."""
    summary = (__doc__ or "").partition("\n")[0]
    parser = argparse.ArgumentParser(description=summary)
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the archive goes")
    arguments = parser.parse_args()
    try:
        path = pack(arguments.root, arguments.out)
    except PackError as error:
        print(f"Not packed: {error}", file=sys.stderr)
        return 1
    data = path.read_bytes()
    print(f"{path}  {len(data):,} bytes  SHA-256 {hashlib.sha256(data).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
