"""`ermask-train`: prepare photos, look at surrogates, train, measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ermask_training.commands import bench
from ermask_training.commands import surrogates as roster
from ermask_training.commands.ablation import ablate
from ermask_training.commands.attack import attack
from ermask_training.commands.fit import fit
from ermask_training.commands.meta_surrogate import meta_surrogate
from ermask_training.terminal import LabGroup, Threads, options, require_lab

PROGRAM = "ermask-train"
EPILOG = """Exit status: 0 done, 1 error, 2 wrong usage.

docs/lab.md has the whole way from a folder of photos to a models folder."""

app = typer.Typer(
    cls=LabGroup,
    name=PROGRAM,
    help="Train the protector and the eraser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)
app.callback()(options)
app.command()(meta_surrogate)
app.command()(fit)
app.command()(ablate)
app.command()(attack)
app.command()(bench.evaluate)
app.command()(bench.compare)
app.command()(bench.pool)
app.command()(bench.report)
app.add_typer(roster.app, name="surrogates", help="The roster: list, add, calibrate.")

Models = Annotated[
    Path | None, typer.Option(help="Models folder; without it, the one that ermask ships.")
]


@app.command()
def prepare(
    folder: Annotated[Path, typer.Argument(help="Photos in FOLDER/<identity>/.")],
    output: Annotated[Path, typer.Option(help="Folder for the prepared set.")],
) -> None:
    """Cut one aligned crop from every photo, with the detector that the product uses."""
    from rich.console import Console
    from rich.progress import Progress

    from ermask import sessions
    from ermask.detect import CenterFace
    from ermask_training import data

    detector = CenterFace(sessions.Models().load_detector)
    total = len(data.photos_by_identity(folder))
    with Progress(console=Console(stderr=True)) as bar:
        task = bar.add_task("Cutting crops", total=total)
        done = data.prepare(folder, output, detector, lambda count: bar.advance(task, count))
    print(
        f"{done.crops} crops of {done.identities} identities in {output}; "
        f"{done.without_face} photos without a face, {done.unreadable} unreadable"
    )


@app.command("distil")
def teach(
    data: Annotated[Path, typer.Option(help="Prepared set to teach on.")],
    surrogates: Annotated[Path, typer.Option(help="Folder with roster.toml and the networks.")],
    teacher: Annotated[
        str, typer.Option(help="Surrogate to learn from; its licence must let you ship a student.")
    ],
    output: Annotated[Path, typer.Option(help="Folder of the student; an unfinished one goes on.")],
    models: Annotated[
        Path | None, typer.Option(help="Models folder or run whose protector bends its lessons.")
    ] = None,
    stages: Annotated[int, typer.Option(min=1, help="Updates of each stage alone.")] = 2400,
    steps: Annotated[int, typer.Option(min=1, help="Updates of the whole.")] = 4000,
    threads: Threads = 0,
) -> None:
    """Teach the student, a small recogniser that ships inside the protector.

    Faces that it is shown are bent by the protector of --models, or by parts that nobody trained.
    """
    import torch

    from ermask_training import data as sets
    from ermask_training import distil, split
    from ermask_training import surrogates as recognisers

    if threads:
        torch.set_num_threads(threads)
    crop_set = sets.load(data)
    [master] = recognisers.load(surrogates, "train", (teacher,))
    split.record(output, split.of(crop_set, [master.entry]), *([] if models is None else [models]))
    distil.distil(models, crop_set, master, output, steps=(stages, steps))


@app.command()
def pictures(
    photos: Annotated[list[Path], typer.Argument(help="Photos of people.")],
    output: Annotated[Path, typer.Option(help="Picture to write, PNG or JPEG.")],
    models: Models = None,
    at_full_size: Annotated[
        bool,
        typer.Option("--full-size", help="Original and mid alone, pixel by pixel, not resampled."),
    ] = False,
) -> None:
    """Lay out original, low, mid, high, and `mid` restored from JPEG with right and wrong key."""
    from ermask import sessions
    from ermask_training.bench.setting import open_engine
    from ermask_training.sheet import full_size, sheet

    engine = open_engine(models or sessions.PACKAGE_MODELS, 0)
    # A fixed key, so that two models are compared on the same change.
    made = (full_size if at_full_size else sheet)(engine, photos, bytes(range(32)))
    made.save(output, quality=92)


def main() -> None:
    """Entry point."""
    require_lab(PROGRAM)
    app()
