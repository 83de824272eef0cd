"""A whole setting in miniature: tiny networks, made-up crops, a recogniser of two layers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def folders(
    tmp_path: Path,
    tiny_models: Path,
    prepared: Callable[..., Path],
    rostered: Callable[..., Path],
    entry: dict[str, Any],
) -> dict[str, Any]:
    """Arguments of `open_setting`: four victims, six people to learn from, 46 to calibrate on."""
    onnx = pytest.importorskip("onnx")
    judge = {**entry, "name": "judge", "role": "validation"}
    roster = rostered(entry, {**judge, "file": "judge.onnx"})
    # The same network in another file: one that is both a surrogate and a judge is refused.
    network = onnx.load(roster / "tiny.onnx")
    network.doc_string = "judge"
    onnx.save(network, roster / "judge.onnx")
    return {
        "models": tiny_models,
        "train": prepared("train", [f"t{i // 2}" for i in range(12)], seed=1),
        "pairs": prepared("pairs", [f"p{i // 2}" for i in range(8)], seed=2),
        "calibration": prepared("calibration", [f"c{i}" for i in range(46)], seed=3),
        "roster": roster,
        "work": tmp_path / "work",
        "steps": 3,
        "queries": 3,
        "seed": 0,
        "progress": lambda line: None,
    }


@pytest.fixture
def setting(folders: dict[str, Any]) -> Any:
    """The `Setting` of these folders, judged at a false accept rate that 46 people can show."""
    from ermask_training.attackers.setting import open_setting

    return replace(open_setting(**folders), batch=4, fars=(0.05,))


@pytest.fixture
def judge(setting: Any) -> Any:
    """The `Judge` of `setting`."""
    from ermask_training.attackers.judge import Judge

    return Judge(setting)
