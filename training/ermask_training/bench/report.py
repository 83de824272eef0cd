"""One HTML page with plots, tables and pictures of one or more models; it loads nothing."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Mapping
from html import escape
from pathlib import Path

from PIL import Image

from ermask_training.bench import plots, svg
from ermask_training.bench.compare import common, differences
from ermask_training.bench.document import Document
from ermask_training.bench.markdown import circumstances
from ermask_training.bench.tables import Table, tables

PICTURE_WIDTH = 1600
STYLE = """
:root { color-scheme: light dark; --c0: #0b62c4; --c1: #c2410c; --c2: #15803d; --c3: #7e22ce;
  --c4: #a16207; --c5: #be123c; --c6: #0e7490; --c7: #6b7280; --line: #8886; }
@media (prefers-color-scheme: dark) { :root { --c0: #6cb0ff; --c1: #ff9a66; --c2: #6ee7a0;
  --c3: #cfa3ff; --c4: #f0c95a; --c5: #ff8aa5; --c6: #5fd3e8; --c7: #a8b0bd; } }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 78rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; white-space: nowrap; }
caption { text-align: left; font-weight: 600; padding: 1rem 0 .3rem; white-space: normal; }
th, td { text-align: left; padding: .15rem .8rem .15rem 0; border-bottom: 1px solid var(--line); }
svg { max-width: 46rem; width: 100%; font-size: 12px; }
svg text { fill: currentColor; } svg path { stroke: currentColor; stroke-width: 2; }
svg path.grid { stroke: var(--line); stroke-width: 1; }
svg circle { fill: currentColor; } img { max-width: 100%; }
""" + "".join(f".c{n} {{ color: var(--c{n}); }} " for n in range(svg.COLOURS))


def report(documents: Mapping[str, Document], pictures: Iterable[Path] = ()) -> str:
    """The page.

    Args:
        documents: by the name to show.
        pictures: files to put in as JPEG.

    Raises:
        ValueError: a file is no picture.
    """
    body = ["<h1>Measured</h1>"]
    for name, document in documents.items():
        told = "<br>".join(map(escape, circumstances(document)))
        body.append(f"<h2>{escape(name)}</h2><p>{told}</p>")
    body += [_picture(path) for path in pictures]
    for plot in plots.plots(documents):
        body.append(f"<h2>{escape(plot.title)}</h2>{plot.legend}{plot.svg}")
    body += _compared(documents)
    for name, document in documents.items():
        found = "".join(map(_table, tables(document)))
        body.append(
            f"<details open><summary>All figures: {escape(name)}</summary>{found}</details>"
        )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>ermask: measured</title>'
        f"<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _compared(documents: Mapping[str, Document]) -> Iterator[str]:
    """Differences to the first model, where photos and judges allow it."""
    names = list(documents)
    for name in names[1:]:
        one, two = documents[names[0]], documents[name]
        try:
            count = len(common(one, two))
        except ValueError as error:
            yield f"<p>{escape(name)} and {escape(names[0])}: {escape(str(error))}.</p>"
            continue
        found = "".join(map(_table, differences(one, two)))
        title = f"{name} minus {names[0]}, on {count} pairs"
        yield f"<details><summary>{escape(title)}</summary>{found}</details>"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in (table.corner, *table.columns))
    rows = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
        for name, cells in table.texts()
    )
    return (
        f'<div class="wide"><table><caption>{escape(table.heading)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _picture(path: Path) -> str:
    try:
        with Image.open(path) as read:
            picture = read.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path} is no picture: {error}") from error
    picture.thumbnail((PICTURE_WIDTH, 10 * PICTURE_WIDTH))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(path.stem, quote=True)}" src="data:image/jpeg;base64,{data}">'
        f"<figcaption>{escape(path.stem)}</figcaption></figure>"
    )
