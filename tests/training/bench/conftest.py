"""A small world to measure in: made-up people, two recognisers, networks that keep the contract."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ermask.contract import CROP

SIDE = 240
CORNER = (110, 20)
"""Left and top of the head in the portrait."""
PEOPLE = ("ada", "bo")
STRANGERS = 150
"""Enough for ten pairs of strangers above the threshold at a false accept rate of 0.001."""


class Fixed:
    """A detector that knows where the face is, at any size of the picture."""

    def __init__(self, landmarks: np.ndarray[Any, Any]) -> None:
        self._landmarks = landmarks - np.array(CORNER)

    def find(self, rgb: np.ndarray[Any, Any]) -> list[Any]:
        from ermask.faces import Face

        scale = rgb.shape[1] / SIDE
        spots = self._landmarks * scale
        left, top = spots.min(0) - 22 * scale
        right, bottom = spots.max(0) + 22 * scale
        box = (float(left), float(top), float(right), float(bottom))
        return [Face(box, 0.9, spots)]

    def find_again(self, rgb: np.ndarray[Any, Any], faces: list[Any]) -> list[Any]:
        return self.find(rgb)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray[Any, Any]) -> Path:
    """`<person>/{a,b}.png`: one portrait in several lights."""
    folder = tmp_path_factory.mktemp("photos")
    left, top = CORNER
    head = astronaut[top : top + SIDE, left : left + SIDE].astype(np.float64) / 255
    for number, person in enumerate(PEOPLE):
        (folder / person).mkdir()
        for name, gamma in (("a", 1.0 + 0.2 * number), ("b", 0.8 + 0.3 * number)):
            shade = (head**gamma * 255).round().astype(np.uint8)
            Image.fromarray(shade).save(folder / person / f"{name}.png")
    return folder


def _made_up(folder: Path, people: int, prefix: str, seed: int) -> Path:
    rng = np.random.default_rng(seed)
    names = [f"{prefix}{number}" for number in range(people)]
    crops = [
        np.asarray(Image.fromarray(patch).resize((CROP, CROP), Image.Resampling.BICUBIC))
        for patch in rng.integers(0, 256, (people, 8, 8, 3), np.uint8)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "crops.npy", np.stack(crops))
    index = {"crop": CROP, "identities": names, "photos": [f"{name}/1.jpg" for name in names]}
    (folder / "index.json").write_text(json.dumps(index))
    return folder


@pytest.fixture(scope="session")
def calibration(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared set of STRANGERS people."""
    return _made_up(tmp_path_factory.mktemp("calibration"), STRANGERS, "judged", 1)


@pytest.fixture(scope="session")
def distractors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared set of five other people."""
    return _made_up(tmp_path_factory.mktemp("distractors"), 5, "trained", 2)


@pytest.fixture(scope="session")
def judged_roster(roster: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A roster with a surrogate and a judge, whose weights are others."""
    onnx = pytest.importorskip("onnx")
    folder = tmp_path_factory.mktemp("judged_roster")
    text = (roster / "roster.toml").read_text()
    judge = text.replace('"tiny"', '"judge"').replace("tiny.onnx", "judge.onnx")
    (folder / "roster.toml").write_text(text + judge.replace('"train"', '"validation"'))
    (folder / "tiny.onnx").write_bytes((roster / "tiny.onnx").read_bytes())
    model = onnx.load(roster / "tiny.onnx")
    rng = np.random.default_rng(5)
    for weights in model.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        fresh = rng.normal(0, 0.2, values.shape).astype(np.float32)
        weights.CopyFrom(onnx.numpy_helper.from_array(fresh, weights.name))
    onnx.save(model, folder / "judge.onnx")
    return folder


@pytest.fixture(scope="session")
def targets(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of targets: the first person's other photo."""
    folder = tmp_path_factory.mktemp("targets")
    (folder / "score").mkdir()
    (folder / "score" / "1.png").write_bytes((photos / PEOPLE[0] / "b.png").read_bytes())
    return folder


@pytest.fixture(scope="session")
def networks(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_networks: dict[str, bytes],
    write_models: Callable[[Path, dict[str, bytes]], None],
) -> Path:
    """A models folder, once for the session."""
    folder = tmp_path_factory.mktemp("networks")
    write_models(folder, tiny_networks)
    return folder


@pytest.fixture(scope="session")
def engine(networks: Path, astronaut_landmarks: np.ndarray[Any, Any]) -> Any:
    """The product's engine with a detector that costs nothing."""
    pytest.importorskip("onnxruntime")
    from ermask import sessions
    from ermask.engine import Engine

    return Engine(sessions.Models(networks, device="cpu", threads=1), Fixed(astronaut_landmarks))


@pytest.fixture(scope="session")
def setting(
    photos: Path,
    calibration: Path,
    distractors: Path,
    targets: Path,
    judged_roster: Path,
    networks: Path,
    engine: Any,
) -> Callable[..., Any]:
    """`setting(**changes)`: what `open_setting` opens, with the quick detector."""
    from ermask_training.bench.setting import Sources, open_setting

    def opened(**changes: Any) -> Any:
        fields = {
            "pairs": photos,
            "calibration": calibration,
            "distractors": distractors,
            "targets": targets,
            "roster": judged_roster,
            "models": networks,
            "threads": 1,
            **changes,
        }
        progress = fields.pop("progress", lambda line: None)
        return replace(open_setting(Sources(**fields), progress), engine=engine)

    return opened


@pytest.fixture(scope="session")
def measured(setting: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The figures of both people by every protocol, as a file; treat it as read-only."""
    from ermask_training.bench.runner import evaluate

    path = tmp_path_factory.mktemp("figures") / "first.json"
    evaluate(setting(), output=path)
    return path
