"""Golden against onnxruntime, layer by layer from the same inputs; if they differ by a step,
whether rounding is why.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from hwcnn import golden, ir
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.agreement import agreement, onnx_names

from .stages import Failure, stage

#: Steps by which a result may miss a half step: multipliers of 17 bits, and onnxruntime's positions
#: and sums in float32.
ROUNDING = 1 / 256
#: Counted apart: within one step, but not equal in 99.9 %. Rows are rounded before columns, as
#: `hwcnn ops` says; two operands share the 17 bits of their multipliers, of which few are left for
#: one whose scale is much the smaller.
TWO_STEPS, FAR_APART = "Resize (rows, then columns)", "Eltwise (scales more than 128 apart)"
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
        totals, names = {}, onnx_names(net.model, graph)
        for row in rows:
            row.op = _kind(row, graph, names)
            if row.op in (TWO_STEPS, FAR_APART) and row.max_difference <= 1:
                pass
            elif not row.passed and not _are_ties(net, graph, row.name):
                most = row.max_difference
                raise Failure(
                    f"onnxruntime: {row.op} differs by {'one' if most == 1 else 'more than one'}",
                    f"{row.name}: {row.elements - row.equal} of {row.elements} differ, "
                    f"by at most {most}",
                )
            old = totals.get(row.op, (0, 0))
            totals[row.op] = old[0] + row.elements, old[1] + row.equal
        _outputs(net, graph)
    return totals


def _kind(row, graph, names):
    """The row's operation; one of its own where rounding is known to cost more than 0.1 % of the
    elements a step.
    """
    op = next(op for op in graph.ops if op.name == row.name)
    if isinstance(op, ir.Resize) and op.x not in names:
        return TWO_STEPS
    if (
        isinstance(op, ir.Eltwise)
        and op.kind != "mul"
        and max(abs(op.ma), abs(op.mb)) >= 128 * min(abs(op.ma), abs(op.mb))
    ):
        return FAR_APART
    return row.op


def _outputs(net, graph):
    """The float results, after the host's operations, of onnxruntime's int8. Raises Failure."""
    names = onnx_names(net.model, graph)
    if not set(graph.outputs) <= set(names):
        return
    for sample in net.samples:
        values = dict(
            zip(
                names,
                session(net.model, outputs=names.values()).run(list(names.values()), sample),
                strict=True,
            )
        )
        ours = golden.host_outputs(
            graph, {n: _int8(values[n], graph.tensors[n].shape) for n in graph.outputs}
        )
        wanted = [o.name for o in net.model.graph.output]
        for (name, got), expected in zip(
            ours.items(), session(net.model).run(wanted, sample), strict=True
        ):
            real = expected.dtype == np.float32
            if got.shape != expected.shape or (
                real and not np.allclose(got, expected, rtol=1e-4, atol=1e-5)
            ):
                raise Failure(
                    "onnxruntime: an output differs", f"{name}: {got.shape}, {expected.shape}"
                )


def _are_ties(net, graph, name):
    """Whether a layer's differences vanish with onnxruntime's values moved by `ROUNDING`, and
    golden's bias for a float one.

    Where golden's layer reads what onnxruntime does not have (maps that are rearranged later), all
    are moved.
    """
    names = onnx_names(net.model, graph)
    op = next(op for op in graph.ops if op.name == name)
    model = _with_rounded_bias(net.model, graph, op, names)
    moved = [{names[op.y]}] + ([None] if any(x not in names for x in op.inputs) else [])
    models = [model] + [
        _moved(model, values, by) for values in moved for by in (-ROUNDING, ROUNDING)
    ]
    sessions = [session(m, outputs=names.values()) for m in models]
    for sample in net.samples:
        exact, *others = (
            dict(zip(names, s.run(list(names.values()), sample), strict=True)) for s in sessions
        )
        ours = _golden(graph, {n: _int8(v, graph.tensors[n].shape) for n, v in exact.items()}, op.y)
        allowed = [_int8(values[op.y], ours.shape) for values in (exact, *others)]
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
    """The model with the bias that golden adds in the layer `op`, in the place of a float one:
    whole units of its sums.
    """
    if not isinstance(op, ir.Conv | ir.ConvTranspose):
        return model
    makers = {o: n for n in model.graph.node for o in n.output}
    node = makers[names[op.y]]
    while node.op_type in ("QuantizeLinear", "Relu", "Clip") and node.input[0] in makers:
        node = makers[node.input[0]]
    if (
        len(node.input) < 3
        or node.op_type not in ("Conv", "ConvTranspose", "Gemm")
        or node.input[2] in makers
    ):
        return model
    bias = op.bias.astype(np.int64)
    if isinstance(op, ir.Conv):
        bias = bias + op.pad_value * op.weight.reshape(len(op.weight), -1).sum(
            axis=1, dtype=np.int64
        )
    real = bias * (op.mantissa / 2.0**op.shift) * graph.tensors[op.y].scale
    result = onnx.ModelProto()
    result.CopyFrom(model)
    result.graph.initializer.append(
        numpy_helper.from_array(real.astype(np.float32), "rounded_bias")
    )
    next(n for n in result.graph.node if n.output[0] == node.output[0]).input[2] = "rounded_bias"
    return result


def _moved(model, values, by):
    """The model with some quantised values (None: all) moved by some steps before they are rounded,
    or by a share.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    constants = {i.name: i for i in model.graph.initializer}
    nodes = []
    for number, node in enumerate(result.graph.node):
        scale = _SCALE.get(node.op_type, 3)
        wanted = values is None or values & set(node.output)
        if wanted and scale < len(node.input) and node.input[scale] in constants:
            array = numpy_helper.to_array(constants[node.input[scale]])
            new = f"moved{number}"
            if node.op_type == "QuantizeLinear" and array.size == 1:
                result.graph.initializer.append(
                    numpy_helper.from_array((array * by).astype(array.dtype), new)
                )
                nodes.append(
                    helper.make_node("Add", [node.input[0], new], [f"{new}/sum"], name=new)
                )
                node.input[0] = f"{new}/sum"
            elif node.op_type in _SCALE or node.op_type.startswith("QLinear"):
                factor = 1 + by / 128
                result.graph.initializer.append(
                    numpy_helper.from_array((array * factor).astype(array.dtype), new)
                )
                node.input[scale] = new
        nodes.append(node)
    nodes = [onnx.NodeProto.FromString(n.SerializeToString()) for n in nodes]
    del result.graph.node[:]
    result.graph.node.extend(nodes)
    return result
