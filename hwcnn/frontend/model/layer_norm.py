"""Which LayerNormalizations of an ONNX graph can be written out: those over the channels of each
pixel.
"""

import numpy as np
import onnx
from onnx import helper

from .instance_norm import only_reader
from .onnx_index import OnnxIndex
from .written_norms import Norm

#: From channels last to channels first, and back.
_FIRST, _LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def layer_norm(index: OnnxIndex, node: onnx.NodeProto) -> Norm | None:
    """What a LayerNormalization (ONNX opset 17) of [N, H, W, C] over the last axis does; None of
    others.
    """
    shape, rank = index.shapes.get(node.input[0], ()), 4
    axis = next((a.i for a in node.attribute if a.name == "axis"), -1)
    names = [name for name in node.input[1:] if name]
    if len(shape) != rank or axis % rank != rank - 1 or any(node.output[1:]):
        return None
    if any(name not in index.constants for name in names):
        return None
    n, h, w, c = shape
    parameters = [index.array(name) for name in names]
    bias = parameters[1] if len(parameters) > 1 else np.zeros(c)
    source, result = f"{node.name}/map", f"{node.name}/result"
    before = [helper.make_node("Transpose", [node.input[0]], [source], name=source, perm=_FIRST)]
    gone: tuple[str, ...] = ()
    transpose = index.producers.get(node.input[0])
    if transpose is not None and transpose.op_type == "Transpose" and _perm(transpose) == _LAST:
        source, before = transpose.input[0], []
        gone = (transpose.name,) if only_reader(index, node.input[0]) is not None else ()
    after = [helper.make_node("Transpose", [result], [node.output[0]], name=result, perm=_LAST)]
    return Norm(
        source,
        result,
        (n, c, h, w),
        parameters[0],
        bias,
        "channels",
        before=before,
        after=after,
        gone=gone,
    )


def _perm(node: onnx.NodeProto) -> list[int]:
    return next((list(a.ints) for a in node.attribute if a.name == "perm"), [])
