"""`ermask-train fit`: train by a recipe, on whatever machine there is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ermask_training.terminal import Threads


def fit(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe.")],
    data: Annotated[Path, typer.Option(help="Prepared set to train on.")],
    surrogates: Annotated[Path, typer.Option(help="Folder with roster.toml and the networks.")],
    student: Annotated[
        Path,
        typer.Option(help="Folder that `distil` wrote, or a models folder with a student."),
    ],
    output: Annotated[Path, typer.Option(help="Folder of the run; an unfinished one goes on.")],
    validation: Annotated[
        Path | None,
        typer.Option(help="Prepared set that will be used to judge; refuse to share people."),
    ] = None,
    start_from: Annotated[
        Path | None,
        typer.Option(help="Models folder or run whose networks a new run starts from."),
    ] = None,
    target: Annotated[
        Path | None,
        typer.Option(
            help="Prepared set of the person to impersonate, for the recipe `impersonation`; "
            "without it, people that the key makes up."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Instead of the recipe's: the same run by other dice.")
    ] = None,
    precision: Annotated[
        str | None,
        typer.Option(
            help="Mixed precision of recognisers and eraser: no or bf16. Without it, what "
            "`accelerate launch` says, else no."
        ),
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Use no GPU.")] = False,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Write every loss term for TensorBoard too.")
    ] = False,
    threads: Threads = 0,
) -> None:
    """Train by a recipe, or go on with what is in --output.

    SIGTERM and Ctrl-C leave a checkpoint behind; the same command goes on from there. Under
    `accelerate launch` several processes train one run.
    """
    from dataclasses import replace

    import torch

    from ermask_training import checkpoint, distil, processes, recipes, scalars, split
    from ermask_training import data as sets
    from ermask_training import fit as loop
    from ermask_training import surrogates as recognisers

    config = recipes.find(recipe)
    if seed is not None:
        config = replace(config, seed=seed)
    checkpoint.require_same_config(output, config)
    if tensorboard:
        scalars.require_tensorboard()
    crop_set = sets.load(data)
    if validation is not None:
        sets.require_disjoint([crop_set, sets.load(validation)])
    towards = None if target is None else sets.load(target)
    accelerator = processes.start(precision, cpu)
    # it sets the threads of several processes on a CPU itself, so ours come after
    if threads:
        torch.set_num_threads(threads)
    judges = recognisers.load(surrogates, "train", config.surrogates)
    if accelerator.is_main_process:
        now = split.of(crop_set, [each.entry for each in judges])
        if towards is not None:
            now |= split.of(towards, [])
        split.record(output, now, *(each for each in (student, start_from) if each is not None))
    loop.fit(
        config,
        crop_set,
        judges,
        distil.load(student),
        output,
        start_from=start_from,
        target=towards,
        accelerator=accelerator,
        tensorboard=tensorboard,
    )
    accelerator.end_training()
