"""A surrogate that a student learns from: its embeddings, and what it makes of a face on the way.

Shape suffixes as in `blocks`; D embedding dimensions, S = the side of what it sees.
"""

from __future__ import annotations

from collections.abc import Iterable

import onnx
import onnxruntime as ort
import torch
from onnx import ModelProto, shape_inference
from torch import Tensor
from torch.nn import functional as F

from ermask_training.student import REDUCTIONS, SIDE, Shape
from ermask_training.surrogates import Recogniser


class Teacher:
    """A recogniser, run by ONNX Runtime, that shows the ends of its residual streams.

    Raises:
        ValueError: it sees something else than the student, has no residual stream of a size, or
            is no ONNX file.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        entry = recogniser.entry
        if entry.box != (0.0, 0.0, 112.0, 112.0) or entry.size != (SIDE, SIDE):
            raise ValueError(f"{entry.name} must see the 112-unit box at {SIDE} pixels to teach")
        if entry.loader not in ("onnx", "insightface"):
            raise ValueError(
                f"{entry.name} is opened by loader {entry.loader}; a teacher must be an ONNX "
                "file, whose graph shows its residual streams"
            )
        self._recogniser = recogniser
        self.name = entry.name
        model = onnx.load(str(entry.path))
        streams = residual_streams(model)
        if missing := [side for side in REDUCTIONS if SIDE // side not in streams]:
            side = SIDE // missing[0]
            raise ValueError(f"{entry.name} has no residual stream at {side} x {side} pixels")
        ends = [streams[SIDE // side] for side in REDUCTIONS]
        self.shape: Shape = (ends[0][1], ends[1][1], ends[2][1], entry.dim)
        self._outputs = [name for name, _ in ends] + [model.graph.output[0].name]
        for name, _ in ends:
            model.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
        options = ort.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        # it takes turns with torch, whose threads it would keep waiting
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._scales: list[tuple[Tensor, Tensor]] = []

    def calibrate(self, batches: Iterable[Tensor]) -> None:
        """Take the mean and deviation of every channel from crops (B, 3, H, W)."""
        rows = [self._run(crop_B3HW, None)[:-1] for crop_B3HW in batches]
        for stage in zip(*rows, strict=True):
            values = torch.cat(stage).transpose(0, 1).flatten(1)
            mean, std = values.mean(1), values.std(1).clamp_min(1e-4)
            self._scales.append((mean[:, None, None], std[:, None, None]))

    def features(self, crop_B3HW: Tensor, theta_B23: Tensor | None) -> list[Tensor]:
        """The streams' ends, each channel with mean 0 and deviation 1, and unit embeddings.

        Args:
            theta_B23: see `Recogniser`.
        """
        *streams, embedding = self._run(crop_B3HW, theta_B23)
        scaled = zip(streams, self._scales, strict=True)
        return [(x - mean) / std for x, (mean, std) in scaled] + [F.normalize(embedding, dim=1)]

    def _run(self, crop_B3HW: Tensor, theta_B23: Tensor | None) -> list[Tensor]:
        face = self._recogniser.cut(crop_B3HW, theta_B23).contiguous().numpy()
        name = self._session.get_inputs()[0].name
        return [torch.from_numpy(x) for x in self._session.run(self._outputs, {name: face})]


def residual_streams(model: ModelProto) -> dict[int, tuple[str, int]]:
    """The last sum at every resolution: by side, its name and number of channels."""
    shapes = {
        value.name: [each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in shape_inference.infer_shapes(model).graph.value_info
    }
    found: dict[int, tuple[str, int]] = {}
    for node in model.graph.node:
        shape = shapes.get(node.output[0], [])
        if node.op_type == "Add" and len(shape) == 4 and shape[2] == shape[3]:
            found[shape[2]] = (node.output[0], shape[1])
    return found
