"""Counts and times since the start, as Prometheus text (exposition format 0.0.4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HELP = {
    "ermask_requests_total": "HTTP requests by route and status.",
    "ermask_request_seconds_total": "Time spent answering, by route.",
    "ermask_photos_total": "Photos by operation and outcome (ok, or an error code).",
    "ermask_stage_seconds_total": "Time spent on photos, by operation and stage.",
}


class Metrics:
    """Counters. Labels come from the program's own words, never from a client."""

    def __init__(self) -> None:
        self._counters: dict[str, defaultdict[tuple[tuple[str, str], ...], float]] = {
            name: defaultdict(float) for name in _HELP
        }

    def request(self, route: str, status: int, seconds: float) -> None:
        self._add("ermask_requests_total", 1, route=route, status=str(status))
        self._add("ermask_request_seconds_total", seconds, route=route)

    def photo(self, operation: str, outcome: str, ms: Mapping[str, float]) -> None:
        """
        Args:
            outcome: "ok" or the code of the error.
            ms: milliseconds by stage; empty after an error.
        """
        self._add("ermask_photos_total", 1, operation=operation, outcome=outcome)
        for stage, value in ms.items():
            self._add("ermask_stage_seconds_total", value / 1000, operation=operation, stage=stage)

    def render(self, gauges: Mapping[str, float]) -> str:
        """All counters, then `gauges` (name -> present value)."""
        lines = []
        for name, series in self._counters.items():
            lines += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} counter"]
            for labels, value in sorted(series.items()):
                inside = ",".join(f'{key}="{word}"' for key, word in labels)
                lines.append(f"{name}{{{inside}}} {value:g}")
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"

    def _add(self, name: str, value: float, **labels: str) -> None:
        self._counters[name][tuple(sorted(labels.items()))] += value
