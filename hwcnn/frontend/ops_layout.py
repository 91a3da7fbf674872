"""Operators that only restate a layout, padding, and concatenation."""

from dataclasses import replace

import numpy as np

from .. import ir
from .registry import Unsupported, attributes, operator
from .values import Const, Host, Linear, Padded, Pending, Table, map_shape

_LIMITS = "before a fully connected layer, at an output, or where the map stays the same"


def _restate(ctx, node, x, move=None):
    """x in the ONNX shape of the node's result. move: applied to its array of element positions; None keeps their
    order.
    """
    shape = tuple(ctx.shapes[node.output[0]])
    if isinstance(x, Host):
        return replace(x, shape=shape)
    if not isinstance(x, Linear | Table | Pending):
        ctx.map(x)
        raise Unsupported("it reads a padded map")
    if isinstance(x, Linear) and (np.ndim(x.mul) or np.ndim(x.add)):
        raise Unsupported("it reads a value scaled channel by channel without QuantizeLinear between")
    index = x.index
    if move is not None:
        index = np.arange(np.prod(x.shape)).reshape(x.shape) if index is None else index
        index = move(index)
        if (index.reshape(-1) == np.arange(index.size)).all():
            index = None
    elif index is not None:
        index = index.reshape(shape)
    return replace(x, shape=shape, index=index)


@operator(
    "Flatten",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    attributes=("allowzero", "axes", "axis"),
    limits=_LIMITS,
    runs_on="nothing",
)
def reshape(ctx, node, x, _=None):
    return _restate(ctx, node, x)


@operator("Transpose", attributes=("perm",), limits=_LIMITS, runs_on="nothing")
def transpose(ctx, node, x):
    perm = attributes(node).get("perm") or list(range(len(x.shape)))[::-1]
    return _restate(ctx, node, x, lambda index: index.transpose(perm))


@operator("Identity", "Dropout", "Cast", limits="inference only; Cast to float", runs_on="nothing")
def identity(ctx, node, x, *more):
    if node.op_type == "Cast" and attributes(node)["to"] != 1:
        raise Unsupported("a Cast to another type than float")
    if len(node.output) > 1 and node.output[1]:
        raise Unsupported("its mask output is used")
    if (
        node.op_type == "Dropout"
        and len(more) > 1
        and more[1] is not None
        and not (isinstance(more[1], Const) and not more[1].array.any())
    ):
        raise Unsupported("training mode")
    return x


@operator(
    "Pad",
    attributes=("mode", "pads", "value"),
    runs_on="with its consumer",
    limits="constant mode, rows and columns only, before a convolution or a pool",
)
def pad(ctx, node, x, pads=None, value=None, axes=None):
    a = attributes(node)
    if a.get("mode", "constant") != "constant":
        raise Unsupported(f"mode {a['mode']!r}")
    if any(v is not None and not isinstance(v, Const) for v in (pads, value, axes)):
        raise Unsupported("its pads are computed, not constant")
    rank = len(x.shape)
    given = [int(v) for v in (a["pads"] if pads is None else pads.array)]
    on = range(rank) if axes is None else [int(v) % rank for v in axes.array]
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(on):
        before[axis], after[axis] = given[i], given[i + len(given) // 2]
    real = a.get("value", 0.0) if value is None else float(value.array.reshape(-1)[0]) if value.array.size else 0.0
    if not any(given):
        return x
    x = ctx.map(x)
    if rank < 3 or any(before[:2]) or any(after[:2]) or min(given) < 0:
        raise Unsupported(f"pads {given}: only rows and columns can be padded")
    if isinstance(x, Padded):
        raise Unsupported("it pads a padded map")
    rows = (0, 0) if rank == 3 else (before[2], after[2])
    shape = tuple(ctx.shapes[node.output[0]])
    return Padded(x.tensor, shape, (rows[0], before[-1], rows[1], after[-1]), real)


@operator(
    "Concat",
    attributes=("axis",),
    runs_on="nothing",
    limits="along channels; parts in another scale than the result are requantised",
)
def concat(ctx, node, *xs):
    shape = tuple(ctx.shapes[node.output[0]])
    if attributes(node)["axis"] % len(shape) != 1:
        raise Unsupported(f"axis {attributes(node)['axis']}: only channels (axis 1) can be concatenated")
    if len(xs) == 1:
        return xs[0]
    parts = []
    for i, x in enumerate(xs):
        if (
            isinstance(x, Linear | Table | Pending)
            and x.index is None
            and map_shape(x.shape) == (x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape)
        ):
            parts.append(x)
        else:
            ctx.map(x, f"part {i}")
            raise Unsupported("it reads a padded map")

    def emit(y, low, high):
        names = []
        for i, part in enumerate(parts):
            if (low, high) != (-128, 127) and not isinstance(part, Table):
                part = part.clip((low - y.zero) * y.scale, (high - y.zero) * y.scale)
            names.append(ctx.quantise(f"{node.name}/{i}", part, f"{y.name}/{i}", y.scale, y.zero).tensor)
        return ir.Concat(node.name, tuple(names), y.name)

    return Pending(shape, map_shape(shape), emit)
