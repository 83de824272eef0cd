"""A session opens a real ONNX model with real ONNX Runtime and keeps it to the contract."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import psutil
import pytest

from ermask import runtime
from ermask.contract import CROP, FIELD, FLOW_GRID, RESIDUAL_GRID
from ermask.errors import ProviderMissing
from ermask.ort_session import OrtSession

ort = pytest.importorskip("onnxruntime")


def faces(count: int, strength: float = 1.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    return {
        "crop": rng.random((count, 3, CROP, CROP), np.float32),
        "key": rng.choice(np.array([-1, 1], np.float32), (count, *FIELD)),
        "strength": np.full(count, strength, np.float32),
    }


@pytest.fixture
def protector(tiny_networks: dict[str, bytes]) -> OrtSession:
    return OrtSession(tiny_networks["protector"], role="protector", device="cpu", threads=1)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_any_number_of_faces_in_one_run(protector: OrtSession, count: int) -> None:
    outputs = protector.run(faces(count))
    assert outputs["residual"].shape == (count, 3, RESIDUAL_GRID, RESIDUAL_GRID)
    assert outputs["flow"].shape == (count, 2, FLOW_GRID, FLOW_GRID)
    assert outputs["residual"].dtype == outputs["flow"].dtype == np.float32


def test_outputs_come_under_their_own_names(protector: OrtSession) -> None:
    feeds = faces(1, strength=0.5)
    outputs = protector.run(feeds)
    block = RESIDUAL_GRID // FIELD[1]
    expected = np.kron(feeds["key"][:, :3], np.ones((block, block))) * (0.5 * 6 / 255)
    np.testing.assert_allclose(outputs["residual"], expected, rtol=1e-6)


def test_inputs_are_all_and_only_the_contracts(protector: OrtSession) -> None:
    feeds = faces(1)
    with pytest.raises(ValueError, match="the network takes"):
        protector.run({**feeds, "mask": feeds["crop"]})
    del feeds["strength"]
    with pytest.raises(ValueError, match="the network takes"):
        protector.run(feeds)


def test_the_contract_is_the_files_own(protector: OrtSession) -> None:
    assert protector.contract is not None
    assert protector.contract.role == "protector"
    assert protector.contract.max_residual == pytest.approx(6 / 255)


@pytest.mark.parametrize(
    ("name", "bad"),
    [
        ("crop", np.zeros((1, 3, CROP, CROP - 1), np.float32)),
        ("crop", np.zeros((1, 3, CROP, CROP), np.float64)),
        ("key", np.zeros((1, 8, 8, 7), np.float32)),
        ("strength", np.ones((1, 1), np.float32)),
    ],
)
def test_wrong_shapes_and_types_are_the_callers_mistake(
    protector: OrtSession, name: str, bad: np.ndarray
) -> None:
    with pytest.raises(ValueError, match=f"{name}|data type"):
        protector.run({**faces(1), name: bad})


def test_a_closed_session_says_so(protector: OrtSession) -> None:
    protector.close()
    with pytest.raises(ValueError, match="closed"):
        protector.run(faces(1))


def test_a_session_needs_a_role_or_a_sample(tiny_networks: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match="a role, or a sample"):
        OrtSession(tiny_networks["eraser"], device="cpu")


def test_several_threads_may_run_one_session(protector: OrtSession) -> None:
    results: dict[int, np.ndarray] = {}

    def work(strength: int) -> None:
        for _ in range(5):
            results[strength] = protector.run(faces(2, float(strength)))["flow"]

    threads = [threading.Thread(target=work, args=(each,)) for each in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    np.testing.assert_allclose(results[3], 3 * results[1], rtol=1e-6)
    np.testing.assert_allclose(results[2], 2 * results[1], rtol=1e-6)


# --- providers and threads -------------------------------------------------------------------


def test_the_cpu_is_the_only_provider_asked_for(protector: OrtSession) -> None:
    assert protector.providers == ["CPUExecutionProvider"]


def test_auto_never_takes_a_provider_off_the_list() -> None:
    assert set(runtime.providers(ort, "auto")) <= {runtime.CPU, runtime.CUDA}
    assert runtime.providers(ort, "auto")[-1] == runtime.CPU


@pytest.mark.skipif("CUDAExecutionProvider" in ort.get_available_providers(), reason="has CUDA")
class TestWithoutCuda:
    def test_cuda_asked_for_is_an_error(self, tiny_networks: dict[str, bytes]) -> None:
        with pytest.raises(ProviderMissing) as caught:
            OrtSession(tiny_networks["eraser"], role="eraser", device="cuda")
        assert caught.value.code == "provider_missing"

    def test_auto_is_the_cpu(self, tiny_networks: dict[str, bytes]) -> None:
        session = OrtSession(tiny_networks["eraser"], role="eraser", device="auto")
        assert session.providers == [runtime.CPU]


class CudaInNameOnly:
    """ONNX Runtime as on a machine with the CUDA wheel and a broken driver."""

    def __init__(self, *, raises: bool) -> None:
        self.raises = raises
        self.preloaded = False

    def __getattr__(self, name: str) -> object:
        return getattr(ort, name)

    def get_available_providers(self) -> list[str]:
        return ["TensorrtExecutionProvider", runtime.CUDA, runtime.CPU]

    def preload_dlls(self) -> None:
        self.preloaded = True

    def InferenceSession(self, *args: object, providers: list[object], **rest: object) -> object:
        names = [each if isinstance(each, str) else each[0] for each in providers]  # type: ignore[index]
        assert "TensorrtExecutionProvider" not in names
        if runtime.CUDA in names and self.raises:
            raise RuntimeError("CUDA failure 35: driver version is insufficient")
        return ort.InferenceSession(*args, providers=[runtime.CPU], **rest)


@pytest.mark.parametrize("raises", [True, False])
def test_a_cuda_that_does_not_start_is_never_silent(
    tiny_networks: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    raises: bool,
) -> None:
    broken = CudaInNameOnly(raises=raises)
    monkeypatch.setattr(runtime, "load", lambda: broken)
    with pytest.raises(ProviderMissing, match="does not work"):
        OrtSession(tiny_networks["eraser"], role="eraser", device="cuda")
    assert broken.preloaded
    session = OrtSession(tiny_networks["eraser"], role="eraser", device="auto")
    assert session.providers == [runtime.CPU]
    assert "falling back to the CPU" in caplog.text


def test_threads_fit_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(32)), raising=False)
    assert runtime.default_threads() == runtime.MAX_THREADS
    # a container or `taskset` may allow fewer cores than the machine has
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5}, raising=False)
    assert runtime.default_threads() == 2
    monkeypatch.setattr(psutil, "cpu_count", lambda logical: None)
    assert runtime.default_threads() == 2


def test_threads_can_be_set(tiny_network: Callable[..., bytes]) -> None:
    seen: list[Any] = []

    class Spy:
        def __getattr__(self, name: str) -> object:
            return getattr(ort, name)

        def InferenceSession(self, data: bytes, options: object, **rest: object) -> object:
            seen.append(options)
            return ort.InferenceSession(data, options, **rest)

    data = tiny_network("eraser")
    runtime.open_inference(Spy(), data, [runtime.CPU], threads=3, shapes_vary=True)
    (options,) = seen
    assert options.intra_op_num_threads == 3
    assert options.inter_op_num_threads == 1
    assert options.get_session_config_entry("session.intra_op.allow_spinning") == "0"
    assert options.enable_mem_pattern is False
