"""Which protocols a run has: those that are wanted and have what they need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
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
from ermask_training.bench.protocol import BenchProtocol
from ermask_training.bench.setting import Setting
from ermask_training.bench.similarity import open_lpips

PROTOCOLS = (
    "dodging",
    "erasure",
    "identification",
    "linkage",
    "impersonation",
    "baselines",
    "mark",
    "looks",
    "cost",
)

Mates = dict[str, dict[str, Floats | None]]
"""By judge and person: the photo to match, embedded."""


@dataclass
class Chosen:
    """The protocols of a run, what else decides their figures, and what is missing and why."""

    protocols: list[BenchProtocol] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def choose(setting: Setting, wanted: Sequence[str], mates: Mates) -> Chosen:
    """The wanted protocols, as far as there is what they need.

    Args:
        wanted: names from PROTOCOLS.

    Raises:
        ValueError: what a protocol was given cannot be used.
    """
    chosen = Chosen()
    lpips, no_lpips = open_lpips() if {"looks", "baselines"} & set(wanted) else (None, None)
    if no_lpips:
        chosen.left_out["LPIPS"] = no_lpips
    if setting.distractors is None and "identification" in wanted:
        chosen.left_out["distractors"] = "no --distractors: the gallery is smaller"
    missing = {
        "linkage": "there is only one person" if len(setting.pairs) < 2 else None,
        "impersonation": None if setting.targets else "no --targets",
        "baselines": None if setting.surrogates() else "the roster has no surrogates",
    }

    def baselines() -> BenchProtocol:
        names = tuple(entry.name for entry in setting.surrogates())
        chosen.settings["surrogates"] = list(names)
        return Baselines(surrogates.load(setting.roster, "train", names), lpips)

    def identify() -> BenchProtocol:
        others = identification.strangers(len(setting.pairs), list(setting.sets.values()))
        made = Identification(setting.judges, mates, others, setting.progress)
        chosen.settings["gallery"] = made.size
        return made

    def impersonate() -> BenchProtocol:
        assert setting.targets is not None  # noqa: S101 - `missing` said so
        return Impersonation(setting.engine, setting.judges, setting.targets)

    def look_at() -> BenchProtocol:
        chosen.settings["lpips"] = lpips is not None
        return Looks(lpips)

    make: dict[str, Callable[[], BenchProtocol]] = {
        "dodging": Dodging,
        "erasure": Erasure,
        "identification": identify,
        "linkage": Linkage,
        "impersonation": impersonate,
        "baselines": baselines,
        "mark": Marks,
        "looks": look_at,
        "cost": lambda: Cost(setting.models, setting.pairs[0].a, setting.threads),
    }
    for name in wanted:
        if reason := missing.get(name):
            chosen.left_out[name] = reason
        else:
            chosen.protocols.append(make[name]())
    return chosen
