"""Golden against onnxruntime, layer by layer from the same inputs; if they differ by a step, whether rounding is why."""

import numpy as np
import onnx
from onnx import numpy_helper

from hwcnn import golden, ir
from hwcnn.frontend.agreement import agreement, onnx_names
from hwcnn.frontend.importer import import_graph
from hwcnn.frontend.prepare import session

from .stages import Failure, stage

#: Relative error of a multiplier of 17 bits, with a few float32 operations: by that much a result may miss a half step.
ROUNDING = 2.0**-17
#: Position of the result's scale in quantised operators.
_SCALE = {
    "QuantizeLinear": 1,
    "QLinearConv": 6,
    "QLinearMatMul": 6,
    "QLinearAdd": 6,
    "QLinearMul": 6,
    "QLinearConcat": 0,
    "QGemm": 7,
}


def agree(net):
    """{operator: (elements, equal)} of a `Network`.

    Raises Failure where an element is off by more than one, or too many by one without a reason."""
    with stage("onnxruntime"):
        graph = import_graph(net.model, fused=False)
        rows = agreement(net.model, graph, net.samples)
        totals = {}
        for row in rows:
            if row.max_difference > 1 or not row.passed and not _are_ties(net, graph, row.name):
                raise Failure(
                    f"onnxruntime: {row.op} differs by {'one' if row.max_difference == 1 else 'more than one'}",
                    f"{row.name}: {row.elements - row.equal} of {row.elements} differ, by at most {row.max_difference}",
                )
            old = totals.get(row.op, (0, 0))
            totals[row.op] = old[0] + row.elements, old[1] + row.equal
    return totals


def _are_ties(net, graph, name):
    """Whether a layer's differences vanish with onnxruntime's scale off by `ROUNDING`, and golden's bias for a float one."""
    names = onnx_names(net.model, graph)
    op = next(op for op in graph.ops if op.name == name)
    target, model = op.y, _with_rounded_bias(net.model, graph, op, names)
    sessions = [
        session(_nudged(model, names[target], factor), outputs=names.values()) for factor in (1, 1 - ROUNDING, 1 + ROUNDING)
    ]
    for sample in net.samples:
        exact, *nudged = (dict(zip(names, (v for v in s.run(list(names.values()), sample)), strict=True)) for s in sessions)
        ours = _golden(graph, {n: _int8(v, graph.tensors[n].shape) for n, v in exact.items()}, target)
        allowed = [_int8(values[target], ours.shape) for values in (exact, *nudged)]
        if not np.logical_or.reduce([ours == a for a in allowed]).all():
            return False
    return True


def _golden(graph, reference, target):
    """Golden's tensor `target`, from onnxruntime's where it has them."""
    tensors = dict(reference)
    for op in graph.ops:
        if op.y == target:
            return golden.run_op(op, graph, tensors)
        if op.y not in reference:
            tensors[op.y] = golden.run_op(op, graph, tensors)
    raise AssertionError(target)


def _int8(value, shape):
    value = value.reshape(shape)
    return (value.astype(np.int16) - 128).astype(np.int8) if value.dtype == np.uint8 else value


def _with_rounded_bias(model, graph, op, names):
    """The model with the bias that golden adds in the layer `op`, in the place of a float one: whole units of its sums."""
    if not isinstance(op, ir.Conv | ir.ConvTranspose):
        return model
    makers = {o: n for n in model.graph.node for o in n.output}
    node = makers[names[op.y]]
    while node.op_type in ("QuantizeLinear", "Relu", "Clip") and node.input[0] in makers:
        node = makers[node.input[0]]
    if len(node.input) < 3 or node.op_type not in ("Conv", "ConvTranspose", "Gemm") or node.input[2] in makers:
        return model
    bias = op.bias.astype(np.int64)
    if isinstance(op, ir.Conv):
        bias = bias + op.pad_value * op.weight.reshape(len(op.weight), -1).sum(axis=1, dtype=np.int64)
    real = bias * (op.mantissa / 2.0**op.shift) * graph.tensors[op.y].scale
    result = onnx.ModelProto()
    result.CopyFrom(model)
    result.graph.initializer.append(numpy_helper.from_array(real.astype(np.float32), "rounded_bias"))
    next(n for n in result.graph.node if n.output[0] == node.output[0]).input[2] = "rounded_bias"
    return result


def _nudged(model, name, factor):
    """The model with another scale for the quantised value `name` as it is made, not as it is read."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    node = next(n for n in result.graph.node if name in n.output)
    at = _SCALE.get(node.op_type, 3)
    scale = next((i for i in model.graph.initializer if i.name == node.input[at]), None) if at < len(node.input) else None
    if factor != 1 and scale is not None:
        array = numpy_helper.to_array(scale)
        result.graph.initializer.append(numpy_helper.from_array((array * factor).astype(array.dtype), "nudged"))
        node.input[at] = "nudged"
    return result
