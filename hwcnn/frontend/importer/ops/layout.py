"""Operators that only restate a layout, padding, and concatenation."""

from dataclasses import replace

import numpy as np

from hwcnn import ir
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host, Linear, Padded, Pending, Table, map_shape

_LIMITS = "free before a fully connected layer, at an output, or where the map stays the same; else rows and columns keep order"


def restate(ctx, node, x, move=None, shape=None):
    """x in the ONNX shape of the node's (first) result, or in `shape`. move: applied to its array
    of element positions; None keeps their order.
    """
    shape = tuple(ctx.shapes[node.output[0]]) if shape is None else shape
    if isinstance(x, Host):
        if (
            move is not None
            and (
                move(np.arange(np.prod(x.shape)).reshape(x.shape)).reshape(-1)
                != np.arange(np.prod(x.shape))
            ).any()
        ):
            raise Unsupported("it changes the order of what the host computes (softmax)")
        return replace(x, shape=shape)
    if not isinstance(x, Linear | Table | Pending):
        x = ctx.solid(x)
    if isinstance(x, Linear) and (np.ndim(x.mul) or np.ndim(x.add)):
        raise Unsupported(
            "it reads a value scaled channel by channel without QuantizeLinear between"
        )
    index = x.index
    if move is not None:
        index = np.arange(np.prod(x.shape)).reshape(x.shape) if index is None else index
        index = move(index)
        if index.size == _size(ctx, x) and (index.reshape(-1) == np.arange(index.size)).all():
            index = None
    elif index is not None:
        index = index.reshape(shape)
    return replace(x, shape=shape, index=index)


def _size(ctx, x):
    """Elements of the tensor behind x."""
    return np.prod(x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape)


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
    return restate(ctx, node, x)


@operator("Transpose", attributes=("perm",), limits=_LIMITS, runs_on="nothing")
def transpose(ctx, node, x):
    perm = attributes(node).get("perm") or list(range(len(x.shape)))[::-1]
    return restate(ctx, node, x, lambda index: index.transpose(perm))


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
    runs_on="array",
    limits="rows and columns only; constant, edge, reflect or wrap; by 0 before a convolution or a pool it costs nothing",
)
def pad(ctx, node, x, pads=None, value=None, axes=None):
    a = attributes(node)
    if any(v is not None and not isinstance(v, Const) for v in (pads, value, axes)):
        raise Unsupported("its pads are computed, not constant")
    rank = len(x.shape)
    given = [int(v) for v in (a["pads"] if pads is None else pads.array)]
    on = range(rank) if axes is None else [int(v) % rank for v in axes.array]
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(on):
        before[axis], after[axis] = given[i], given[i + len(given) // 2]
    real = (
        a.get("value", 0.0)
        if value is None
        else float(value.array.reshape(-1)[0])
        if value.array.size
        else 0.0
    )
    if not any(given):
        return x
    if rank < 3 or any(before[:2]) or any(after[:2]):
        raise Unsupported(f"pads {given}: only rows and columns can be padded")
    mode = a.get("mode", "constant")
    if mode != "constant":
        if min(given) < 0 or isinstance(x, Host):
            raise Unsupported(f"mode {mode!r} with pads {given}")
        return restate(
            ctx, node, x, lambda index: np.pad(index, list(zip(before, after, strict=True)), mode)
        )
    if min(given) < 0:
        x = _cropped(ctx, node, x, before, after)
        before, after = np.maximum(before, 0), np.maximum(after, 0)
    x = ctx.map(x)
    if isinstance(x, Padded):
        x = ctx.solid(x)
    rows = (0, 0) if rank == 3 else (before[2], after[2])
    shape = tuple(ctx.shapes[node.output[0]])
    return Padded(
        x.tensor, shape, tuple(int(p) for p in (rows[0], before[-1], rows[1], after[-1])), real
    )


def _cropped(ctx, node, x, before, after):
    """x without the rows and columns that negative pads take off."""
    parts = [
        slice(max(0, -b), n - max(0, -a)) for b, a, n in zip(before, after, x.shape, strict=True)
    ]
    shape = tuple(p.stop - p.start for p in parts)
    if min(shape) < 1:
        raise Unsupported("its pads leave nothing of the map")
    return restate(ctx, node, x, lambda index: index[tuple(parts)], shape)


@operator(
    "Concat",
    attributes=("axis",),
    runs_on="nothing",
    limits="along channels; parts in another scale than the result are requantised",
)
def concat(ctx, node, *xs):
    shape = tuple(ctx.shapes[node.output[0]])
    if attributes(node)["axis"] % len(shape) != 1:
        raise Unsupported(
            f"axis {attributes(node)['axis']}: only channels (axis 1) can be concatenated"
        )
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
            parts.append(ctx.solid(x, f"part {i}"))

    def emit(y, low, high):
        names = []
        for i, part in enumerate(parts):
            if (low, high) != (-128, 127) and not isinstance(part, Table):
                part = part.clip((low - y.zero) * y.scale, (high - y.zero) * y.scale)
            names.append(
                ctx.quantise(f"{node.name}/{i}", part, f"{y.name}/{i}", y.scale, y.zero).tensor
            )
        return ir.Concat(node.name, tuple(names), y.name)

    return Pending(shape, map_shape(shape), emit)
