"""The story of an evaluation: photo by photo, protocol by protocol, written as it goes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from ermask.align import Pixels
from ermask.codec import Photo
from ermask_training.bench import document as documents
from ermask_training.bench import guard
from ermask_training.bench.attacker import cut, embed, look
from ermask_training.bench.choice import PROTOCOLS, Mates, choose
from ermask_training.bench.document import Document
from ermask_training.bench.photos import Pair, decode
from ermask_training.bench.protocol import BenchProtocol
from ermask_training.bench.setting import Setting
from ermask_training.bench.subject import Subject
from ermask_training.split import file_digest


def evaluate(
    setting: Setting,
    *,
    protocols: Sequence[str] = (),
    first: int | None = None,
    output: Path | None = None,
) -> Document:
    """Measure, and return the document; it is also in `output`, after every pair.

    Args:
        protocols: names from PROTOCOLS; none means all that can be run.
        first: measure only so many pairs, the first in order of name.

    Raises:
        ValueError: no such protocol, one that was asked for cannot be run, or `output` was
            measured otherwise.
    """
    if unknown := sorted(set(protocols) - set(PROTOCOLS)):
        raise ValueError(f"no protocol {unknown[0]!r}; there are {', '.join(PROTOCOLS)}")
    wanted = [name for name in PROTOCOLS if name in protocols or not protocols]
    # Refused before the slow part, not after it.
    documents.go_on(output, setting.described())
    pairs = setting.pairs[:first]
    matched = setting.pairs if "identification" in wanted else pairs
    setting.progress(f"looking at {len(pairs)} photos to protect and {len(matched)} to match")
    crops = {which: _cut(setting, some, which) for which, some in (("a", pairs), ("b", matched))}
    guard.require_new_photos(
        {f"{name}/{which}": crop for which in crops for name, crop in crops[which].items()},
        setting.sets,
    )
    mates = _mates(setting, crops["b"])
    chosen = choose(setting, wanted, mates)
    for name in protocols:
        if name in chosen.left_out:
            raise ValueError(f"{name} cannot be measured: {chosen.left_out[name]}")
    document = documents.go_on(output, {**setting.described(), **chosen.settings})
    document["split"] = setting.checked.as_json()
    document["left out"] = chosen.left_out
    _measure(setting, chosen.protocols, pairs, mates, document, output)
    return document


def _measure(
    setting: Setting,
    protocols: list[BenchProtocol],
    pairs: list[Pair],
    mates: Mates,
    document: Document,
    output: Path | None,
) -> None:
    limits = {judge.name: judge.limits for judge in setting.judges}
    setting.engine.warm_up()
    started, done = time.monotonic(), 0
    for number, pair in enumerate(pairs, 1):
        files = _files(pair)
        known = document[documents.PHOTOS].get(pair.name, {})
        if known and known[documents.FILES] != files:
            raise ValueError(f"the photos of {pair.name} are not those measured before")
        pending = [protocol for protocol in protocols if protocol.name not in known]
        if not pending:
            continue
        following = setting.pairs[number % len(setting.pairs)]
        subject = Subject(setting.engine, setting.seed, pair, following)
        shown: dict[str, Photo] = {}
        for protocol in pending:
            shown |= protocol.pictures(subject)
        seen = look(setting.engine, setting.judges, shown)
        seen.mates = {judge: people[pair.name] for judge, people in mates.items()}
        outcomes = {protocol.name: protocol.outcome(subject, seen) for protocol in pending}
        if subject.failures:
            document.setdefault("refused", {})[pair.name] = subject.failures
        documents.add(document, pair.name, files, outcomes)
        done += 1
        if output is not None:
            _sum_up(protocols, limits, document)
            documents.write(output, document)
        each = (time.monotonic() - started) / done
        left = (len(pairs) - number) * each / 60
        setting.progress(
            f"{number}/{len(pairs)} {pair.name}: {each:.1f} s a pair, {left:.0f} min left"
        )
    _sum_up(protocols, limits, document)
    if output is not None:
        documents.write(output, document)


def _sum_up(
    protocols: list[BenchProtocol], limits: dict[str, dict[str, float]], document: Document
) -> None:
    for protocol in protocols:
        if rows := documents.rows(document, protocol.name):
            documents.put(document, protocol.summarise(rows, limits))


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
