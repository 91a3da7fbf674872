"""Values inside what becomes one operation: they stay float, without a QuantizeLinear of their own."""

import math

from hwcnn.frontend.importer.ops.unary import FUNCTIONS

#: Activations that only clip: hardware clips while it requantises.
CLIPS = {"Relu", "Clip"}
#: Operators whose result onnxruntime quantises with the scale of their input.
SAME_SCALE = {
    *(
        "DepthToSpace",
        "Dropout",
        "Flatten",
        "Gather",
        "Identity",
        "MaxPool",
        "Pad",
        "Reshape",
        "Resize",
        "Slice",
        "SpaceToDepth",
    ),
    *("Split", "Squeeze", "Transpose", "Unsqueeze"),
}
_BINARY = {"Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"}


def fused_values(model):
    """Names of the values that need no scale: what only a clip reads, and what lies within a
    function of one value.

    Such a function, for instance x * Sigmoid(x), becomes one table.
    """
    clipped = _clipped(model)
    inner, starts = _composed(model, clipped)
    return clipped - starts | inner


def _readers(model):
    readers = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    return readers


def _clipped(model):
    readers = _readers(model)
    produced = {
        o for n in model.graph.node for o in n.output if n.op_type not in SAME_SCALE | {"Concat"}
    }
    outputs = {o.name for o in model.graph.output}
    return {
        t
        for t, nodes in readers.items()
        if len(nodes) == 1 and nodes[0].op_type in CLIPS and t in produced and t not in outputs
    }


def _composed(model, clipped):
    """(what lies within functions of one value, the values that these start from).

    A value with a scale of its own is the start of another function, so those that turn out to have
    one are taken as starts until no more do. clipped : values that have none already.
    """
    starts = {o.name for o in model.graph.output}
    while True:
        source, nonlinear = _sources(model, starts)
        readers = _readers(model)
        inner = {
            t
            for t in source.keys() - starts
            if readers.get(t)
            and all(
                source.get(node.output[0]) == source[t]
                and (t in nonlinear or node.output[0] in nonlinear)
                for node in readers[t]
            )
        }
        scaled = source.keys() - inner - clipped
        if scaled <= starts:
            return inner, {source[t] for t in inner}
        starts |= scaled


def _sources(model, starts):
    """({value: the one value that it is a function of}, those of them that are no linear function
    of it).
    """
    scalars = {i.name for i in model.graph.initializer if math.prod(i.dims) == 1}
    source, nonlinear = {}, set()
    for node in model.graph.node:
        maps = [name for name in node.input if name and name not in scalars]
        roots = {name if name in starts else source.get(name, name) for name in maps}
        if len(roots) != 1 or not (
            node.op_type in CLIPS or node.op_type in FUNCTIONS or node.op_type in _BINARY
        ):
            continue
        source[node.output[0]] = roots.pop()
        if (
            node.op_type in FUNCTIONS
            or len(maps) > 1
            or any(name in nonlinear - starts for name in maps)
        ):
            nonlinear.add(node.output[0])
    return source, nonlinear
