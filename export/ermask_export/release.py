"""A run's checkpoint to a models folder that the product loads, and such a folder checked again.

Nothing is written before all files have been verified, and models.json comes last: a folder
with a models.json is a complete one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from onnx import ModelProto

from ermask.align import Floats
from ermask.contract import VERSION, Role, from_metadata
from ermask.model_files import MANIFEST, ROLES, read_manifest
from ermask_export.graph import ShippedGraph, from_run, from_weights
from ermask_export.to_onnx import open_model, read_metadata, to_onnx
from ermask_export.verify import Comparison, VerificationError, compare
from ermask_training import checkpoint, split
from ermask_training.published import in_graph

CARD = "card.md"
MAX_BYTES = 20 * 10**6
"""All files together: they travel in the wheel."""


def release(
    run: Path,
    output: Path,
    crops: Floats,
    *,
    figures: Path | None = None,
    card: Path | None = None,
    progress: Callable[[str], None] = print,
) -> None:
    """Export, verify and write the networks of `run` to the models folder `output`.

    Args:
        crops: what to verify on, (N, 3, CROP, CROP) in [0, 1].
        figures: JSON file with an object: what was measured on these models.
        card: description for people; without one, a short one is made from the run's config.

    Raises:
        ValueError: the run cannot ship yet, or `figures` is no JSON object.
        VerificationError: see `compare`; also when the files are too large.
    """
    measured = {} if figures is None else _read_figures(figures)
    graphs = from_run(run)
    text = _describe(run, measured) if card is None else card.read_text("utf-8")
    files: dict[Role, bytes] = {}
    for role, graph in graphs.items():
        files[role] = to_onnx(graph)
        _report(compare(files[role], graph, crops), progress)
    _check_size(files)
    output.mkdir(parents=True, exist_ok=True)
    (output / MANIFEST).unlink(missing_ok=True)
    models = {}
    for role, data in files.items():
        name = f"{role}.onnx"
        (output / name).write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        models[role] = {"file": name, "sha256": digest, "bytes": len(data)}
    (output / CARD).write_text(text, "utf-8")
    manifest: dict[str, Any] = {
        "contract": VERSION,
        "models": models,
        "figures": measured,
        "card": CARD,
    }
    if trained_on := split.read(run):
        manifest["trained_on"] = trained_on.as_json()
    (output / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", "utf-8")
    progress(f"wrote {output}: {sum(map(len, files.values())):,} bytes of networks")


def verify_folder(
    folder: Path,
    crops: Floats,
    *,
    run: Path | None = None,
    progress: Callable[[str], None] = print,
) -> None:
    """Check a models folder: checksums, contracts, and the networks against torch.

    Args:
        run: the run the folder was made from. Without it torch gets the weights out of the files
            themselves, which checks the graphs but not where the weights came from.

    Raises:
        ErmaskError: the product would refuse the folder.
        ValueError, VerificationError: see `release`.
    """
    manifest = read_manifest(folder)
    files = {role: manifest.files[role].read() for role in ROLES}
    _check_size(files)
    graphs = None if run is None else from_run(run)
    for role, data in files.items():
        model = open_model(data)
        graph = _rebuild(model, role) if graphs is None else graphs[role]
        _report(compare(data, graph, crops), progress)


def _rebuild(model: ModelProto, role: Role) -> ShippedGraph:
    return from_weights(from_metadata(read_metadata(model), role), in_graph(model))


def _report(found: Comparison, progress: Callable[[str], None]) -> None:
    for line in found.lines():
        progress(line)


def _check_size(files: dict[Role, bytes]) -> None:
    total = sum(map(len, files.values()))
    if total >= MAX_BYTES:
        raise VerificationError(f"the networks take {total:,} bytes; under {MAX_BYTES:,} may ship")


def _read_figures(path: Path) -> dict[str, Any]:
    try:
        measured = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(measured, dict):
        raise ValueError(f"{path} must hold a JSON object, what `ermask-train evaluate` wrote")
    # The outcome of every single photo is for comparing models; it does not travel with them.
    return {name: value for name, value in measured.items() if name != "photos"}


def _describe(run: Path, measured: dict[str, Any]) -> str:
    config, step = checkpoint.read_config(run), checkpoint.load(run)["step"]
    trained_against = ", ".join(config.surrogates) or "every surrogate of the roster"
    figures = "models.json holds what was measured." if measured else "Nothing was measured yet."
    return f"""# The networks in this folder

Recipe `{config.name}`, {step} of {config.steps} steps, against {trained_against}.
Contract {VERSION}. At strength 1 the protector adds at most {config.max_residual * 255:.1f} of 255
to a pixel and moves it by at most {config.max_flow:.1f} pixels of the crop along each axis.

{figures}
"""
