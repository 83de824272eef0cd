"""A network run by ONNX Runtime: opened on the wanted device, checked against the contract, warm.

`sessions.Session` is the interface; only `sessions.Models` makes these.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from ermask import contract, runtime
from ermask.contract import (
    CROP,
    EMBEDDING,
    FIELD,
    FLOW_GRID,
    RESIDUAL_GRID,
    ModelContract,
    Role,
)
from ermask.errors import ContractMismatch, InferenceFailed, ModelCorrupt, ProviderMissing
from ermask.runtime import CPU, CUDA, Device

log = logging.getLogger(__name__)

Feeds = dict[str, np.ndarray]
"""Arrays by input or output name."""

INPUT_SHAPES = {"crop": (3, CROP, CROP), "key": FIELD, "strength": (), "fits": ()}
OUTPUT_SHAPES = {
    "embedding": (EMBEDDING,),
    "residual": (3, RESIDUAL_GRID, RESIDUAL_GRID),
    "flow": (2, FLOW_GRID, FLOW_GRID),
}
"""Shapes of the contract's arrays, behind the batch dimension; all are float32."""


class OrtSession:
    """A network run by ONNX Runtime, checked and warmed up."""

    def __init__(
        self,
        data: bytes,
        *,
        role: Role | None = None,
        sample: Feeds | None = None,
        device: Device = "auto",
        threads: int = 0,
    ) -> None:
        """Open `data`, an ONNX model, and run it once.

        Args:
            role: the contract's role the file must fill; None for a network without a contract.
            sample: inputs for the first run of a network without a contract.
            device: "cuda" fails where there is none; "auto" falls back to the CPU and logs it.
            threads: for one operator on the CPU; 0 chooses by the machine.

        Raises:
            RuntimeMissing: ONNX Runtime is missing, or installed twice.
            ProviderMissing: `device` is "cuda" and CUDA does not work.
            ModelCorrupt: the bytes are no model that can be run.
            ContractMismatch: the file's metadata, inputs or outputs are not the contract's.
            InferenceFailed: see `run`; the session runs once before it is handed out.
        """
        if (role is None) == (sample is None):
            raise ValueError("a session needs a role, or a sample where it has no contract")
        self._inference: Any = _open(data, device, threads, shapes_vary=role is None)
        self.providers: list[str] = self._inference.get_providers()
        self._inputs = frozenset(each.name for each in self._inference.get_inputs())
        self._outputs = [each.name for each in self._inference.get_outputs()]
        self.contract: ModelContract | None = None
        if role is not None:
            metadata = self._inference.get_modelmeta().custom_metadata_map
            self.contract = contract.from_metadata(metadata, role)
            _check_inputs(self._inference, self.contract)
        self._warm_up(sample)

    def run(self, feeds: Feeds) -> Feeds:
        """Run the network once.

        Args:
            feeds: exactly the network's inputs; for ours see `ModelContract.inputs`.

        Raises:
            ValueError: other inputs than the network's, or the session was closed.
            InferenceFailed: ONNX Runtime gave up, for instance out of memory.
        """
        inference = self._inference
        if inference is None:
            raise ValueError("the session is closed")
        if feeds.keys() != self._inputs:
            raise ValueError(f"the network takes {sorted(self._inputs)}, not {sorted(feeds)}")
        try:
            return dict(zip(self._outputs, inference.run(self._outputs, feeds), strict=True))
        except Exception as error:  # onnxruntime's exceptions have no common root of their own
            if type(error).__name__ == "InvalidArgument":
                raise ValueError(str(error)) from error
            raise InferenceFailed(f"A network stopped in the middle of a run: {error}") from error

    def close(self) -> None:
        """Give the memory back; a later `run` is a ValueError."""
        self._inference = None

    def _warm_up(self, sample: Feeds | None) -> None:
        # the first run allocates memory and, on a GPU, picks kernels: not on the user's photo
        feeds = _sample(self.contract) if self.contract else sample or {}
        outputs = self.run(feeds)
        if self.contract is not None:
            _check_outputs(outputs, self.contract)


def _open(data: bytes, device: Device, threads: int, *, shapes_vary: bool) -> Any:
    """An inference session whose provider is the one asked for, or the CPU after a log entry."""
    ort = runtime.load()
    wanted = runtime.providers(ort, device)
    if CUDA in wanted:
        try:
            session = _open_on(ort, data, wanted, threads, shapes_vary)
            if session.get_providers()[0] == CUDA:
                return session
            reason = "it cannot be started"
        except ModelCorrupt as error:
            # a broken driver and a broken file look alike here: the CPU tells them apart below
            reason = error.message
        if device == "cuda":
            raise ProviderMissing(f"CUDA was asked for, but does not work: {reason}")
        log.warning("CUDA does not work, falling back to the CPU: %s", reason)
    return _open_on(ort, data, [CPU], threads, shapes_vary)


def _open_on(ort: Any, data: bytes, wanted: list[str], threads: int, shapes_vary: bool) -> Any:
    try:
        return runtime.open_inference(ort, data, wanted, threads=threads, shapes_vary=shapes_vary)
    except Exception as error:  # onnxruntime's exceptions have no common root of their own
        raise ModelCorrupt(f"ONNX Runtime cannot open the model: {error}") from error


def _check_inputs(session: Any, wanted: ModelContract) -> None:
    """Names, types and sizes the graph declares; the outputs are checked on what it returns."""
    declared = {each.name: each for each in session.get_inputs()}
    if set(declared) != set(wanted.inputs):
        raise ContractMismatch(
            f"The {wanted.role}'s inputs are {sorted(declared)}, not {sorted(wanted.inputs)}."
        )
    for name, each in declared.items():
        batch, *shape = each.shape
        if isinstance(batch, int):
            raise ContractMismatch(f"The {wanted.role} takes batches of {batch} only.")
        if each.type != "tensor(float)" or tuple(shape) != INPUT_SHAPES[name]:
            raise ContractMismatch(
                f"The {wanted.role}'s input {name!r} is {each.type} {shape}, "
                f"not tensor(float) {list(INPUT_SHAPES[name])}."
            )


def _sample(wanted: ModelContract) -> Feeds:
    return {name: np.ones((1, *INPUT_SHAPES[name]), np.float32) for name in wanted.inputs}


def _check_outputs(outputs: Feeds, wanted: ModelContract) -> None:
    if set(outputs) != set(wanted.outputs):
        raise ContractMismatch(
            f"The {wanted.role}'s outputs are {sorted(outputs)}, not {sorted(wanted.outputs)}."
        )
    for name, array in outputs.items():
        if array.dtype != np.float32 or array.shape != (1, *OUTPUT_SHAPES[name]):
            raise ContractMismatch(
                f"The {wanted.role}'s output {name!r} is {array.dtype} {list(array.shape)}, "
                f"not float32 {[1, *OUTPUT_SHAPES[name]]}."
            )
        if not np.isfinite(array).all():
            raise ModelCorrupt(f"The {wanted.role}'s output {name!r} is not finite.")
