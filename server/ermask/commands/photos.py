"""`ermask protect`, `restore` and `inspect`: the daemon's engine without the daemon."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ermask.commands import batch
from ermask.commands.circles import open_store
from ermask.commands.files import Input
from ermask.commands.terminal import printable, shown
from ermask.errors import ErmaskError
from ermask.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ermask.circles import Circle
    from ermask.codec import Photo
    from ermask.engine import Engine
    from ermask.keys import Key
    from ermask.keystore import KeyStore
    from ermask.results import Result
    from ermask.settings import Settings

TOO_SMALL = "too_small"


class Strength(StrEnum):
    """The presets of contract.STRENGTHS as the command line takes them."""

    LOW = "low"
    MID = "mid"
    HIGH = "high"


Paths = Annotated[
    list[Path], typer.Argument(metavar="PATH...", help="Photos and folders; - for stdin.")
]
Output = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for the results, created if need be.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are there.")]


def protect(
    paths: Paths,
    circle: Annotated[str, typer.Option(help="Name or id of the circle whose key undoes it.")],
    output: Output = None,
    strength: Annotated[Strength | None, typer.Option(help="How much may change.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Change the faces in photos so that face recognition no longer matches them."""
    _check_output(paths, output)
    settings = load_settings(os.environ)
    keystore = open_store(settings)
    chosen = keystore.find(circle)
    key = keystore.key(chosen)
    engine = _open_engine(settings)
    preset = strength or settings.strength

    def work(photo: Photo) -> Result:
        return engine.protect(photo, chosen, key, str(preset))

    def summary(result: Result) -> str:
        faces = _faces(result, "protected")
        if all(match.fits for match in result.matches):
            return faces
        return f"{faces}; its key cannot be read back, so that restoring needs --circle and --force"

    status = batch.run(
        paths, output, overwrite=overwrite, done="protected", work=work, summary=summary
    )
    raise typer.Exit(status)


def restore(
    paths: Paths,
    output: Output = None,
    circle: Annotated[
        str | None, typer.Option(help="Use this circle's key only; else the one that fits.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Restore even if the circle's key does not fit.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Undo the change in photos with the key they were protected with."""
    _check_output(paths, output)
    if force and circle is None:
        raise typer.BadParameter("--force needs --circle: there must be one key to force.")
    settings = load_settings(os.environ)
    keys = _keys(open_store(settings), circle)
    engine = _open_engine(settings)

    def work(photo: Photo) -> Result:
        return engine.restore(photo, keys, force=force)

    def summary(result: Result) -> str:
        fitting = [match for match in result.matches if match.fits]
        by = f"with the key of {printable(fitting[0].label)}" if fitting else "by force"
        return f"{_faces(result, 'restored')}, {by}"

    status = batch.run(
        paths, output, overwrite=overwrite, done="restored", work=work, summary=summary
    )
    raise typer.Exit(status)


def inspect(
    paths: Paths,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON per photo, also for failed ones.")
    ] = False,
) -> None:
    """Show the faces in photos and which of your keys fit them. Changes nothing."""
    from ermask.decoding import Decoder

    found = batch.inputs_of(paths)
    settings = load_settings(os.environ)
    keys = open_store(settings).keys()
    engine = _open_engine(settings)
    with batch.exit_on_sigterm(), Decoder() as decoder:

        def one(item: Input) -> None:
            try:
                result = engine.inspect(decoder.decode(batch.read(item)), keys)
            except ErmaskError as error:
                if as_json:
                    print(json.dumps(_failed_entry(item.path, error)))
                raise
            print(json.dumps(_entry(item.path, result)) if as_json else _text(item.path, result))

        quiet = as_json or len(found) == 1
        status = batch.for_each(found, one, "inspected", quiet=quiet)
    raise typer.Exit(status)


def _open_engine(settings: Settings) -> Engine:
    from ermask.engine import open_engine

    return open_engine(settings)


def _check_output(paths: Sequence[Path], output: Path | None) -> None:
    if not batch.is_stream(paths) and output is None:
        raise typer.BadParameter("--output DIR is needed, except for '-' (stdin to stdout).")


def _keys(keystore: KeyStore, circle: str | None) -> list[tuple[Circle, Key]]:
    if circle is None:
        return keystore.keys()
    chosen = keystore.find(circle)
    return [(chosen, keystore.key(chosen))]


def _faces(result: Result, done: str) -> str:
    changed = sum(face.changed for face in result.faces)
    text = f"{changed} {'face' if changed == 1 else 'faces'} {done}"
    small = sum(face.reason == TOO_SMALL for face in result.faces)
    return f"{text}, {small} too small and left as they were" if small else text


def _entry(path: Path, result: Result) -> dict[str, Any]:
    height, width = result.photo.rgb.shape[:2]
    return {
        "path": os.fspath(path),
        "format": result.photo.format,
        "width": width,
        "height": height,
        "faces": [asdict(face) for face in result.faces],
        "matches": [asdict(match) for match in result.matches],
    }


def _failed_entry(path: Path, error: ErmaskError) -> dict[str, Any]:
    reason = {"code": error.code, "message": error.message, "hint": error.hint}
    return {"path": os.fspath(path), "error": reason}


def _text(path: Path, result: Result) -> str:
    count = len(result.faces)
    lines = [f"{shown(path)}: {count} {'face' if count == 1 else 'faces'}"]
    for face in result.faces:
        left, top, right, bottom = face.box
        reason = f", {face.reason}" if face.reason else ""
        lines.append(f"  face {left:.0f},{top:.0f} to {right:.0f},{bottom:.0f}{reason}")
    for match in result.matches:
        fits = "fits" if match.fits else "does not fit"
        scores = f"score {match.score:.1f}, needed {match.threshold:.1f}"
        lines.append(f"  key of {printable(match.label)} {fits} ({scores})")
    return "\n".join(lines)
