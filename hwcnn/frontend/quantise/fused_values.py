"""Values inside what becomes one operation: they stay float, without a QuantizeLinear."""

import math
from collections.abc import Iterable
from collections.abc import Set as AbstractSet

import onnx

from hwcnn.frontend.importer.ops.unary import FUNCTIONS
from hwcnn.frontend.model.data_movement import MOVES
from hwcnn.frontend.model.onnx_index import OnnxIndex

#: Activations that only clip: hardware clips while it requantises.
CLIPS = {"Relu", "Clip"}
#: Operators whose result onnxruntime quantises with the scale of their input.
SAME_SCALE = MOVES | {"Dropout", "MaxPool", "Pad", "Resize"}
_BINARY = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"}


def fused_values(model: onnx.ModelProto, borders: Iterable[str] = ()) -> set[str]:
    """Names of the values that need no scale: what only a clip reads, and what lies within a
    function of one value.

    Such a function, for instance x * Sigmoid(x), becomes one table. borders : values that have a
    scale, since they pass between accelerator and host.
    """
    index = OnnxIndex(model.graph)
    scaled = index.outputs | set(borders)
    clipped = _clipped(index, scaled)
    inside, starts = _composed(index, clipped, scaled)
    return clipped - starts | inside


def _clipped(index: OnnxIndex, scaled: AbstractSet[str]) -> set[str]:
    """Values but those of `scaled` that only a clip reads, and whose producer does not hand its
    operand's scale on.
    """
    return {
        name
        for name, readers in index.readers.items()
        if len(readers) == 1
        and readers[0].op_type in CLIPS
        and name in index.producers
        and index.producers[name].op_type not in SAME_SCALE | {"Concat"}
        and name not in scaled
    }


def _composed(
    index: OnnxIndex, clipped: AbstractSet[str], scaled: AbstractSet[str]
) -> tuple[set[str], set[str]]:
    """(what lies within functions of one value, the values that these start from).

    A value with a scale of its own is the start of another function, so those that turn out to have
    one are taken as starts until no more do. clipped : values that have none already; scaled :
    that have one in any case.
    """
    starts = set(scaled)
    while True:
        source, nonlinear = _sources(index, starts)
        inside = {
            name
            for name in source.keys() - starts
            if index.readers.get(name)
            and all(
                source.get(node.output[0]) == source[name]
                and (name in nonlinear or node.output[0] in nonlinear)
                for node in index.readers[name]
            )
        }
        others = source.keys() - inside - clipped
        if others <= starts:
            return inside, {source[name] for name in inside}
        starts |= others


def _sources(index: OnnxIndex, starts: AbstractSet[str]) -> tuple[dict[str, str], set[str]]:
    """({value: the one value that it is a function of}, those of them that are no linear function
    of it).
    """
    scalars = {name for name, tensor in index.constants.items() if math.prod(tensor.dims) == 1}
    source: dict[str, str] = {}
    nonlinear: set[str] = set()
    for node in index.graph.node:
        maps = [name for name in node.input if name and name not in scalars]
        roots = {name if name in starts else source.get(name, name) for name in maps}
        if len(roots) != 1 or not (
            node.op_type in CLIPS or node.op_type in FUNCTIONS or node.op_type in _BINARY
        ):
            continue
        source[node.output[0]] = roots.pop()
        if (
            node.op_type in FUNCTIONS
            or node.op_type == "Pow"
            or (node.op_type == "Div" and node.input[0] in scalars)
            or len(maps) > 1
            or any(name in nonlinear - starts for name in maps)
        ):
            nonlinear.add(node.output[0])
    return source, nonlinear
