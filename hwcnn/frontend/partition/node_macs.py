"""Multiply-accumulates of ONNX nodes, by the shapes of their operands."""

import math

import onnx

from hwcnn.frontend.importer.registry import attributes
from hwcnn.frontend.model.onnx_index import OnnxIndex

#: Gates of a recurrent layer.
_GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}


def node_macs(node: onnx.NodeProto, index: OnnxIndex) -> int:
    """Of convolutions, products of matrices and recurrent layers, batch included; 0 of all else,
    and where a shape is not known.
    """
    shapes = [_shape(index, name) for name in node.input]
    result = math.prod(_shape(index, node.output[0]))
    match node.op_type:
        case "Conv" if len(shapes[1]) > 1:
            return result * math.prod(shapes[1][1:])
        case "ConvTranspose" if len(shapes[1]) > 1:
            return math.prod(shapes[0]) * math.prod(shapes[1][1:])
        case "MatMul" if shapes[0]:
            return result * shapes[0][-1]
        case "Gemm" if len(shapes[0]) == 2:
            return result * shapes[0][0 if attributes(node).get("transA", 0) else 1]
        case "Einsum":
            return _einsum(attributes(node)["equation"], shapes)
        case "LSTM" | "GRU" | "RNN" if len(shapes[0]) == 3 and len(shapes[1]) == 3:
            directions, _, width = shapes[1]
            hidden = attributes(node)["hidden_size"]
            steps = shapes[0][0] * shapes[0][1]
            return steps * directions * _GATES[node.op_type] * hidden * (width + hidden)
        case _:
            return 0


def _shape(index: OnnxIndex, name: str) -> tuple[int, ...]:
    if name in index.constants:
        return tuple(index.constants[name].dims)
    return index.shapes.get(name, (0,))


def _einsum(equation: str, shapes: list[tuple[int, ...]]) -> int:
    """Of a product of two or more operands: a term for each combination of indices."""
    if len(shapes) < 2 or "." in equation:
        return 0
    sizes: dict[str, int] = {}
    for labels, shape in zip(equation.split("->")[0].split(","), shapes, strict=True):
        sizes |= dict(zip(labels.strip(), shape, strict=False))
    return math.prod(sizes.values())
