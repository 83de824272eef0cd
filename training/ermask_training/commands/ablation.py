"""`ermask-train ablate`: whether a change to training pays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ermask_training.terminal import Threads


def ablate(
    before: Annotated[list[Path], typer.Option(help="Run without the change; one for each seed.")],
    after: Annotated[list[Path], typer.Option(help="Run with it, in the same order of seeds.")],
    pairs: Annotated[Path, typer.Option(help="Prepared set of people, two photos each.")],
    calibration: Annotated[Path, typer.Option(help="Prepared set that sets the thresholds.")],
    surrogates: Annotated[Path, typer.Option(help="Folder with roster.toml and the networks.")],
    threads: Threads = 0,
) -> None:
    """Compare the flows of runs, with and without a change, on recognisers that none has seen."""
    import torch

    from ermask_training.ablation import ablate as measure
    from ermask_training.terminal import say

    if threads:
        torch.set_num_threads(threads)
    print(
        measure(
            before,
            after,
            pairs=pairs,
            calibration=calibration,
            roster=surrogates,
            progress=lambda line: say("ermask-train", line),
        )
    )
