"""`ermask-train meta-surrogate`: teach a student to be a better guide."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ermask_training.terminal import Threads


def meta_surrogate(
    data: Annotated[Path, typer.Option(help="Prepared set to teach on.")],
    surrogates: Annotated[Path, typer.Option(help="Folder with roster.toml and the networks.")],
    student: Annotated[
        Path,
        typer.Option(help="Folder that `distil` wrote, or a models folder with a student."),
    ],
    models: Annotated[
        Path, typer.Option(help="Models folder or run whose protector bends the faces.")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the new student; it can go on.")],
    steps: Annotated[int, typer.Option(min=1, help="Updates.")] = 2200,
    photos: Annotated[int, typer.Option(min=1, help="Faces an update.")] = 96,
    precision: Annotated[
        str | None, typer.Option(help="Mixed precision of the surrogates: no or bf16.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Use no GPU.")] = False,
    threads: Threads = 0,
) -> None:
    """Teach a distilled student that what leads it astray should mislead surrogates too.

    Give what it writes to `fit --student`. An update costs a GPU a fifth of a second and two CPU
    cores a quarter of a minute.
    """
    import torch

    from ermask_training import data as sets
    from ermask_training import distil, processes, published, split
    from ermask_training import meta_surrogate as lesson
    from ermask_training import surrogates as recognisers

    accelerator = processes.start(precision, cpu)
    if threads:
        torch.set_num_threads(threads)
    crop_set = sets.load(data)
    judges = recognisers.load(surrogates, "train")
    split.record(output, split.of(crop_set, [each.entry for each in judges]), student, models)
    lesson.rehearse(
        distil.load(student),
        published.flow(models),
        crop_set,
        judges,
        accelerator,
        output,
        steps=steps,
        photos=photos,
    )
