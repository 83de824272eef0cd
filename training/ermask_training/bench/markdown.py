"""Tables for the terminal, and what was measured."""

from __future__ import annotations

from collections.abc import Iterable

from ermask_training.bench.document import Document
from ermask_training.bench.tables import Table, tables


def show(document: Document) -> str:
    """All figures as Markdown; intervals are 95 % ones."""
    return "\n".join([*circumstances(document), "", *_lines(tables(document))])


def circumstances(document: Document) -> list[str]:
    """What a reader must know: photos, day, machine, models, seed, what was kept apart."""
    settings, held = document["settings"], document.get("split", {})
    people = ", ".join(f"{n} {title}" for title, n in held.get("people", {}).items())
    lines = [
        f"{document['pairs']} pairs of photos, {document['date']}, {document['machine']}.",
        f"Models: {models(document)}. Seed {settings['seed']}. "
        f"Judges: {', '.join(settings['judges'])}.",
        f"People: {people}; trained on {held.get('trained on', 'no record')}.",
        "Intervals hold 95 %.",
    ]
    lines += [f"Left out: {name} ({why})." for name, why in document.get("left out", {}).items()]
    if refused := document.get("refused"):
        count = sum(map(len, refused.values()))
        lines.append(f"The engine refused {count} times, for {len(refused)} of the pairs.")
    return lines


def models(document: Document) -> str:
    """Which networks were measured: roles with the beginnings of their files' digests."""
    found = document["settings"]["models"]
    return ", ".join(f"{role} {digest[:16]}" for role, digest in found.items())


def show_tables(found: Iterable[Table]) -> str:
    """Tables as Markdown."""
    return "\n".join(_lines(found))


def _lines(found: Iterable[Table]) -> list[str]:
    lines: list[str] = []
    for table in found:
        lines += [f"{table.heading}", ""]
        lines.append(f"| {' | '.join([table.corner, *table.columns])} |")
        lines.append("|---" * (len(table.columns) + 1) + "|")
        lines += [f"| {' | '.join([name, *cells])} |" for name, cells in table.texts()]
        lines.append("")
    return lines
