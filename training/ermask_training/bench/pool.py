"""One model under several draws of keys: figures that hang less on the draw.

Keys decide how a face is changed, so that under other keys other photos are still matched. A photo
counts by the share of draws in which it was hit, and intervals are over photos, as if all draws of
a photo went one way: more draws make a figure steadier, not its interval narrower.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ermask_training.bench import document as documents
from ermask_training.bench.document import FILES, PHOTOS, Document
from ermask_training.bench.dodging import ORIGINAL, protected
from ermask_training.bench.erasure import NO_KEY, restored
from ermask_training.bench.intervals import clustered, measured
from ermask_training.bench.markdown import models, show_tables
from ermask_training.bench.matching import Bools, labels, matched, thresholds
from ermask_training.bench.protocol import Rows
from ermask_training.bench.subject import WHICH
from ermask_training.bench.tables import Cell, Row, Table, shown
from ermask_training.bench.variants import VARIANTS, label
from ermask_training.metrics import Rate


def pool(found: Sequence[Document]) -> str:
    """All pooled figures as Markdown.

    Raises:
        ValueError: see `pooled`.
    """
    made = pooled(found)
    days = ", ".join(sorted({each["date"] for each in found}))
    lines = [
        f"{found[0]['pairs']} pairs of photos, each under the keys of {len(found)} seeds.",
        f"Models: {models(found[0])}. Measured {days}.",
        "Beside the mean over photos and seeds (95 % interval): each seed's own figure.",
    ]
    return "\n".join([*lines, "", show_tables(made)])


def pooled(found: Sequence[Document]) -> list[Table]:
    """Dodging, erasure and looks, as far as all documents have them.

    Raises:
        ValueError: they are not of one model, one bench and the same photos under different seeds.
    """
    _require_draws(found)
    limits = found[0]["settings"]["thresholds"]
    columns = ("mean", *(f"seed {each['settings']['seed']}" for each in found))
    tables: list[Table] = []
    for protocol, make in (("dodging", _dodging), ("erasure", _erasure), ("looks", _looks)):
        draws = [documents.rows(each, protocol) for each in found]
        if all(draws):
            tables += [Table(title, "photo", columns, rows) for title, rows in make(limits, draws)]
    return tables


def _require_draws(found: Sequence[Document]) -> None:
    if len(found) < 2:
        raise ValueError("there is nothing to pool: give the files of two seeds or more")
    for one, two in pairwise(found):
        before, after = one["settings"], two["settings"]
        # what one lacks is of a protocol that the other alone has
        names = sorted(before.keys() & after.keys() - {"seed"})
        if other := [name for name in names if before[name] != after[name]]:
            raise ValueError(f"measured with other {' and '.join(other)}: these cannot be pooled")
        if _files(one) != _files(two):
            raise ValueError("measured on other photos: these cannot be pooled")
    seeds = [each["settings"]["seed"] for each in found]
    if len(set(seeds)) < len(seeds):
        raise ValueError("two files have the same seed, and so the same keys")


def _files(document: Document) -> dict[str, str]:
    return {name: entry[FILES] for name, entry in document[PHOTOS].items()}


def _dodging(limits: Any, draws: Sequence[Rows]) -> Iterator[tuple[str, list[Row]]]:
    for judge, far, limit in thresholds(limits):
        rows: list[Row] = []
        for name in labels(draws[0], judge):
            hits = _hits(draws, judge, name, limit)
            rows.append(_row(name, hits, np.ones_like(hits)))
        yield f"Match rate: {judge}, {far}", rows


def _erasure(limits: Any, draws: Sequence[Rows]) -> Iterator[tuple[str, list[Row]]]:
    for judge, far, limit in thresholds(limits):
        before = _hits(draws, judge, ORIGINAL, limit)
        back: list[Row] = []
        hidden_back: list[Row] = []
        for variant in VARIANTS:
            still = _hits(draws, judge, label(protected("mid"), variant), limit)
            back.append(_row(label(NO_KEY, variant), still, before))
            for key in WHICH:
                name = label(restored(key), variant)
                hits = _hits(draws, judge, name, limit)
                back.append(_row(name, hits, before))
                hidden_back.append(_row(name, hits, before & ~still))
        yield f"Of the matches before protection, those brought back: {judge}, {far}", back
        yield f"Of the matches that protection hid, those brought back: {judge}, {far}", hidden_back


def _looks(limits: Any, draws: Sequence[Rows]) -> Iterator[tuple[str, list[Row]]]:
    names: dict[tuple[str, str], None] = {}
    for row in draws[0].values():
        names.update({(name, measure): None for name in row for measure in row[name]})
    rows: list[Row] = []
    for name, measure in names:
        values = np.array(
            [
                [entry[photo].get(name, {}).get(measure, np.nan) for photo in draws[0]]
                for entry in draws
            ],
            float,
        )
        values = values[:, ~np.isnan(values).any(0)]
        each: list[Cell] = [shown(mean) for mean in values.mean(1)]
        rows.append((f"{name}: {measure}", [measured(values.mean(0)), *each]))
    if rows:
        yield "Looks", rows


def _hits(draws: Sequence[Rows], judge: str, name: str, limit: float) -> Bools:
    """Which photos match under a label: (seeds, N)."""
    return np.stack([matched(each, judge, name, limit) for each in draws])


def _row(name: str, hits: Bools, among: Bools) -> Row:
    """A share of the cases that count; hits and among are (seeds, N)."""
    cases, hit = among.sum(0), (hits & among).sum(0)
    there = cases > 0
    rates = [Rate(int((h & a).sum()), int(a.sum())) for h, a in zip(hits, among, strict=True)]
    each: list[Cell] = [shown(rate.value) if rate.n else "no case" for rate in rates]
    return name, [clustered((hit[there] / cases[there]).tolist()), *each]
