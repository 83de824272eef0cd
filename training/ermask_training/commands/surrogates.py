"""`ermask-train surrogates`: list, add to and calibrate a roster of recognisers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from ermask_training.roster.entries import Loader, Role, read_roster
from ermask_training.terminal import Threads

app = typer.Typer(no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="Folder with roster.toml and the networks.")]


@app.command("list")
def show(folder: Folder) -> None:
    """List the recognisers: what each is for, what it wants to see, its thresholds.

    A threshold is a cosine that `calibrate` measured at a false accept rate of 0.01 or 0.001.
    """
    print(
        f"{'name':24} {'role':10} {'loader':15} {'input':11} {'box':22} {'dim':>5} {'MB':>6} "
        f"{'FAR 0.01':>8} {'FAR 0.001':>9}"
    )
    for entry in read_roster(folder):
        height, width = entry.size
        box = " ".join(f"{edge:g}" for edge in entry.box)
        size = entry.path.stat().st_size / 1e6
        far_1e2, far_1e3 = (
            "-" if limit is None else f"{limit:.4f}"
            for limit in (entry.threshold_far_1e2, entry.threshold_far_1e3)
        )
        print(
            f"{entry.name:24} {entry.role:10} {entry.loader:15} "
            f"{f'{height}x{width} {entry.channels}':11} {box:22} {entry.dim:5} {size:6.1f} "
            f"{far_1e2:>8} {far_1e3:>9}"
        )


@app.command("add")
def add_network(
    folder: Folder,
    file: Annotated[
        Path, typer.Argument(help="The network's file, or a pack of InsightFace: folder or zip.")
    ],
    name: Annotated[str, typer.Option(help="How recipes, logs and reports will call it.")],
    role: Annotated[
        Role,
        typer.Option(help="A surrogate to train against, or a judge that training never sees."),
    ],
    loader: Annotated[
        Loader | None, typer.Option(help="How to open it; without it, the suffix says.")
    ] = None,
    box: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(help="Left, top, right, bottom of what it sees, in 112-unit template units."),
    ] = None,
    size: Annotated[
        tuple[int, int] | None,
        typer.Option(help="Height and width of its input, where the file does not say."),
    ] = None,
    channels: Annotated[Literal["RGB", "BGR"], typer.Option(help="Order it takes.")] = "RGB",
    mean: Annotated[
        tuple[float, float, float] | None, typer.Option(help="Taken off x in [0, 1].")
    ] = None,
    std: Annotated[
        tuple[float, float, float] | None, typer.Option(help="Then divided by this.")
    ] = None,
    licence: Annotated[str | None, typer.Option(help="The weights' terms, for people.")] = None,
) -> None:
    """Copy a network into the folder and append its entry, once it has run on made-up faces."""
    from ermask_training.roster.add import Candidate, add

    candidate = Candidate(
        name=name,
        role=role,
        loader=loader,
        box=box,
        size=size,
        channels=channels,
        mean=mean,
        std=std,
        licence=licence,
    )
    entry = add(folder, file, candidate)
    height, width = entry.size
    print(
        f"{entry.name} ({entry.role}) in {entry.path}: opened by {entry.loader}, "
        f"{height}x{width} {entry.channels}, embeddings of {entry.dim}"
    )
    print(f"box {_row(entry.box)}, mean {_row(entry.mean)}, std {_row(entry.std)}")


@app.command("calibrate")
def set_thresholds(
    folder: Folder,
    data: Annotated[Path, typer.Option(help="Prepared set, of people with two photos or more.")],
    threads: Threads = 0,
) -> None:
    """Measure every recogniser's thresholds on a prepared set and write them into roster.toml.

    `evaluate` and `attack` do not use them: they set their own on the people they are given.
    """
    import torch

    from ermask_training import data as sets
    from ermask_training.roster.calibrate import calibrate
    from ermask_training.terminal import say

    if threads:
        torch.set_num_threads(threads)
    crop_set = sets.load(data)
    found = calibrate(folder, crop_set, lambda line: say("ermask-train", line))
    print(
        f"{'name':24} {'FAR':>6} {'threshold':>9} {'accepted':>8} {'95 % interval':>15} "
        f"{'people':>6} {'pairs':>7} {'impostors':>9}"
    )
    for each in found:
        interval = "{:.3f} - {:.3f}".format(*each.interval_95)
        print(
            f"{each.name:24} {each.far:6g} {each.threshold:9.4f} {each.accept_rate:8.3f} "
            f"{interval:>15} {each.people:6} {each.genuine:7} {each.impostor:9}"
        )


def _row(values: tuple[Any, ...]) -> str:
    return " ".join(f"{value:.6g}" for value in values)
