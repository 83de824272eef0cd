"""What every protocol is: pictures to make of a pair, an outcome to keep, figures to sum up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from ermask.codec import Photo
from ermask_training.bench.attacker import Seen
from ermask_training.bench.subject import Subject

Row = dict[str, Any]
"""The outcome of one protocol on one pair: plain JSON."""
Rows = Mapping[str, Row]
"""By pair."""
Limits = Mapping[str, Mapping[str, float]]
"""Thresholds: by judge and false accept rate (as text)."""


class BenchProtocol(Protocol):
    """One thing that is measured. Protocols share pictures by giving them the same label."""

    @property
    def name(self) -> str:
        """What --protocol calls it, and the key of its outcomes."""

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        """What the attacker is to look at, by label."""

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        """What is kept of this pair; `seen` has the pictures of all protocols."""

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        """Figures over all pairs, from outcomes alone; merged into the document."""


def merge(into: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Add nested entries; `more` wins where both have one. Returns `into`."""
    for name, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(name), dict):
            merge(into[name], value)
        else:
            into[name] = value
    return into
