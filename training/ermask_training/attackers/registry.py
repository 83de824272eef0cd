"""All attackers by name, and running them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ermask_training.attackers import (
    averaging,
    finetuned,
    key_search,
    keyless,
    linkage,
    purifiers,
)
from ermask_training.attackers.judge import Judge
from ermask_training.attackers.report import Report
from ermask_training.attackers.setting import Setting

ATTACKERS: dict[str, Callable[[Setting, Judge], Report]] = {
    "purifiers": purifiers.attack,
    "linkage": linkage.attack,
    "keyless": keyless.attack,
    "recogniser": finetuned.attack,
    "averaging": averaging.attack,
    "search": key_search.attack,
}
"""Cheap ones first."""
ALL = "all"


def chosen(name: str) -> list[str]:
    """The attackers that `name` stands for.

    Raises:
        ValueError: there is no such attacker.
    """
    if name == ALL:
        return list(ATTACKERS)
    if name not in ATTACKERS:
        raise ValueError(f"there is no attacker {name!r}; there are {ALL}, {', '.join(ATTACKERS)}")
    return [name]


def run(names: list[str], setting: Setting, output: Path) -> list[Report]:
    """Run attackers one after the other; JSON in `output`, Markdown beside it.

    Both are written again after each attacker, so that a long run can be looked at, and one that
    breaks off keeps what it has.
    """
    judge = Judge(setting)
    reports: list[Report] = []
    output.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        setting.progress(f"attack: {name}")
        reports.append(ATTACKERS[name](setting, judge))
        found = {"attacks": [report.as_json() for report in reports]}
        output.write_text(json.dumps(found, indent=1) + "\n")
        output.with_suffix(".md").write_text("\n".join(each.markdown() for each in reports))
    return reports
