"""What an attack achieved, as JSON and as Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ermask.align import Floats
from ermask_training.attackers.setting import Setting
from ermask_training.metrics import Rate


@dataclass(frozen=True)
class Row:
    """One variant of the photos under one recogniser at one threshold."""

    photo: str
    recogniser: str
    far: float
    """False accept rate that the threshold was set at."""
    threshold: float
    match: Rate
    returned: Rate | None = None
    """Of the photos that matched before protection, the share that matches."""

    def as_json(self) -> dict[str, Any]:
        return {
            "photo": self.photo,
            "recogniser": self.recogniser,
            "far": self.far,
            "threshold": round(self.threshold, 4),
            "match rate": self.match.as_json(),
            "of those matched before": self.returned and self.returned.as_json(),
        }


@dataclass(frozen=True)
class Mean:
    """A mean over n photos, with its 95 % interval (normal approximation)."""

    value: float
    half: float
    n: int

    @classmethod
    def of(cls, values: Floats) -> Mean:
        spread = float(np.std(values, ddof=1)) if len(values) > 1 else math.inf
        return cls(float(np.mean(values)), 1.96 * spread / math.sqrt(len(values)), len(values))

    def as_json(self) -> dict[str, Any]:
        low, high = self.value - self.half, self.value + self.half
        interval = [round(low, 4), round(high, 4)] if math.isfinite(self.half) else None
        return {"mean": round(self.value, 4), "n": self.n, "interval_95": interval}


@dataclass(frozen=True)
class Report:
    """The outcome of one attacker."""

    attacker: str
    what: str
    """One sentence: what it does."""
    circumstances: dict[str, str | int]
    rows: list[Row]
    means: dict[str, Mean] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "attacker": self.attacker,
            "what": self.what,
            "circumstances": self.circumstances,
            "rows": [row.as_json() for row in self.rows],
            "means": {name: mean.as_json() for name, mean in self.means.items()},
            "remarks": self.remarks,
        }

    def markdown(self) -> str:
        """A heading, one table a recogniser and threshold, the means, the remarks."""
        told = ", ".join(f"{name} {value}" for name, value in self.circumstances.items())
        lines = [f"## {self.attacker}", "", self.what, "", f"{told}.", ""]
        last: tuple[str, float] | None = None
        for row in self.rows:
            if (row.recogniser, row.far) != last:
                last = (row.recogniser, row.far)
                lines += [
                    "",
                    f"{row.recogniser}, FAR {row.far:.3g}",
                    "",
                    "| photo | threshold | match rate (95 % interval) | of those matched before |",
                    "|---|---|---|---|",
                ]
            returned = _cell(row.returned) if row.returned else ""
            lines.append(f"| {row.photo} | {row.threshold:.3f} | {_cell(row.match)} | {returned} |")
        if self.means:
            lines += ["", "| mean over photos | (95 % interval) |", "|---|---|"]
            for name, mean in self.means.items():
                lines.append(f"| {name} | {mean.value:.3f} (±{mean.half:.3f}, n {mean.n}) |")
        lines += [""] * bool(self.remarks) + [f"- {remark}" for remark in self.remarks]
        return "\n".join(lines) + "\n"


def circumstances(setting: Setting, **more: str | int) -> dict[str, str | int]:
    """What a reader needs to know to compare two reports."""
    return {
        "pairs": len(setting.pairs),
        "strength": setting.strength,
        "JPEG": setting.quality,
        "seed": setting.seed,
        "protector": setting.protector.digest[:16],
        "eraser": setting.eraser.digest[:16],
        **more,
    }


def _cell(rate: Rate) -> str:
    low, high = rate.interval
    return f"{rate.value:.3f} ({low:.3f}-{high:.3f}, n {rate.n})"
