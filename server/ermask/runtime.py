"""Which ONNX Runtime is installed, and how sessions are to use it.

Two facts make this file necessary. The distributions `onnxruntime` and `onnxruntime-gpu` install
over each other, and the loser's accelerator vanishes without a word. And a provider that cannot be
had is replaced by the CPU without an error. Both are made loud here. Knows nothing about models.
"""

from __future__ import annotations

import importlib
import logging
import os
from importlib import metadata
from typing import Any, Literal, NamedTuple

import psutil

from ermask.errors import ProviderMissing, RuntimeMissing

log = logging.getLogger(__name__)

Device = Literal["auto", "cpu", "cuda"]

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
DISTRIBUTIONS = {"onnxruntime": "cpu", "onnxruntime-gpu": "cuda"}
"""Distributions that bring the module `onnxruntime`, and the extra of ermask that asks for each."""
MAX_THREADS = 4
"""More than four threads gain little on these networks, and keep a laptop's fan running."""

CUDA_OPTIONS = {
    # the exhaustive search re-tunes cuDNN for every new picture size
    "cudnn_conv_algo_search": "HEURISTIC",
    # doubling the arena takes memory that the user's other programs may need
    "arena_extend_strategy": "kSameAsRequested",
}


class Runtime(NamedTuple):
    """The one installed ONNX Runtime."""

    distribution: str
    version: str


def check() -> Runtime:
    """Find the installed ONNX Runtime without importing it.

    Raises:
        RuntimeMissing: none is installed, or two that overwrite each other.
    """
    found = [
        Runtime(name, version)
        for name in DISTRIBUTIONS
        if (version := _installed(name)) is not None
    ]
    if not found:
        raise RuntimeMissing(
            "ONNX Runtime is not installed.",
            hint='Run `pip install "ermask[cpu]"`, or `pip install "ermask[cuda]"` '
            "for an NVIDIA card.",
        )
    if len(found) > 1:
        names = " ".join(runtime.distribution for runtime in found)
        raise RuntimeMissing(
            f"Two ONNX Runtimes are installed and overwrite each other: {names}.",
            hint=f"Run `pip uninstall -y {names}`, then "
            '`pip install "ermask[cpu]"`, or `pip install "ermask[cuda]"` for an NVIDIA card.',
        )
    return found[0]


def load() -> Any:
    """The module `onnxruntime`, imported on the first call, quiet and without telemetry.

    Raises:
        RuntimeMissing: as `check`, or the installed one cannot be imported.
    """
    runtime = check()
    try:
        ort = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise RuntimeMissing(
            f"{runtime.distribution} {runtime.version} is installed but cannot be loaded: {error}",
            hint=f"Run `pip install --force-reinstall {runtime.distribution}`.",
        ) from error
    ort.set_default_logger_severity(3)
    # official Windows builds report usage events by default
    ort.disable_telemetry_events()
    return ort


def providers(ort: Any, device: Device) -> list[str]:
    """Execution providers to ask for, best first: CUDA and the CPU, never another.

    ONNX Runtime's own default list is not used: it begins with TensorRT and may skip CUDA.

    Raises:
        ProviderMissing: `device` is "cuda" and this ONNX Runtime has no CUDA.
    """
    if device == "cpu":
        return [CPU]
    if CUDA in ort.get_available_providers():
        # CUDA and cuDNN come as wheels beside onnxruntime-gpu, where the loader does not look
        ort.preload_dlls()
        return [CUDA, CPU]
    if device == "cuda":
        raise ProviderMissing("CUDA was asked for, but the installed ONNX Runtime has none.")
    return [CPU]


def open_inference(
    ort: Any, data: bytes, wanted: list[str], *, threads: int, shapes_vary: bool
) -> Any:
    """An `onnxruntime.InferenceSession` on exactly the providers `wanted`, without fallback.

    Args:
        data: an ONNX model.
        wanted: what `providers` returned, or a shorter list.
        threads: for one operator on the CPU; 0 chooses by the machine.
        shapes_vary: inputs change size from run to run.

    Raises:
        RuntimeError or a subclass of onnxruntime's own: the model or the provider does not load.
    """
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.intra_op_num_threads = threads or default_threads()
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # memory plans are kept per input shape; with shapes that vary they only pile up
    options.enable_mem_pattern = not shapes_vary
    # threads that wait by spinning use a whole core each after every photo
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    choice = [(name, CUDA_OPTIONS) if name == CUDA else name for name in wanted]
    return ort.InferenceSession(data, options, providers=choice, enable_fallback=0)


def default_threads() -> int:
    """Threads for one operator: the physical cores this process may use, at most MAX_THREADS."""
    allowed = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    return max(1, min(psutil.cpu_count(logical=False) or allowed, allowed, MAX_THREADS))


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None
