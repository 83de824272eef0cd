"""What a run logs: every loss term at every step, in metrics.jsonl and, if wanted, TensorBoard."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path

FILE = "metrics.jsonl"
EVENTS = "tensorboard"
"""Folder of TensorBoard's event files, beside FILE."""

Write = Callable[[int, Mapping[str, float], bool], None]
"""(step, terms, whether its update was skipped)."""


def require_tensorboard() -> None:
    """Refuse at the start, and not at the first step.

    Raises:
        ValueError: the package is not installed.
    """
    if find_spec("tensorboard") is None:
        raise ValueError(
            "--tensorboard needs the package tensorboard, which is not installed; "
            'run `pip install "ermask[lab-tensorboard]"`'
        )


@contextmanager
def opened(folder: Path, step: int, tensorboard: bool) -> Iterator[Write]:
    """Yields what writes a step's terms in the run `folder`, which is at `step`.

    Steps beyond it were logged by a process that died before it could save them, and are made
    again: they are dropped from FILE, and TensorBoard hides them.
    """
    _drop_beyond(folder / FILE, step)
    with ExitStack() as stack:
        log = stack.enter_context((folder / FILE).open("a"))
        events = None
        if tensorboard:
            from torch.utils.tensorboard import SummaryWriter

            events = SummaryWriter(str(folder / EVENTS), purge_step=step + 1)
            stack.callback(events.close)

        def write(step: int, terms: Mapping[str, float], skipped: bool) -> None:
            # JSON has no NaN and no infinity
            shown = {name: x if math.isfinite(x) else None for name, x in terms.items()}
            mark = {"skipped": True} if skipped else {}
            log.write(json.dumps({"step": step, **shown, **mark}) + "\n")
            log.flush()
            if events is not None:
                for name, value in terms.items():
                    events.add_scalar(name, value, step)

        yield write


def _drop_beyond(path: Path, step: int) -> None:
    """Keep the lines up to `step`; a line that was cut off is dropped too."""
    if not path.is_file():
        return
    kept = [line for line in path.read_text().splitlines(keepends=True) if _step(line) <= step]
    fresh = path.with_suffix(".tmp")
    fresh.write_text("".join(kept))
    fresh.replace(path)


def _step(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except ValueError:
        return math.inf
