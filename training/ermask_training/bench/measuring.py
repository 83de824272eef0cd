"""Measuring one pair by all its protocols, in this process or in several.

Processes share nothing: each opens the setting anew. Torch and ONNX Runtime do not survive a fork,
so they are started fresh.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace

import torch

from ermask.codec import Photo
from ermask_training.bench.attacker import look
from ermask_training.bench.choice import Mates, build
from ermask_training.bench.protocol import Row
from ermask_training.bench.setting import Setting, Sources, open_setting
from ermask_training.bench.subject import Subject


@dataclass(frozen=True)
class Task:
    """One pair, and the protocols that it still lacks."""

    number: int
    """Place in the setting's pairs."""
    protocols: frozenset[str]


@dataclass(frozen=True)
class Measured:
    """What came of a task."""

    number: int
    outcomes: dict[str, Row]
    failures: list[str]


class Bench:
    """A setting with its protocols."""

    def __init__(self, setting: Setting, names: Sequence[str], mates: Mates) -> None:
        self._setting, self._mates = setting, mates
        self._protocols = build(setting, names, mates)
        setting.engine.warm_up()

    def measure(self, task: Task) -> Measured:
        """Everything that one pair lacks; pictures that protocols share are looked at once."""
        setting = self._setting
        pair = setting.pairs[task.number]
        following = setting.pairs[(task.number + 1) % len(setting.pairs)]
        subject = Subject(setting.engine, setting.sources.seed, pair, following)
        pending = [each for each in self._protocols if each.name in task.protocols]
        shown: dict[str, Photo] = {}
        for protocol in pending:
            shown |= protocol.pictures(subject)
        seen = look(setting.engine, setting.judges, shown)
        seen.mates = {judge: people[pair.name] for judge, people in self._mates.items()}
        outcomes = {protocol.name: protocol.outcome(subject, seen) for protocol in pending}
        return Measured(task.number, outcomes, subject.failures)


def measure(
    setting: Setting, names: Sequence[str], mates: Mates, tasks: Sequence[Task], jobs: int
) -> Iterator[Measured]:
    """Measure the tasks, in any order.

    Args:
        names: the protocols of all tasks.
        jobs: processes, of `setting.sources.threads` threads each; 1 is this one.
    """
    if jobs == 1:
        bench = Bench(setting, names, mates)
        yield from map(bench.measure, tasks)
        return
    sources = replace(setting.sources, threads=setting.sources.threads or 1)
    with ProcessPoolExecutor(
        min(jobs, len(tasks)),
        multiprocessing.get_context("spawn"),
        initializer=_open,
        initargs=(sources, names, mates),
    ) as pool:
        waiting = [pool.submit(_measure, task) for task in tasks]
        try:
            for each in as_completed(waiting):
                yield each.result()
        finally:
            pool.shutdown(cancel_futures=True)


_OPENED: list[Bench] = []
"""Of a process that measures for another: what `_open` opened."""


def _open(sources: Sources, names: Sequence[str], mates: Mates) -> None:
    torch.set_num_threads(sources.threads)
    _OPENED.append(Bench(open_setting(sources, lambda line: None), names, mates))


def _measure(task: Task) -> Measured:
    return _OPENED[0].measure(task)
