"""Which plots a report has: protection, robustness, erasure, identification, and what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ermask_training.bench import svg
from ermask_training.bench.document import Document
from ermask_training.bench.looks import REGISTERED
from ermask_training.bench.tables import Figure, value
from ermask_training.bench.variants import CLEAN, VARIANTS, label, parts

Documents = Mapping[str, Document]


@dataclass(frozen=True)
class Plot:
    """A titled drawing with its legend, as HTML."""

    title: str
    legend: str
    svg: str


def plots(documents: Documents) -> Iterator[Plot]:
    """All that the documents have figures for."""
    judges = dict.fromkeys(
        judge for document in documents.values() for judge in document.get("recognisers", {})
    )
    for judge in judges:
        fars = dict.fromkeys(
            far
            for document in documents.values()
            for far in document.get("recognisers", {}).get(judge, {})
            if far.startswith("FAR")
        )
        for far in fars:
            yield from _protection(documents, judge, far)
        yield from _robustness(documents, judge, next(iter(fars)))
        yield from _erasure(documents, judge, next(iter(fars)))
        yield from _price(documents, judge, next(iter(fars)))
    yield from _identification(documents)


def _protection(documents: Documents, judge: str, far: str) -> Iterator[Plot]:
    figures = {name: _entry(document, judge, far) for name, document in documents.items()}
    found = [n for n in _names(figures.values()) if parts(n)[1] == CLEAN]
    shown = [name for name in found if not name.startswith("restored")]
    series = {name: [entry.get(each) for each in shown] for name, entry in figures.items()}
    yield _dots(f"Still matched: {judge}, {far}", shown, series, "match rate")


def _robustness(documents: Documents, judge: str, far: str) -> Iterator[Plot]:
    series: dict[str, Sequence[Figure | None]] = {}
    for number, (name, document) in enumerate(documents.items()):
        entry = _entry(document, judge, far)
        for photo in ("original", "protected mid", "protected high"):
            if photo in entry and not (number and photo == "original"):
                found = [entry.get(label(photo, variant)) for variant in VARIANTS]
                series[_called(documents, name, photo)] = found
    if series:
        title = f"What sites do to it: {judge}, {far}"
        yield _dots(title, list(VARIANTS), series, "match rate")


def _erasure(documents: Documents, judge: str, far: str) -> Iterator[Plot]:
    for name, document in documents.items():
        entry = _entry(document, judge, far, "matches brought back")
        kinds = dict.fromkeys(parts(each)[0] for each in entry)
        series = {kind: [entry.get(label(kind, each)) for each in VARIANTS] for kind in kinds}
        if series:
            title = _called(documents, name, f"Matches brought back: {judge}, {far}")
            yield _dots(title, list(VARIANTS), series, "share of the matches before protection")


def _price(documents: Documents, judge: str, far: str) -> Iterator[Plot]:
    """Protection against looks. Baselines do not bend, so for them nothing is undone."""
    spots = []
    for name, document in documents.items():
        rates = _entry(document, judge, far)
        for compared, measures in document.get("looks", {}).items():
            photo = compared.removesuffix(" against original")
            if photo in rates and not photo.startswith("restored"):
                alike = measures.get(REGISTERED, measures["SSIM"])
                spots.append(svg.Spot(photo, name, value(alike), _point(rates[photo])))
    if spots:
        drawn = svg.scatter(
            spots, "SSIM over the face, flow undone where there is one", "match rate"
        )
        legend = svg.legend(list(dict.fromkeys(spot.series for spot in spots)))
        yield Plot(f"Protection and looks: {judge}, {far}", legend, drawn)


def _identification(documents: Documents) -> Iterator[Plot]:
    found = {
        name: document["identification"]["recognisers"]
        for name, document in documents.items()
        if "identification" in document
    }
    for judge in dict.fromkeys(judge for entry in found.values() for judge in entry):
        series: dict[str, Sequence[Figure | None]] = {}
        here = {name: entry[judge] for name, entry in found.items() if judge in entry}
        shown = _names(figures for entry in here.values() for figures in entry.values())
        for name, entry in here.items():
            for rank, figures in entry.items():
                series[_called(documents, name, rank)] = [figures.get(each) for each in shown]
        yield _dots(f"Found in the gallery: {judge}", shown, series, "share found")


def _dots(
    title: str, labels: list[str], series: Mapping[str, Sequence[Figure | None]], axis: str
) -> Plot:
    drawn = [
        svg.Series(name, [_point(figure) if figure and figure["n"] else None for figure in figures])
        for name, figures in series.items()
    ]
    return Plot(title, svg.legend(list(series)), svg.dots(labels, drawn, axis))


def _entry(
    document: Document, judge: str, far: str, kind: str = "match rate"
) -> Mapping[str, Figure]:
    found: Mapping[str, Figure] = (
        document.get("recognisers", {}).get(judge, {}).get(far, {}).get(kind, {})
    )
    return found


def _names(entries: Iterable[Mapping[str, Figure]]) -> list[str]:
    return list(dict.fromkeys(name for entry in entries for name in entry))


def _called(documents: Documents, name: str, what: str) -> str:
    return what if len(documents) == 1 else f"{name}: {what}"


def _point(figure: Figure) -> svg.Point:
    low, high = figure["interval_95"]
    return value(figure), low, high
