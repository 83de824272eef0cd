"""Which protocols a run has: those that are wanted and have what they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ermask.align import Floats
from ermask_training import surrogates
from ermask_training.bench import identification
from ermask_training.bench.baselines import Baselines
from ermask_training.bench.cost import Cost
from ermask_training.bench.dodging import Dodging
from ermask_training.bench.erasure import Erasure
from ermask_training.bench.identification import Identification
from ermask_training.bench.impersonation import Impersonation
from ermask_training.bench.linkage import Linkage
from ermask_training.bench.looks import Looks
from ermask_training.bench.marks import Marks
from ermask_training.bench.protocol import BenchProtocol, Limits, Rows
from ermask_training.bench.setting import Setting
from ermask_training.bench.similarity import lpips_missing, open_lpips

Mates = dict[str, dict[str, Floats | None]]
"""By judge and person: the photo to match, embedded."""


SUMMARIES: dict[str, Callable[[Rows, Limits], dict[str, Any]]] = {
    each.name: each.summarise
    for each in (
        Dodging,
        Erasure,
        Identification,
        Linkage,
        Impersonation,
        Baselines,
        Marks,
        Looks,
        Cost,
    )
}
"""What makes figures of outcomes, by protocol; nothing else needs to be there for it."""


PROTOCOLS = tuple(SUMMARIES)


@dataclass
class Chosen:
    """The protocols of a run, what else decides their figures, and what is missing and why."""

    names: list[str] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def choose(setting: Setting, wanted: Sequence[str]) -> Chosen:
    """The wanted protocols (names from PROTOCOLS) that have what they need."""
    missing = {
        "linkage": "there is only one person" if len(setting.pairs) < 2 else None,
        "impersonation": None if setting.sources.targets else "no --targets",
        "baselines": None if setting.surrogates() else "the roster has no surrogates",
    }
    chosen = Chosen()
    for name in wanted:
        if reason := missing.get(name):
            chosen.left_out[name] = reason
        else:
            chosen.names.append(name)
    if {"looks", "baselines"} & set(chosen.names):
        reason = lpips_missing()
        chosen.settings["lpips"] = reason is None
        if reason:
            chosen.left_out["LPIPS"] = reason
    if "identification" in chosen.names:
        sets = list(setting.sets.values())
        chosen.settings["gallery"] = identification.gallery_size(len(setting.pairs), sets)
        if setting.distractors is None:
            chosen.left_out["distractors"] = "no --distractors: the gallery is smaller"
    if "baselines" in chosen.names:
        chosen.settings["surrogates"] = [entry.name for entry in setting.surrogates()]
    return chosen


def build(setting: Setting, names: Sequence[str], mates: Mates) -> list[BenchProtocol]:
    """The protocols by these names, ready to measure.

    Raises:
        ValueError: the targets have no face.
    """
    lpips = open_lpips() if {"looks", "baselines"} & set(names) else None
    sources = setting.sources

    def baselines() -> BenchProtocol:
        return Baselines(surrogates.load(sources.roster, "train"), lpips)

    def identify() -> BenchProtocol:
        others = identification.strangers(len(setting.pairs), list(setting.sets.values()))
        return Identification(setting.judges, mates, others, setting.progress)

    def impersonate() -> BenchProtocol:
        return Impersonation(setting.engine, setting.judges, sources.targets or Path())

    make: dict[str, Callable[[], BenchProtocol]] = {
        "dodging": Dodging,
        "erasure": Erasure,
        "identification": identify,
        "linkage": Linkage,
        "impersonation": impersonate,
        "baselines": baselines,
        "mark": Marks,
        "looks": lambda: Looks(lpips),
        "cost": lambda: Cost(sources.models, setting.pairs[0].a, sources.threads),
    }
    return [make[name]() for name in names]
