"""Softmax of two values as the sigmoid of their difference, where maps are weighted by it: so the
network needs no host in its middle.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from .edit import replace
from .onnx_index import OnnxIndex

_MOVES = {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Split", "Slice", "Gather", "Expand"}


def write_pairs(model: onnx.ModelProto) -> None:
    """Replace, in place, every Softmax (ONNX opset 13) over two elements that leads to a Mul: each
    is ``sigmoid(x - the other)``. model : with all shapes inferred.
    """
    if not any(n.op_type == "Softmax" for n in model.graph.node):
        return
    index, nodes = OnnxIndex(model.graph), list[onnx.NodeProto]()
    for node in model.graph.node:
        pair = node.op_type == "Softmax" and _is_pair(index, node)
        nodes += _sigmoid(model, node) if pair and _weights(index, node.output[0]) else [node]
    replace(model.graph.node, nodes)


def _axis(node: onnx.NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "axis"), -1)


def _is_pair(index: OnnxIndex, node: onnx.NodeProto) -> bool:
    shape = index.shapes.get(node.input[0], ())
    return len(shape) > 1 and shape[_axis(node)] == 2 and _axis(node) % len(shape) > 0


def _weights(index: OnnxIndex, name: str) -> bool:
    """True where nothing reads the value but products, through what moves its elements."""
    readers = index.readers.get(name, [])
    return (
        bool(readers)
        and name not in index.outputs
        and all(
            n.op_type == "Mul"
            or (n.op_type in _MOVES and all(_weights(index, output) for output in n.output))
            for n in readers
        )
    )


def _sigmoid(model: onnx.ModelProto, node: onnx.NodeProto) -> list[onnx.NodeProto]:
    (x,), (y,) = node.input, node.output
    base = node.name or y
    swap = numpy_helper.from_array(np.array([1, 0], np.int64), f"{base}/swap")
    model.graph.initializer.append(swap)
    other, less = f"{base}/other", f"{base}/difference"
    return [
        helper.make_node("Gather", [x, swap.name], [other], name=other, axis=_axis(node)),
        helper.make_node("Sub", [x, other], [less], name=less),
        helper.make_node("Sigmoid", [less], [y], name=base),
    ]
