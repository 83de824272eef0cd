"""`ermask-export`: turn a training run into the models folder that the product loads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ermask_training.terminal import LabGroup, options, require_lab

if TYPE_CHECKING:
    from ermask.align import Floats

PROGRAM = "ermask-export"
EPILOG = """Exit status: 0 done, 1 error, 2 wrong usage.

docs/lab.md has the whole way from a folder of photos to a models folder."""

app = typer.Typer(
    cls=LabGroup,
    name=PROGRAM,
    help="Export the networks to ONNX, and verify them.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EPILOG,
)
app.callback()(options)

Data = Annotated[
    Path | None,
    typer.Option(help="Prepared set to verify on; without it, on made-up pictures."),
]


@app.command()
def build(
    run: Annotated[Path, typer.Argument(help="Folder of a training run.")],
    output: Annotated[Path, typer.Option(help="Models folder to write.")],
    figures: Annotated[
        Path | None, typer.Option(help="JSON that `ermask-train evaluate` wrote.")
    ] = None,
    card: Annotated[
        Path | None, typer.Option(help="Description for people; without it, a short one is made.")
    ] = None,
    data: Data = None,
) -> None:
    """Write chooser.onnx, protector.onnx, eraser.onnx, models.json and card.md, verified."""
    from ermask_export.release import release

    release(run, output, _crops(data), figures=figures, card=card)


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(help="Models folder.")],
    run: Annotated[
        Path | None, typer.Option(help="The run it was made from: compare with its weights.")
    ] = None,
    data: Data = None,
) -> None:
    """Check a models folder: checksums, contracts, bounds, and ONNX Runtime against torch."""
    from ermask_export.release import verify_folder

    verify_folder(folder, _crops(data), run=run)
    print(f"{folder} is what it should be")


def _crops(data: Path | None) -> Floats:
    from ermask_export import verify

    return verify.sample_crops() if data is None else verify.prepared_crops(data)


def main() -> None:
    """Entry point."""
    require_lab(PROGRAM)
    app()
