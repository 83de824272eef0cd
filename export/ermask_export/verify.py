"""Whether an ONNX file does what the network does: torch against the product's own session."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ermask.align import Floats
from ermask.contract import CROP, FIELD, STRENGTHS, ModelContract, Role
from ermask.ort_session import Feeds, OrtSession
from ermask_export.graph import ShippedGraph
from ermask_training import data

BATCHES = (1, 2, 5)
"""All crops are run in batches of each of these sizes: the batch must not matter."""
TOLERANCE = 5e-4
"""Largest difference to torch (root mean square over a face), as a share of the output's bound."""
DRIFT = 0.05
"""The same for the protector: each of the steps that find what it adds turns on signs, and so
multiplies the rounding of those before. Noise of a millionth on the crop moves some as far."""
CLOSE = 1e-5
"""The same for the chooser: draws of a key differ by little."""
ROUNDING = 1e-5
"""By how much of itself a bound may be exceeded."""
CROPS = 32
SEED = 7


class VerificationError(ValueError):
    """An ONNX file that must not ship."""


@dataclass(frozen=True)
class Comparison:
    """The figures of one file."""

    contract: ModelContract
    size: int
    """Bytes."""
    crops: int
    difference: dict[int, dict[str, float]]
    """Largest difference to torch, root mean square over a face: by batch size, by output."""
    largest: dict[str, float]
    """Largest absolute value by output, at strength 1."""

    def lines(self) -> list[str]:
        """The figures for people."""
        role = self.contract.role
        shown = [f"{role}: {self.size:,} bytes, {self.crops} crops, torch against ONNX Runtime"]
        for batch, worst in self.difference.items():
            values = ", ".join(f"{name} {value:.1e}" for name, value in worst.items())
            shown.append(f"{role}: batch {batch}: largest difference {values}")
        bounds = limits(self.contract)
        values = ", ".join(f"{n} {v:.4f} of {bounds[n]:.4f}" for n, v in self.largest.items())
        return [*shown, f"{role}: largest value at strength 1: {values}"]


def limits(contract: ModelContract) -> dict[str, float]:
    """The bound of each output at strength 1."""
    bounds = {"embedding": 1.0, "residual": contract.max_residual, "flow": contract.max_flow}
    return {name: bounds[name] for name in contract.outputs}


def tolerance(role: Role) -> float:
    """How far a file may be from torch, as a share of the output's bound."""
    return {"chooser": CLOSE, "protector": DRIFT, "eraser": TOLERANCE}[role]


def sample_crops(count: int = CROPS, seed: int = SEED) -> Floats:
    """Made-up crops (count, 3, CROP, CROP) in [0, 1] with the spectrum of photos: about 1/f."""
    rng = np.random.default_rng(seed)
    crops = np.full((count, 3, CROP, CROP), 0.5, np.float32)
    for crop in crops:
        for side in (2, 4, 8, 16, 32, 64, 128):
            patch = rng.normal(size=(3, side, side)).astype(np.float32) / np.sqrt(side)
            for plane, coarse in zip(crop, patch, strict=True):
                fine = Image.fromarray(coarse).resize((CROP, CROP), Image.Resampling.BICUBIC)
                plane += 0.3 * np.asarray(fine)
    return np.asarray(crops.clip(0, 1))


def prepared_crops(folder: Path, count: int = CROPS, seed: int = SEED) -> Floats:
    """Crops of a prepared set (count, 3, CROP, CROP), drawn at random but always the same.

    Raises:
        ValueError: the folder holds no prepared set.
    """
    crop_set = data.load(folder)
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(crop_set), min(count, len(crop_set)), replace=False))
    pixels = np.array(crop_set.crops[chosen]).transpose(0, 3, 1, 2)
    return np.ascontiguousarray(pixels, np.float32) / np.float32(255)


def compare(data: bytes, graph: ShippedGraph, crops: Floats) -> Comparison:
    """Run the file and the network on `crops` and hold the answers against each other.

    Raises:
        VerificationError: they differ, a bound is exceeded, or the file does not clamp.
        ErmaskError: the product itself refuses the file; see `OrtSession`.
    """
    contract = graph.contract
    session = OrtSession(data, role=contract.role, device="cpu")
    try:
        if session.contract != contract:
            raise VerificationError(
                f"the file's contract is {session.contract}, the network's is {contract}"
            )
        feeds = _feeds(contract, crops)
        wanted = _torch_answer(graph, feeds)
        difference = {size: _difference(session, feeds, wanted, size) for size in BATCHES}
        beyond = {**feeds, "crop": feeds["crop"] * 3 - 1}
        clamped = {**feeds, "crop": beyond["crop"].clip(0, 1)}
        head = slice(0, 2)
        unclamped = _distance(_run(session, beyond, head), _run(session, clamped, head))
    finally:
        session.close()
    found = Comparison(contract, len(data), len(crops), difference, _largest(wanted, feeds))
    _judge(found, unclamped)
    return found


def _judge(found: Comparison, unclamped: dict[str, float]) -> None:
    role = found.contract.role
    for name, bound in limits(found.contract).items():
        allowed = tolerance(role) * bound
        for size, worst in found.difference.items():
            # written so that a NaN fails
            if not worst[name] <= allowed:
                raise VerificationError(
                    f"the {role}'s {name} differs from torch by {worst[name]:.2e} "
                    f"in batches of {size}; {allowed:.1e} is allowed"
                )
        if not found.largest[name] <= bound * (1 + ROUNDING):
            raise VerificationError(
                f"the {role}'s {name} reaches {found.largest[name]:.4f}; its bound is {bound:.4f}"
            )
        if not unclamped[name] <= allowed:
            raise VerificationError(f"the {role} does not clamp crops to [0, 1]")


def _feeds(contract: ModelContract, crops: Floats) -> Feeds:
    """A network's inputs for all crops: random keys, every preset, keys known to fit or not.

    The chooser is asked at strength 0 too, for the bare face.
    """
    count = len(crops)
    rng = np.random.default_rng(SEED)
    levels = [*STRENGTHS.values(), *([0.0] if contract.role == "chooser" else [])]
    strengths = np.resize(np.array(levels, np.float32), count)
    keys = rng.integers(0, 2, (count, *FIELD)).astype(np.float32) * 2 - 1
    fits = np.resize(np.array([0, 0, 0, 1], np.float32), count)
    every = {"crop": crops, "key": keys, "strength": strengths, "fits": fits}
    return {name: every[name] for name in contract.inputs}


def _torch_answer(graph: ShippedGraph, feeds: Feeds) -> Feeds:
    names = graph.contract.outputs
    rows = []
    with torch.no_grad():
        for start in range(0, len(feeds["crop"]), 8):
            batch = (torch.from_numpy(feeds[n][start : start + 8]) for n in graph.contract.inputs)
            answer = graph(*batch)
            outputs = answer if isinstance(answer, tuple) else (answer,)
            rows.append([output.numpy() for output in outputs])
    return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(names)}


def _run(session: OrtSession, feeds: Feeds, part: slice) -> Feeds:
    return session.run({name: np.ascontiguousarray(array[part]) for name, array in feeds.items()})


def _difference(session: OrtSession, feeds: Feeds, wanted: Feeds, size: int) -> dict[str, float]:
    """Largest difference by output, over all crops in batches of `size`."""
    parts = [slice(start, start + size) for start in range(0, len(feeds["crop"]), size)]
    rows = [
        _distance(_run(session, feeds, part), {n: a[part] for n, a in wanted.items()})
        for part in parts
    ]
    return {name: float(np.max([row[name] for row in rows])) for name in wanted}


def _distance(one: Feeds, other: Feeds) -> dict[str, float]:
    """By output: the largest root mean square difference over a face."""
    squares = {name: np.square(one[name] - other[name]) for name in one}
    return {name: float(np.sqrt(_faces(x).mean(1).max())) for name, x in squares.items()}


def _largest(answer: Feeds, feeds: Feeds) -> dict[str, float]:
    unit = {"residual": feeds["strength"], "flow": feeds["strength"]}
    return {
        name: float((np.abs(_faces(array)).max(1) / unit.get(name, 1.0)).max())
        for name, array in answer.items()
    }


def _faces(array: np.ndarray) -> np.ndarray:
    """One row for each face."""
    return array.reshape(len(array), -1)
