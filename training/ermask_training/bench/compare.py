"""Two models on the same photos: differences with intervals that use the pairing.

Comparing two intervals wastes what is known: both models met the same photos, most of which both
match or both do not. Only the others say anything about a difference. Many differences are shown
at once; one in twenty intervals misses its true value, so a single one that excludes zero is a
hint, and a p-value below a thousandth more than that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ermask_training.bench import document as documents
from ermask_training.bench.document import FILES, PHOTOS, Document
from ermask_training.bench.dodging import ORIGINAL
from ermask_training.bench.identification import RANK, RANKS
from ermask_training.bench.intervals import bootstrap, mcnemar, paired_rates
from ermask_training.bench.markdown import show_tables
from ermask_training.bench.matching import Bools, labels, matched, thresholds
from ermask_training.bench.protocol import Rows
from ermask_training.bench.tables import Cell, Row, Table, shown
from ermask_training.metrics import Rate

COLUMNS = ("before", "after", "difference (95 % interval)", "p (McNemar)")


def compare(before: Document, after: Document) -> str:
    """All differences as Markdown.

    Raises:
        ValueError: see `differences`.
    """
    photos = common(before, after)
    lines = [f"{len(photos)} pairs of photos that both were measured on; after minus before."]
    if before["settings"]["seed"] != after["settings"]["seed"]:
        lines.append(
            "The seeds differ, so the keys do: part of each difference is the draw of keys."
        )
    return "\n".join([*lines, "", show_tables(differences(before, after))])


def common(before: Document, after: Document) -> list[str]:
    """The pairs that both documents have, with the same files.

    Raises:
        ValueError: there is none, or judges or thresholds differ.
    """
    one, two = before["settings"], after["settings"]
    for name in ("judges", "thresholds"):
        if one[name] != two[name]:
            raise ValueError(f"measured with other {name}: such figures cannot be compared")
    photos = [
        name
        for name, entry in sorted(before[PHOTOS].items())
        if name in after[PHOTOS] and after[PHOTOS][name][FILES] == entry[FILES]
    ]
    if not photos:
        raise ValueError("no photo was measured in both")
    return photos


def differences(before: Document, after: Document) -> list[Table]:
    """Dodging, erasure, identification and looks, as far as both have them.

    Raises:
        ValueError: see `common`.
    """
    photos = common(before, after)
    found: list[Table] = []
    for protocol, make in (
        ("dodging", _dodging),
        ("erasure", _erasure),
        ("identification", _identification),
        ("looks", _looks),
    ):
        both = [documents.rows(document, protocol) for document in (before, after)]
        names = [name for name in photos if all(name in rows for rows in both)]
        if names:
            one, two = ({name: rows[name] for name in names} for rows in both)
            found += make(before["settings"]["thresholds"], one, two)
    return found


def _dodging(limits: Any, before: Rows, after: Rows) -> Iterator[Table]:
    everybody = np.ones(len(before), bool)
    for judge, far, limit in thresholds(limits):
        rows = [
            _row(name, [matched(rows, judge, name, limit) for rows in (before, after)], everybody)
            for name in labels(before, judge)
            if name in labels(after, judge)
        ]
        yield Table(f"Match rate: {judge}, {far}, n {len(before)}", "photo", COLUMNS, rows)


def _erasure(limits: Any, before: Rows, after: Rows) -> Iterator[Table]:
    for judge, far, limit in thresholds(limits):
        known = matched(before, judge, ORIGINAL, limit)
        rows = [
            _row(name, [matched(rows, judge, name, limit) for rows in (before, after)], known)
            for name in labels(before, judge)
            if name != ORIGINAL
        ]
        title = f"Of the matches before protection, those brought back: {judge}, {far}"
        yield Table(f"{title}, n {int(known.sum())}", "photo", COLUMNS, rows)


def _identification(limits: Any, before: Rows, after: Rows) -> Iterator[Table]:
    everybody = np.ones(len(before), bool)
    for judge in limits:
        for top in RANKS:
            rows = [
                _row(name, [_within(rows, judge, name, top) for rows in (before, after)], everybody)
                for name in next(iter(before.values()))[RANK][judge]
            ]
            title = f"Found at rank {top}: {judge}, n {len(before)}"
            yield Table(title, "photo", COLUMNS, rows)


def _looks(limits: Any, before: Rows, after: Rows) -> Iterator[Table]:
    rows: list[Row] = []
    for name, measures in next(iter(before.values())).items():
        for measure in measures:
            pairs = [
                (before[photo][name][measure], after[photo][name][measure])
                for photo in before
                if measure in before[photo].get(name, {}) and measure in after[photo].get(name, {})
            ]
            if pairs:
                values = np.array(pairs)
                one, two = values.mean(0)
                change = _signed(*bootstrap(values[:, 1] - values[:, 0]))
                rows.append((f"{name}: {measure}", [shown(one), shown(two), change]))
    if rows:
        yield Table(f"Looks, means over {len(before)} photos", "compared", COLUMNS[:3], rows)


def _row(name: str, hits: Sequence[Bools], among: Bools) -> Row:
    """A share before and after, over the photos that count."""
    one, two = (each[among].tolist() for each in hits)
    if not one:
        return name, ["no case", "", "", ""]
    rates: list[Cell] = [shown(Rate(sum(each), len(each)).value) for each in (one, two)]
    return name, [*rates, _signed(*paired_rates(one, two)), f"{mcnemar(one, two):.2g}"]


def _within(rows: Rows, judge: str, name: str, top: int) -> Bools:
    ranks: Sequence[int | None] = [row[RANK][judge][name] for row in rows.values()]
    return np.array([rank is not None and rank <= top for rank in ranks], bool)


def _signed(value: float, low: float, high: float) -> str:
    return f"{value:+.3f} ({low:+.3f} to {high:+.3f})"
