"""Cost: milliseconds by stage, and the memory that a process needs at its peak."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ermask.codec import Photo
from ermask_training.bench.attacker import Seen
from ermask_training.bench.intervals import measured, middle
from ermask_training.bench.protocol import Limits, Row, Rows
from ermask_training.bench.subject import RIGHT, Subject
from ermask_training.bench.variants import CLEAN

MIB = 2**20
FACES = "faces"


class Cost:
    """Protecting at `mid` and restoring with the right key, as the engine timed them."""

    name = "cost"

    def __init__(self, models: Path, photo: Path, threads: int) -> None:
        """Measures the memory on one photo, in a process of its own, the first time it is asked.

        Args:
            models: folder of the networks.
            photo: of one face.
        """
        self._command = [
            *(sys.executable, "-m", "ermask_training.bench.memory_process"),
            *(str(models), str(photo), str(threads)),
        ]
        self._threads = threads
        self._memory: dict[str, float] | None = None

    def pictures(self, subject: Subject) -> dict[str, Photo]:
        return {}

    def outcome(self, subject: Subject, seen: Seen) -> Row:
        if self._memory is None:
            self._memory = self._measure()
        results = {"protect": subject.protect(), "restore": subject.restore(RIGHT, CLEAN)}
        return {
            "ms": {name: result.ms for name, result in results.items()},
            FACES: {
                name: sum(bool(face.changed) for face in result.faces)
                for name, result in results.items()
            },
            "memory": self._memory,
            "threads": self._threads,
        }

    @staticmethod
    def summarise(rows: Rows, limits: Limits) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for name in ("protect", "restore"):
            done = [row for row in rows.values() if row[FACES][name]]
            stages = list(done[0]["ms"][name]) if done else []
            by_stage = {stage: [row["ms"][name][stage] for row in done] for stage in stages}
            by_stage["all stages"] = [sum(row["ms"][name].values()) for row in done]
            by_stage["all stages, a face"] = [
                sum(row["ms"][name].values()) / row[FACES][name] for row in done
            ]
            figures[f"{name}, ms"] = {
                stage: measured(times, middle, "median") for stage, times in by_stage.items()
            }
        figures["threads"] = sorted({row["threads"] for row in rows.values()})
        figures["peak memory, MiB"] = next(iter(rows.values()))["memory"]
        return {"cost": figures}

    def _measure(self) -> dict[str, float]:
        done = subprocess.run(  # noqa: S603 - our own module, in the same interpreter
            self._command, check=True, capture_output=True, text=True
        )
        return {name: round(size / MIB, 1) for name, size in json.loads(done.stdout).items()}
