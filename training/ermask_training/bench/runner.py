"""The story of an evaluation: photo by photo, protocol by protocol, written as it goes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ermask.align import Pixels
from ermask_training.bench import document as documents
from ermask_training.bench import guard
from ermask_training.bench.attacker import cut, embed
from ermask_training.bench.choice import PROTOCOLS, SUMMARIES, Mates, choose
from ermask_training.bench.document import Document
from ermask_training.bench.measuring import Task, measure
from ermask_training.bench.photos import Pair, decode
from ermask_training.bench.setting import Setting
from ermask_training.split import file_digest


def evaluate(
    setting: Setting,
    *,
    protocols: Sequence[str] = (),
    first: int | None = None,
    output: Path | None = None,
    jobs: int = 1,
) -> Document:
    """Measure, and return the document; it is also in `output`, after every pair.

    Args:
        protocols: names from PROTOCOLS; none means all that can be run.
        first: measure only so many pairs, the first in order of name.
        jobs: processes to share the work.

    Raises:
        ValueError: no such protocol, one that was asked for cannot be run, or `output` was
            measured otherwise.
    """
    if unknown := sorted(set(protocols) - set(PROTOCOLS)):
        raise ValueError(f"no protocol {unknown[0]!r}; there are {', '.join(PROTOCOLS)}")
    chosen = choose(setting, [name for name in PROTOCOLS if name in protocols or not protocols])
    for name in protocols:
        if name in chosen.left_out:
            raise ValueError(f"{name} cannot be measured: {chosen.left_out[name]}")
    document = documents.go_on(output, {**setting.described(), **chosen.settings})
    document["split"] = setting.checked.as_json()
    document["left out"] = chosen.left_out
    pairs = setting.pairs[:first]
    tasks = list(_tasks(document, pairs, chosen.names))
    limits = {judge.name: judge.limits for judge in setting.judges}
    if tasks:
        mates = _look_first(setting, pairs, "identification" in chosen.names)
        started = first_done = time.monotonic()
        for done, found in enumerate(measure(setting, chosen.names, mates, tasks, jobs), 1):
            pair = pairs[found.number]
            documents.add(document, pair.name, _files(pair), found.outcomes)
            if found.failures:
                document.setdefault("refused", {})[pair.name] = found.failures
            if output is not None:
                _sum_up(chosen.names, limits, document)
                documents.write(output, document)
            now = time.monotonic()
            # Opening everything comes before the first pair and says nothing about the others.
            first_done = now if done == 1 else first_done
            each = now - started if done == 1 else (now - first_done) / (done - 1)
            left = f"{each:.1f} s a pair, {(len(tasks) - done) * each / 60:.0f} min left"
            setting.progress(f"{done}/{len(tasks)} {pair.name}: {left}")
    _sum_up(chosen.names, limits, document)
    if output is not None:
        documents.write(output, document)
    return document


def _tasks(document: Document, pairs: list[Pair], names: Sequence[str]) -> Iterator[Task]:
    """What the document lacks.

    Raises:
        ValueError: it has another photo under the name of a pair.
    """
    for number, pair in enumerate(pairs):
        known = document[documents.PHOTOS].get(pair.name, {})
        if known and known[documents.FILES] != _files(pair):
            raise ValueError(f"the photos of {pair.name} are not those measured before")
        if pending := frozenset(names) - set(known):
            yield Task(number, pending)


def _look_first(setting: Setting, pairs: list[Pair], everybody: bool) -> Mates:
    """Check that no photo is in a prepared set; returns what is matched against.

    Args:
        everybody: the photos `b` of all pairs, for the gallery, and not only of `pairs`.
    """
    matched = setting.pairs if everybody else pairs
    setting.progress(f"looking at {len(pairs)} photos to protect and {len(matched)} to match")
    crops = {which: _cut(setting, some, which) for which, some in (("a", pairs), ("b", matched))}
    guard.require_new_photos(
        {f"{name}/{which}": crop for which in crops for name, crop in crops[which].items()},
        setting.sets,
    )
    return _mates(setting, crops["b"])


def _sum_up(names: Sequence[str], limits: dict[str, dict[str, float]], document: Document) -> None:
    for name in names:
        if rows := documents.rows(document, name):
            documents.put(document, SUMMARIES[name](rows, limits))


def _cut(setting: Setting, pairs: list[Pair], which: str) -> dict[str, Pixels | None]:
    """By person, the crop of their photo `a` or `b`."""
    return {
        pair.name: cut(setting.engine, decode(pair.a if which == "a" else pair.b)) for pair in pairs
    }


def _mates(setting: Setting, crops: dict[str, Pixels | None]) -> Mates:
    """By judge and person, the embedded crop."""
    there = [name for name, crop in crops.items() if crop is not None]
    found: Mates = {}
    for judge in setting.judges:
        rows = embed(judge.recogniser, [crop for crop in crops.values() if crop is not None])
        vectors = dict(zip(there, rows, strict=True))
        found[judge.name] = {name: vectors.get(name) for name in crops}
    return found


def _files(pair: Pair) -> str:
    return file_digest(pair.a)[:16] + file_digest(pair.b)[:16]
