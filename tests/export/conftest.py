"""The folder of a run that was never trained, with weights that use every part of the network."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Torch on one thread: no crowd on a busy machine."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def run(tmp_path_factory: pytest.TempPathFactory, student: Any) -> Path:
    """A checkpoint whose averages differ from its networks, by weights of several sizes."""
    torch = pytest.importorskip("torch")
    from ermask_training import checkpoint, recipes
    from ermask_training.run import Run

    folder = tmp_path_factory.mktemp("run")
    config = replace(recipes.smoke(), max_residual=0.04, max_flow=1.5)
    fresh = Run(config, student)
    draw = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for network in fresh.averages:
            for weight in network.parameters():
                weight.add_(0.03 * torch.randn(weight.shape, generator=draw))
    checkpoint.save(folder, config, config.steps, fresh.state())
    return folder


@pytest.fixture(scope="session")
def released(run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The models folder that `release` makes of `run`."""
    pytest.importorskip("onnx")
    from ermask_export.release import release
    from ermask_export.verify import sample_crops

    folder = tmp_path_factory.mktemp("released")
    release(run, folder, sample_crops(3), progress=lambda line: None)
    return folder
