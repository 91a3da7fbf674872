"""Passes on the integer IR that make one operation of two, exactly.

- a clamp (an `ir.Affine` that changes nothing else) goes into the operation before it;
- a sum goes into the second stage of the convolution that computes one of its operands;
- a change of scale goes there too.
"""

from dataclasses import replace

import numpy as np

from hwcnn import ir


def fuse(graph):
    """The graph after all passes."""
    for one in (_clamps, _sums, _rescales):
        graph = one(graph)
    return graph


def _use_counts(graph):
    count = dict.fromkeys(graph.outputs, 1)
    for op in graph.ops:
        for name in op.inputs:
            count[name] = count.get(name, 0) + 1
    return count


def _without(graph, ops):
    live = {op.y for op in ops} | set(graph.inputs)
    return replace(graph, ops=ops, tensors={n: t for n, t in graph.tensors.items() if n in live})


def _clamps(graph):
    """op -> Affine with the scale and zero point of its input: op with the Affine's clamps."""
    uses, made, ops = _use_counts(graph), {}, []
    for op in graph.ops:
        at = made.get(op.x) if isinstance(op, ir.Affine) and uses[op.x] == 1 else None
        if (
            at is not None
            and _only_clamps(op, graph)
            and isinstance(ops[at], (*ir.ARRAY_OPS, ir.Pool, ir.Eltwise, ir.Affine))
        ):
            before = ops[at]
            ops[at] = replace(
                before,
                y=op.y,
                low=min(max(before.low, op.low), op.high),
                high=max(min(before.high, op.high), op.low),
            )
            made[op.y] = at
            continue
        made[op.y] = len(ops)
        ops.append(op)
    return _without(graph, ops)


def _only_clamps(op, graph):
    x, y = graph.tensors[op.x], graph.tensors[op.y]
    return (x.scale, x.zero) == (y.scale, y.zero) and bool(
        np.all(op.mantissa == 1 << op.shift) and np.all(op.c == -x.zero << op.shift)
    )


def _sums(graph):
    """Conv -> Eltwise add: the convolution with a residual, where its other operand exists before
    it.
    """
    uses, made, ops = _use_counts(graph), dict.fromkeys(graph.inputs, -1), []
    for op in graph.ops:
        at = _absorber(op, graph, ops, made, uses)
        if at is not None:
            conv = ops[at]
            q, r = (op.a, op.b) if conv.y == op.a else (op.b, op.a)
            mq, mr, cq, cr = (
                (op.ma, op.mb, op.ca, op.cb) if q == op.a else (op.mb, op.ma, op.cb, op.ca)
            )
            second = ir.Second(
                r, mq, mr, cq * mq + cr * mr + op.c, op.shift, op.zero, op.low, op.high
            )
            ops[at] = replace(conv, name=conv.name, y=op.y, second=second)
            made[op.y] = at
            continue
        made[op.y] = len(ops)
        ops.append(op)
    return _without(graph, ops)


def _absorber(op, graph, ops, made, uses):
    if (
        not isinstance(op, ir.Eltwise)
        or op.kind != "add"
        or graph.tensors[op.a].shape != graph.tensors[op.b].shape
    ):
        return None
    for q, r in ((op.a, op.b), (op.b, op.a)):
        at = made[q]
        if (
            at > made[r]
            and uses[q] == 1
            and isinstance(ops[at], ir.Conv)
            and ops[at].second is None
        ):
            return at
    return None


def _rescales(graph):
    """Conv -> Affine with one multiplier for all channels: the convolution with a second stage."""
    uses, made, ops = _use_counts(graph), {}, []
    for op in graph.ops:
        at = made.get(op.x) if isinstance(op, ir.Affine) and uses[op.x] == 1 else None
        if (
            at is not None
            and isinstance(ops[at], ir.Conv)
            and ops[at].second is None
            and _uniform(op)
        ):
            ma, c, shift = int(op.mantissa[0]), int(op.c[0]), int(op.shift[0])
            ops[at] = replace(
                ops[at], y=op.y, second=ir.Second(None, ma, 0, c, shift, op.zero, op.low, op.high)
            )
            made[op.y] = at
            continue
        made[op.y] = len(ops)
        ops.append(op)
    return _without(graph, ops)


def _uniform(op):
    return all((v == v[0]).all() for v in (op.mantissa, op.c, op.shift))
