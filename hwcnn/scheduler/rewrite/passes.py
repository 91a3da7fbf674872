"""Rewrites of the integer IR that make a graph fit the machine; all exact, all in terms of the IR
itself.
"""

import dataclasses

import numpy as np

from hwcnn import ir, limits
from hwcnn.layout import dense, join
from hwcnn.scheduler.averages import is_global_average, needs_array
from hwcnn.scheduler.place import homes, lane_runs


def prepare(graph, config):
    """Split wide windows, compact lanes where holes would hurt, copy parts that two concatenations
    want.
    """
    graph = split_pools(graph, config)
    graph = compact_lanes(graph, config)
    return copy_parts(graph, config)


def identity_conv(name, x, y, tensor):
    """A 1x1 convolution that copies `x` exactly, into dense lanes."""
    c = tensor.shape[1]
    return ir.Conv(
        name,
        x,
        y,
        np.eye(c, dtype=np.int8).reshape(c, c, 1, 1),
        np.full(c, -tensor.zero, np.int32),
        np.ones(c, np.int64),
        np.zeros(c, np.int64),
        tensor.zero,
        pad_value=tensor.zero,
        moves=True,
    )


def copy_op(name, x, y, tensor):
    """A 1x1 pooling that copies `x` exactly, on the vector engine."""
    return ir.Pool(
        name, x, y, "max", (1, 1), (1, 1), (0, 0, 0, 0), {0: (1, 0)}, tensor.zero, tensor.zero
    )


class _Rewriter:
    """Builds a graph of another's operations with some inserted."""

    def __init__(self, graph):
        self.graph, self.tensors, self.ops = graph, dict(graph.tensors), []

    def derive(self, name, suffix, **changes):
        new = f"{name}.{suffix}"
        while new in self.tensors:
            new += "_"
        self.tensors[new] = dataclasses.replace(self.tensors[name], name=new, **changes)
        return new

    def result(self):
        return dataclasses.replace(self.graph, tensors=self.tensors, ops=self.ops)


def split_pools(graph, config):
    """Windows that overlap more than the window unit holds: max in several passes, average as a
    depthwise convolution.
    """
    r = _Rewriter(graph)
    for op in graph.ops:
        op = _single_windows(op, graph) if isinstance(op, ir.Pool) else op
        if isinstance(op, ir.Pool) and op.kind == "max" and _too_wide(op, graph):
            _split_max(r, op)
        elif (
            isinstance(op, ir.Pool)
            and needs_array(op, config, graph)
            and not is_global_average(op, graph)
        ):
            r.ops.append(_average_conv(op, graph.tensors[op.x].shape[1]))
        else:
            r.ops.append(op)
    return r.result()


def _single_windows(op, graph):
    """Along an axis with one window, any stride is the same: one that suits the window unit."""
    _, _, rows, cols = graph.tensors[op.y].shape
    return dataclasses.replace(
        op, stride=(1 if rows == 1 else op.stride[0], op.kernel[1] if cols == 1 else op.stride[1])
    )


def _split_max(r, op):
    x, (kh, kw), (top, left, bottom, right) = op.x, op.kernel, op.pads
    n, c, h, w = r.tensors[x].shape
    out_cols = r.tensors[op.y].shape[3]
    right = max(right, (out_cols - 1) * op.stride[1] + kw - w - left)
    while kw > _widest(op.stride[1]):
        step = min(_widest(1), kw - _widest(op.stride[1]) + 1)
        w = w + left + right - step + 1
        part = r.derive(x, "rowmax", shape=(n, c, h, w))
        r.ops.append(
            ir.Pool(
                f"{op.name}.rowmax",
                x,
                part,
                "max",
                (1, step),
                (1, 1),
                (0, left, 0, right),
                {0: (1, 0)},
                op.x_zero,
                op.x_zero,
            )
        )
        x, kw, left, right = part, kw - step + 1, 0, 0
    r.ops.append(dataclasses.replace(op, x=x, kernel=(kh, kw), pads=(top, 0, bottom, 0)))


def _widest(stride):
    """The widest window of any number of columns."""
    return (limits.OPEN_WINDOWS - 1) * stride + 1


def _too_wide(op, graph):
    return (
        op.kernel[1] > _widest(op.stride[1]) and graph.tensors[op.y].shape[3] >= limits.OPEN_WINDOWS
    )


def _average_conv(op, channels):
    taps = op.kernel[0] * op.kernel[1]
    ((mantissa, shift),) = set(op.multipliers.values())
    return ir.Conv(
        op.name,
        op.x,
        op.y,
        np.ones((channels, 1, *op.kernel), np.int8),
        np.full(channels, -taps * op.x_zero, np.int32),
        np.full(channels, mantissa, np.int64),
        np.full(channels, shift, np.int64),
        op.zero,
        op.low,
        op.high,
        op.stride,
        op.pads,
        groups=channels,
        pad_value=op.x_zero,
        moves=True,
    )


def compact_lanes(graph, config):
    """Dense lanes for what needs them: LRN's operand, a residual, the operands of an element-wise
    operation that differ.
    """
    lanes = config.lanes
    r, runs, compacted = (
        _Rewriter(graph),
        {n: dense(graph.tensors[n].shape[1]) for n in graph.inputs},
        {},
    )
    clean = set(graph.inputs)  # tensors whose holes hold the zero point

    def compact(name, holes_matter=False):
        channels = r.tensors[name].shape[1]
        if runs[name] == dense(channels) and not (
            holes_matter and name not in clean and channels % lanes
        ):
            return name
        if name not in compacted:
            compacted[name] = new = r.derive(name, "dense")
            r.ops.append(identity_conv(new, name, new, r.tensors[name]))
            runs[new] = dense(channels)
        return compacted[name]

    for op in graph.ops:
        if isinstance(op, ir.Lrn):
            op = dataclasses.replace(op, x=compact(op.x, holes_matter=True))
        elif isinstance(op, ir.Eltwise) and runs[op.a] != runs[op.b]:
            op = dataclasses.replace(op, a=compact(op.a), b=compact(op.b))
        elif isinstance(op, ir.Conv) and op.second is not None and op.second.residual is not None:
            op = dataclasses.replace(
                op, second=dataclasses.replace(op.second, residual=compact(op.second.residual))
            )
        r.ops.append(op)
        if _keeps_holes_clean(op, clean):
            clean.add(op.y)
        if isinstance(op, ir.Concat):
            runs[op.y] = join([runs[x] for x in op.xs], lanes)
        else:
            runs[op.y] = (
                dense(r.tensors[op.y].shape[1])
                if isinstance(op, ir.ARRAY_OPS)
                else runs[op.inputs[0]]
            )
    return r.result()


def _keeps_holes_clean(op, clean):
    """True where padded lanes of the result hold its zero point."""
    if isinstance(op, ir.ARRAY_OPS):
        return getattr(op, "second", None) is None
    return isinstance(op, ir.Affine) or (
        isinstance(op, (ir.Pool, ir.Lrn, ir.Concat)) and clean.issuperset(op.inputs)
    )


def copy_parts(graph, config):
    """A copy for each part of a concatenation that already lies somewhere else."""
    _, copies = homes(graph, lane_runs(graph, config.lanes), config.lanes)
    if not copies:
        return graph
    r, wanted = _Rewriter(graph), {}
    for concat, i in copies:
        wanted.setdefault(concat.y, set()).add(i)
    make = copy_op if config.features else identity_conv
    for op in graph.ops:
        if isinstance(op, ir.Concat) and op.y in wanted:
            xs = list(op.xs)
            for i in sorted(wanted[op.y]):
                xs[i] = r.derive(xs[i], "copy")
                r.ops.append(make(xs[i], op.xs[i], xs[i], r.tensors[xs[i]]))
            op = dataclasses.replace(op, xs=tuple(xs))
        r.ops.append(op)
    return copy_parts(r.result(), config)
