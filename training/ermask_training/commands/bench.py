"""`ermask-train evaluate`, `compare`, `pool` and `report`: the reference bench."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ermask_training.bench.keys import SEED


def evaluate(
    photos: Annotated[
        Path, typer.Argument(metavar="PAIRS", help="Photos in PAIRS/<person>/a.* and b.*")
    ],
    calibration: Annotated[Path, typer.Option(help="Prepared set that sets the thresholds.")],
    surrogates: Annotated[Path, typer.Option(help="Folder with roster.toml and the networks.")],
    models: Annotated[
        Path | None, typer.Option(help="Models folder; without it, the one that ermask ships.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="JSON file for all figures; an unfinished one goes on.")
    ] = None,
    distractors: Annotated[
        Path | None, typer.Option(help="Prepared set that fills the gallery with strangers.")
    ] = None,
    targets: Annotated[
        Path | None, typer.Option(help="Folder with score/*, the targets of impersonation.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="The models' run: refuse what it was trained on.")
    ] = None,
    protocol: Annotated[
        list[str] | None, typer.Option(help="Measure only this; may be given again.")
    ] = None,
    pairs: Annotated[
        int | None, typer.Option(min=1, help="Measure only the first so many pairs.")
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Of keys and attacks; compare models under one.")
    ] = SEED,
    jobs: Annotated[int, typer.Option(min=1, help="Processes that share the work.")] = 1,
    threads: Annotated[
        int, typer.Option(min=0, help="CPU threads of each process; 0 leaves it to torch.")
    ] = 0,
) -> None:
    """Measure exported models on recognisers and people that training never saw."""
    import torch

    from ermask.sessions import PACKAGE_MODELS
    from ermask_training.bench.markdown import show
    from ermask_training.bench.runner import evaluate as measure
    from ermask_training.bench.setting import Sources, open_setting
    from ermask_training.terminal import say

    if threads:
        torch.set_num_threads(threads)
    sources = Sources(
        pairs=photos,
        calibration=calibration,
        roster=surrogates,
        models=models or PACKAGE_MODELS,
        distractors=distractors,
        targets=targets,
        run=run,
        seed=seed,
        threads=threads,
    )
    setting = open_setting(sources, lambda line: say("ermask-train", line))
    found = measure(setting, protocols=protocol or (), first=pairs, output=output, jobs=jobs)
    print(show(found))


def compare(
    before: Annotated[Path, typer.Argument(help="What `evaluate` wrote for one model.")],
    after: Annotated[Path, typer.Argument(help="The same for another model.")],
) -> None:
    """Differences between two models on the photos that both were measured on."""
    from ermask_training.bench.compare import compare as differences
    from ermask_training.bench.document import load

    print(differences(load(before), load(after)))


def pool(
    figures: Annotated[
        list[Path],
        typer.Argument(help="What `evaluate` wrote for one model, a file for each seed."),
    ],
) -> None:
    """Figures of one model over several draws of keys."""
    from ermask_training.bench.document import load
    from ermask_training.bench.pool import pool as over_seeds

    print(over_seeds([load(path) for path in figures]))


def report(
    figures: Annotated[list[Path], typer.Argument(help="What `evaluate` wrote; one or more.")],
    output: Annotated[Path, typer.Option(help="HTML file to write.")],
    picture: Annotated[
        list[Path] | None,
        typer.Option(help="Picture to put in, as `pictures` makes them; may be given again."),
    ] = None,
) -> None:
    """One HTML file with plots, tables and pictures that needs nothing else."""
    from ermask_training.bench.document import load
    from ermask_training.bench.report import report as page

    documents = {path.stem: load(path) for path in figures}
    if len(documents) < len(figures):
        raise ValueError("two files have the same name: the report could not tell them apart")
    output.write_text(page(documents, picture or []), "utf-8")
