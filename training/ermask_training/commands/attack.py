"""`ermask-train attack`: what somebody without the key achieves."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ermask_training.terminal import Threads


def attack(
    name: Annotated[
        str,
        typer.Argument(
            help="purifiers, linkage, keyless, recogniser, averaging, search; or all.",
        ),
    ],
    data: Annotated[Path, typer.Option(help="Prepared set that attackers learn from.")],
    pairs: Annotated[Path, typer.Option(help="Prepared set of victims, two photos each.")],
    calibration: Annotated[Path, typer.Option(help="Prepared set that sets the thresholds.")],
    surrogates: Annotated[Path, typer.Option(help="Folder with roster.toml and the networks.")],
    output: Annotated[Path, typer.Option(help="JSON file for all figures; Markdown beside it.")],
    models: Annotated[
        Path | None, typer.Option(help="Models folder; without it, the one that ermask ships.")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Updates, for attackers that train.")] = 1000,
    queries: Annotated[int, typer.Option(min=2, help="Tries of a key search.")] = 100,
    limit: Annotated[int | None, typer.Option(min=1, help="Use only so many victims.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Decides keys and all other dice.")] = 0,
    work: Annotated[
        Path | None,
        typer.Option(
            help="Folder for what attackers train; unfinished ones go on. Without it, the output's "
            "name without its ending."
        ),
    ] = None,
    threads: Threads = 0,
) -> None:
    """Attack exported models, with all that is public, and report what comes back."""
    import torch

    from ermask import sessions
    from ermask_training.attackers import registry
    from ermask_training.attackers.setting import open_setting

    names = registry.chosen(name)
    if output.suffix != ".json":
        raise ValueError(f"--output is a file that ends in .json, not {output.name}")
    if threads:
        torch.set_num_threads(threads)
    setting = open_setting(
        models=models or sessions.PACKAGE_MODELS,
        train=data,
        pairs=pairs,
        calibration=calibration,
        roster=surrogates,
        work=work or output.with_suffix(""),
        steps=steps,
        queries=queries,
        seed=seed,
        limit=limit,
        progress=lambda line: print(line, file=sys.stderr, flush=True),
    )
    for report in registry.run(names, setting, output):
        print(report.markdown())
