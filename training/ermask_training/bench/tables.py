"""The figures of a document as tables, for the terminal and for the report alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ermask_training.bench.document import Document
from ermask_training.bench.variants import VARIANTS, parts

Figure = Mapping[str, Any]
"""A value by its name (rate, mean, median, AUC), with `n` and `interval_95`."""
Cell = Figure | str | None

AUC = "AUC (0.5 tells nothing)"
NAMES = ("rate", "mean", "median", "AUC")
Row = tuple[str, list[Cell]]


@dataclass(frozen=True)
class Table:
    """A titled table whose rows have a name."""

    title: str
    corner: str
    columns: tuple[str, ...]
    rows: list[Row]

    @property
    def counts(self) -> set[int]:
        """How many cases there are behind the figures; one number if it is everywhere the same."""
        cells = [cell for _, row in self.rows for cell in row if isinstance(cell, Mapping)]
        return {cell["n"] for cell in cells}

    @property
    def heading(self) -> str:
        """The title, with n where it is the same for the whole table."""
        return f"{self.title}, n {min(self.counts)}" if len(self.counts) == 1 else self.title

    def texts(self) -> Iterator[tuple[str, list[str]]]:
        """Rows as they are shown: value (interval), and n where rows differ in it."""
        for name, row in self.rows:
            yield name, [self.text(cell) for cell in row]

    def text(self, cell: Cell) -> str:
        if cell is None:
            return ""
        if isinstance(cell, str):
            return cell
        if not cell["n"]:
            return "no case"
        number, low, high = (shown(each) for each in (value(cell), *cell["interval_95"]))
        n = "" if len(self.counts) == 1 else f", n {cell['n']}"
        return f"{number} ({low}-{high}{n})"


def value(figure: Figure) -> float:
    """The figure itself, whatever it is called."""
    return float(next(figure[name] for name in NAMES if name in figure))


def shown(number: float) -> str:
    """Three decimals for shares, one for decibels and milliseconds."""
    return f"{number:.1f}" if abs(number) >= 10 else f"{number:.3f}"


def tables(document: Document) -> list[Table]:
    """Everything the document has, in the order of protocols."""
    return [
        *_matching(document),
        *_identification(document),
        *_linkage(document),
        *_impersonation(document),
        *_mark(document),
        *_looks(document),
        *_cost(document),
    ]


def _matching(document: Document) -> Iterator[Table]:
    kinds = {
        "match rate": "Match rate",
        "matches brought back": "Of the matches before protection, those brought back",
        "hidden matches brought back": "Of the matches that protection hid, those brought back",
    }
    for judge, by_far in document.get("recognisers", {}).items():
        for far, entry in by_far.items():
            for kind, title in kinds.items():
                if far.startswith("FAR") and kind in entry:
                    at = f"{judge}, {far} (cosine {entry['threshold']})"
                    yield _by_variant(f"{title}: {at}", entry[kind])
        lost = {name: n for name, n in by_far["no face found"].items() if n}
        if lost:
            rows: list[Row] = [(name, [str(n)]) for name, n in lost.items()]
            yield Table(
                f"Pictures without a face: {judge}, of {document['pairs']}",
                "photo",
                ("pictures",),
                rows,
            )


def _by_variant(title: str, figures: Mapping[str, Figure], corner: str = "photo") -> Table:
    """Rows by name, columns by variant."""
    split = {label: parts(label) for label in figures}
    columns = [each for each in VARIANTS if each in {variant for _, variant in split.values()}]
    rows: dict[str, list[Cell]] = {}
    for label, figure in figures.items():
        name, variant = split[label]
        row = rows.setdefault(name, [None] * len(columns))
        row[columns.index(variant)] = figure
    return Table(title, corner, tuple(columns), list(rows.items()))


def _identification(document: Document) -> Iterator[Table]:
    entry = document.get("identification", {})
    size = " or ".join(map(str, entry.get("gallery", [])))
    for judge, by_rank in entry.get("recognisers", {}).items():
        for rank, figures in by_rank.items():
            yield _by_variant(f"Found at {rank} in a gallery of {size}: {judge}", figures)


def _linkage(document: Document) -> Iterator[Table]:
    for judge, entry in document.get("linkage", {}).items():
        fars = [name for name in entry if name.startswith("FAR")]
        pairs = list(entry[fars[0]]["match rate"])
        rows: list[Row] = [
            (pair, [entry[far]["match rate"][pair] for far in fars]) for pair in pairs
        ]
        yield Table(f"Linkage, match rate: {judge}", "two photos", tuple(fars), rows)
        apart: list[Row] = [(name, [figure]) for name, figure in entry.items() if name not in fars]
        yield Table(f"Linkage: {judge}", "by cosine", (AUC,), apart)
    if found := document.get("linkage by the mark"):
        marks: list[Row] = [(name, [figure]) for name, figure in found.items()]
        yield Table("Linkage by the mark, without a key", "by agreement", (AUC,), marks)


def _impersonation(document: Document) -> Iterator[Table]:
    entry = document.get("impersonation", {})
    for judge, by_far in entry.get("recognisers", {}).items():
        taken = {far: found["taken for a target"] for far, found in by_far.items()}
        names = list(next(iter(taken.values())))
        rows: list[Row] = [(name, [taken[far][name] for far in taken]) for name in names]
        title = f"Taken for one of {entry['targets']} targets: {judge}"
        yield Table(title, "photo", tuple(taken), rows)


def _mark(document: Document) -> Iterator[Table]:
    entry = document.get("key found", {})
    columns = ("right key named", "other key accepted", "score")
    rows: list[Row] = []
    for name, found in entry.items():
        other = found.get("other key accepted", found.get("key accepted"))
        rows.append((name, [found.get("right key named"), other, found.get("score")]))
    if rows:
        yield Table("The mark", "photo", columns, rows)


def _looks(document: Document) -> Iterator[Table]:
    entry = document.get("looks", {})
    columns = list(dict.fromkeys(measure for found in entry.values() for measure in found))
    rows: list[Row] = [
        (name, [found.get(each) for each in columns]) for name, found in entry.items()
    ]
    if rows:
        yield Table("Looks, over the face crop", "compared", tuple(columns), rows)


def _cost(document: Document) -> Iterator[Table]:
    entry = document.get("cost", {})
    counts = " or ".join(str(each or "all") for each in entry.get("threads", [0]))
    threads = f"threads {counts}"
    timed = [name for name in entry if name.endswith((", ms", "ms a face"))]
    for name in timed:
        rows: list[Row] = [(stage, [figure]) for stage, figure in entry[name].items()]
        yield Table(f"Cost of {name}, {threads}", "stage", ("median",), rows)
    if memory := entry.get("peak memory, MiB"):
        sizes: Sequence[Row] = [(name, [f"{size:.0f}"]) for name, size in memory.items()]
        yield Table("Peak memory of a process", "after", ("MiB",), list(sizes))
