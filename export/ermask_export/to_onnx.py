"""A graph to the bytes of an ONNX file, and the weights back out of one.

The TorchScript-based exporter is used: it keeps the weights under their names, needs no tracing
of symbolic sizes for a network whose only free size is the batch, and its bicubic Resize agrees
with ONNX Runtime's to rounding.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import onnx
import torch
from onnx import ModelProto
from torch.jit._trace import TracerWarning

from ermask.ort_session import INPUT_SHAPES, OUTPUT_SHAPES
from ermask_export.graph import ShippedGraph

OPSET = 17
BATCH = "N"
"""Name of the one dimension that is free."""


def to_onnx(graph: ShippedGraph) -> bytes:
    """The file: the same weights give the same bytes, whenever and wherever they are exported."""
    contract = graph.contract
    # Two faces, since a traced batch of one may be taken for a constant.
    sample = tuple(torch.ones(2, *INPUT_SHAPES[name]) for name in contract.inputs)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that this exporter is the older one
        # the mask and the template are constants, and are meant to be
        warnings.simplefilter("ignore", TracerWarning)
        warnings.filterwarnings("ignore", "Constant folding")  # ONNX Runtime turns weights itself
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            graph,
            sample,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(contract.inputs),
            output_names=list(contract.outputs),
            dynamic_axes={name: {0: BATCH} for name in (*contract.inputs, *contract.outputs)},
        )
        model = onnx.load(path)
    _share_constants(model)
    model.producer_name = model.producer_version = model.doc_string = ""
    model.graph.name = f"ermask_{contract.role}"
    for output in model.graph.output:
        sizes = output.type.tensor_type.shape.dim[1:]
        for dimension, size in zip(sizes, OUTPUT_SHAPES[output.name], strict=True):
            dimension.dim_value = size
    onnx.helper.set_model_props(model, contract.to_metadata())
    onnx.checker.check_model(model, full_check=True)
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def _share_constants(model: ModelProto) -> None:
    """Keep constants that are equal once: masks and grids are in a traced graph at every use."""
    kept: dict[bytes, str] = {}
    renamed: dict[str, str] = {}
    nodes = []
    for node in model.graph.node:
        if node.op_type == "Constant":
            content = node.attribute[0].SerializeToString(deterministic=True)
            if (first := kept.setdefault(content, node.output[0])) != node.output[0]:
                renamed[node.output[0]] = first
                continue
        for place, name in enumerate(node.input):
            node.input[place] = renamed.get(name, name)
        nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def open_model(data: bytes) -> ModelProto:
    """The model in the bytes of a file.

    Raises:
        ValueError: they are no valid ONNX model.
    """
    try:
        onnx.checker.check_model(data, full_check=True)
    # the last is for bytes that do not even parse
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError, ValueError) as error:
        raise ValueError(f"this is no valid ONNX model: {error}") from error
    return onnx.load_from_string(data)


def read_metadata(model: ModelProto) -> dict[str, str]:
    """The entries of the metadata."""
    return {each.key: each.value for each in model.metadata_props}
