"""Networks in memory: a session runs named arrays, `Models` keeps the sessions of one folder.

A session knows how to run tensors and which contract its file carries; what the tensors mean is
the business of detect.py and engine.py, which take any `Session` (in tests, a fake).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np

from ermask.contract import ModelContract, Role
from ermask.errors import DetectorMissing, ErmaskError, ModelCorrupt
from ermask.model_files import (
    DETECTOR_SIDE,
    ROLES,
    Manifest,
    detector_file,
    read_detector,
    read_manifest,
)
from ermask.ort_session import Feeds, OrtSession
from ermask.runtime import Device

log = logging.getLogger(__name__)

Name = Literal["chooser", "protector", "eraser", "detector", "insightface"]

PACKAGE_MODELS = Path(__file__).parent / "models"


class Session(Protocol):
    """A network that can be run, from several threads at once."""

    @property
    def contract(self) -> ModelContract | None:
        """What the file promises; None for a network that is not ours (the detector)."""

    @property
    def providers(self) -> list[str]:
        """Execution providers in use, first the one that does the work."""

    def run(self, feeds: Feeds) -> Feeds:
        """All outputs by name for all inputs by name."""

    def close(self) -> None:
        """Give the memory back; a later `run` is a ValueError."""


class Models:
    """The sessions of one models folder, loaded when first asked for, kept while in use.

    Safe to use from several threads; two that ask for the same network at once load it once.
    """

    def __init__(
        self,
        folder: Path = PACKAGE_MODELS,
        *,
        device: Device = "auto",
        threads: int = 0,
        idle_unload_s: float = 600,
        insightface: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is read before the first use.

        Args:
            folder: holds models.json and the files it names.
            device, threads: as for `OrtSession`.
            idle_unload_s: seconds without use until `unload_idle` drops a session; 0 = never.
            insightface: ONNX file of a second detector, see `insight`; None: there is none.
            clock: seconds, monotonic.
        """
        self.folder = folder
        self._device = device
        self._threads = threads
        self._idle_unload_s = idle_unload_s
        self._insightface = insightface
        self._clock = clock
        self._lock = threading.Lock()
        self._manifest: Manifest | None = None
        self._sessions: dict[Name, Session] = {}
        self._used: dict[Name, float] = {}

    @property
    def figures(self) -> Mapping[str, Any]:
        """What was measured on these models. Raises as `read_manifest`."""
        return self._read_manifest().figures

    def load(self, role: Role) -> Session:
        """The session of one of our networks.

        Raises:
            ModelMissing, ModelCorrupt, ContractMismatch: see `ModelFile.read` and `OrtSession`.
            RuntimeMissing, ProviderMissing: see `OrtSession`.
        """
        return self._load(role, lambda: self._open_role(role))

    def load_detector(self) -> Session:
        """CenterFace: input `input.1` float32 (N, 3, H, W), RGB in [0, 255], any H and W that
        are multiples of 32; outputs at a quarter of the size: `537` score (N, 1, h, w),
        `538` log size (N, 2, h, w), `539` offset (N, 2, h, w), `540` landmarks (N, 10, h, w).

        Raises as `load`.
        """
        return self._load("detector", self._open_detector)

    def load_insightface(self) -> Session:
        """The user's second detector: input `input.1` as of `load_detector`, outputs as the file
        has them.

        Raises:
            DetectorMissing: there is none, or its file is gone.
            others as `load`.
        """
        return self._load("insightface", self._open_insightface)

    def warm_up(self) -> None:
        """Load all of them, so that the first photo does not wait. Raises as `load`."""
        self.load_detector()
        if self._insightface is not None:
            self.load_insightface()
        for role in ROLES:
            self.load(role)

    def verify(self) -> dict[Name, ErmaskError | None]:
        """Hash every file: for each, None or what is wrong with it. Nothing is loaded.

        Raises:
            ModelMissing, ModelCorrupt, ContractMismatch: models.json itself is unusable.
        """
        files = read_manifest(self.folder).files
        checks: dict[Name, Callable[[], bytes]] = {role: files[role].read for role in ROLES}
        checks["detector"] = lambda: detector_file().read()
        return {name: _failure(check) for name, check in checks.items()}

    def active(self) -> dict[Name, str]:
        """Loaded networks and the provider that runs each. Never waits for a load."""
        return {name: session.providers[0] for name, session in self._sessions.copy().items()}

    def unload_idle(self) -> list[Name]:
        """Drop the sessions that were not asked for in the last `idle_unload_s` seconds.

        A run that is under way keeps its session alive until it ends. Returns what was dropped;
        does nothing while a load is under way, so that a timer never waits.
        """
        if not self._idle_unload_s or not self._lock.acquire(blocking=False):
            return []
        try:
            limit = self._clock() - self._idle_unload_s
            idle = [name for name in self._sessions if self._used[name] <= limit]
            for name in idle:
                # not closed: another thread may be running it
                del self._sessions[name]
            return idle
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close all sessions; the next `load` opens the files again."""
        with self._lock:
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()

    def _load(self, name: Name, open_session: Callable[[], Session]) -> Session:
        with self._lock:
            if name not in self._sessions:
                started = self._clock()
                session = self._sessions[name] = open_session()
                took = self._clock() - started
                log.info("loaded the %s on %s in %.2f s", name, session.providers[0], took)
            self._used[name] = self._clock()
            return self._sessions[name]

    def _open_role(self, role: Role) -> Session:
        data = self._read_manifest().files[role].read()
        return OrtSession(data, role=role, device=self._device, threads=self._threads)

    def _open_detector(self) -> Session:
        return self._open_detection(read_detector())

    def _open_insightface(self) -> Session:
        if self._insightface is None:
            raise DetectorMissing("There is no InsightFace model.")
        try:
            data = self._insightface.read_bytes()
        except OSError as error:
            raise DetectorMissing(
                f"The InsightFace model {self._insightface} cannot be read: {error.strerror}."
            ) from error
        try:
            return self._open_detection(data)
        except ValueError as error:
            raise ModelCorrupt(
                f"{self._insightface} is no InsightFace detection model: {error}."
            ) from error

    def _open_detection(self, data: bytes) -> Session:
        sample = {"input.1": np.zeros((1, 3, DETECTOR_SIDE, DETECTOR_SIDE), np.float32)}
        return OrtSession(data, sample=sample, device=self._device, threads=self._threads)

    def _read_manifest(self) -> Manifest:
        if self._manifest is None:
            self._manifest = read_manifest(self.folder)
        return self._manifest


def _failure(check: Callable[[], bytes]) -> ErmaskError | None:
    try:
        check()
    except ErmaskError as error:
        return error
    return None
