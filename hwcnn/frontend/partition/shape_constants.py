"""Shapes that a quantised model computes, as exporters leave them, as constants."""

import math

import numpy as np
import onnx
from onnx import numpy_helper

from hwcnn.frontend.importer.constants import evaluate_node
from hwcnn.frontend.importer.registry import Unsupported, attributes
from hwcnn.frontend.model.edit import replace
from hwcnn.frontend.model.onnx_index import OnnxIndex
from hwcnn.frontend.model.weightless import SMALL, is_large


def fold_shapes(model: onnx.ModelProto) -> None:
    """Let Shape of a value of known shape, and integers that only follow from constants, be
    initialisers, in place. model : its shapes are inferred.
    """
    index = OnnxIndex(model.graph)
    known = {
        name: numpy_helper.to_array(tensor)
        for name, tensor in index.constants.items()
        if not is_large(tensor)
    }
    opset = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), 13)
    left: list[onnx.NodeProto] = []
    for node in model.graph.node:
        results = _results(node, index, known, opset)
        if results is None:
            left.append(node)
            continue
        for name, array in zip(node.output, results, strict=False):
            known[name] = array
            model.graph.initializer.append(numpy_helper.from_array(array, name))
    replace(model.graph.node, left)


def _results(
    node: onnx.NodeProto, index: OnnxIndex, known: dict[str, np.ndarray], opset: int
) -> list[np.ndarray] | None:
    """What a node gives, if that is known, integers, and not large; None of an output."""
    shape = index.shapes.get(node.output[0], (0,))
    if any(output in index.outputs for output in node.output):
        return None
    if node.op_type == "Shape" and 0 not in (of := index.shapes.get(node.input[0], (0,))):
        given = attributes(node)
        return [np.array(of, np.int64)[given.get("start", 0) : given.get("end")]]
    integers = index.types.get(node.output[0]) in (onnx.TensorProto.INT64, onnx.TensorProto.INT32)
    names = [name for name in node.input if name]
    if not integers or math.prod(shape) > SMALL or any(name not in known for name in names):
        return None
    try:
        return evaluate_node(node, {name: known[name] for name in names}, opset)
    except Unsupported:
        return None
