"""Element-wise operators of two operands: two maps, or a map and constants of a channel each."""

from dataclasses import replace

import numpy as np

from hwcnn import ir
from hwcnn.frontend.importer import requant
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, Linear, Padded, Pending, PendingConv, Table

from .clamp import clipped
from .unary import as_table, evaluate

_LIMITS = "operands of one shape, [N, C, 1, 1] to [N, C, H, W], or a constant a channel"


@operator("Add", "Sub", limits=_LIMITS)
def add(ctx, node, a, b):
    sign = -1 if node.op_type == "Sub" else 1
    if isinstance(b, Const):
        return scale_channels(ctx, node, a, 1.0, sign * per_channel(b, a))
    if isinstance(a, Const):
        return scale_channels(ctx, node, b, sign * 1.0, per_channel(a, b))
    return _maps(ctx, node, a, b, "add", sign)


@operator("Sum", limits=_LIMITS + "; two operands, more in float models")
def total(ctx, node, a, *more):
    if len(more) > 1:
        raise Unsupported(f"{1 + len(more)} operands: write it as a chain of Add")
    return add(ctx, node, a, *more) if more else a


@operator("Mul", "Div", limits=_LIMITS + "; Div by a constant only")
def mul(ctx, node, a, b):
    if isinstance(b, Const):
        factor = np.asarray(per_channel(b, a))
        if node.op_type == "Div" and not factor.all():
            raise Unsupported("division by zero")
        return scale_channels(ctx, node, a, factor if node.op_type == "Mul" else 1 / factor, 0.0)
    if isinstance(a, Const) and node.op_type == "Mul":
        return scale_channels(ctx, node, b, per_channel(a, b), 0.0)
    if node.op_type == "Div":
        table = _same_source(ctx, node, a, b)
        if table is None:
            raise Unsupported("division by a map")
        return table
    return _maps(ctx, node, a, b, "mul", 1)


@operator("Max", "Min", limits=_LIMITS + "; two operands, more in float models")
def extreme(ctx, node, a, *more):
    if not more:
        return a
    if len(more) > 1:
        raise Unsupported(f"{1 + len(more)} operands: chain it in pairs")
    b = more[0]
    if isinstance(a, Const):
        a, b = b, a
    if not isinstance(b, Const):
        return _maps(ctx, node, a, b, node.op_type.lower(), 1)
    bound = per_channel(b, a)
    if np.ndim(bound):
        raise Unsupported("a bound that differs from channel to channel")
    return clipped(ctx, node, a, *((bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)))


def per_channel(constant, other):
    """A constant operand as a scalar or [C], float64. Raises Unsupported where it varies along
    rows, columns or images.
    """
    array = constant.real
    if array.size == 1:
        return float(array.reshape(-1)[0])
    rank = len(other.shape)
    if array.ndim > rank or np.broadcast_shapes(array.shape, other.shape) != tuple(other.shape):
        raise Unsupported(
            f"the constant's shape {list(array.shape)} would enlarge the map {list(other.shape)}"
        )
    array = array.reshape((1,) * (rank - array.ndim) + array.shape)
    if array.size != array.shape[min(1, rank - 1)]:
        raise Unsupported(f"the constant's shape {list(constant.shape)} is not one value a channel")
    return array.reshape(-1)


def scale_channels(ctx, node, value, factor, offset):
    """``value * factor + offset``, scalars or [C]."""
    if isinstance(value, PendingConv) and value.low == -np.inf and value.high == np.inf:
        return replace(value, gain=value.gain * factor, offset=value.offset * factor + offset)
    if isinstance(value, Table) or (isinstance(value, Linear) and value.clipped):
        if np.ndim(factor) or np.ndim(offset):
            raise Unsupported(
                "constants a channel after a nonlinear function without QuantizeLinear between"
            )
        table = as_table(ctx, value)
        return replace(
            table,
            values=(table.values * np.float32(factor) + np.float32(offset)).astype(np.float32),
        )
    if isinstance(value, Padded) or (
        isinstance(value, Linear) and value.is_identity and np.ndim(factor) + np.ndim(offset)
    ):
        value = ctx.materialise(value)
    if isinstance(value, Linear):
        if value.index is not None and np.ndim(factor) + np.ndim(offset):
            raise Unsupported("constants a channel on a map whose layout was changed")
        return replace(value, mul=value.mul * factor, add=value.add * factor + offset)
    if isinstance(value, Pending):
        raise Unsupported("a constant on a value that no QuantizeLinear has read")
    ctx.as_map(value)


def _same_source(ctx, node, a, b):
    """Both operands are functions of one tensor, so that the result is too: a `Table`; otherwise
    None.
    """
    if isinstance(a, Table) or isinstance(b, Table):
        a, b = (ctx.materialise(v) if isinstance(v, Padded) else v for v in (a, b))
    if not (
        isinstance(a, Linear | Table) and isinstance(b, Linear | Table) and a.tensor == b.tensor
    ):
        return None
    if (
        a.shape != b.shape
        or a.index is not b.index
        or any(np.ndim(v.mul) + np.ndim(v.add) for v in (a, b) if isinstance(v, Linear))
    ):
        return None
    return evaluate(node, as_table(ctx, a), as_table(ctx, b))


def _maps(ctx, node, a, b, kind, sign):
    table = _same_source(ctx, node, a, b)
    if table is not None:
        return table
    swap = False
    if isinstance(a, Linear) and isinstance(b, Linear) and np.prod(a.shape) < np.prod(b.shape):
        a, b, swap = b, a, True
    same_view = (
        isinstance(a, Linear)
        and isinstance(b, Linear)
        and a.is_identity
        and b.is_identity
        and a.shape == b.shape
        and (a.index is b.index and ctx.tensor(a).shape == ctx.tensor(b).shape)
    )
    if not same_view:
        a, b = ctx.materialise(a, "an operand"), ctx.materialise(b, "an operand")
    xa, xb = ctx.tensor(a), ctx.tensor(b)
    if (xa.shape != xb.shape and xb.shape != (*xa.shape[:2], 1, 1)) or len(a.shape) != len(b.shape):
        raise Unsupported(
            f"shapes {list(a.shape)} and {list(b.shape)}: expected equal ones, or [N, C, 1, 1] for one of them"
        )
    sa, sb = (sign, 1) if swap else (1, sign)

    def emit(y, low, high):
        if kind == "mul":
            mantissa, shift = requant.ratio(xa.scale * xb.scale / y.scale)
            ma, mb, shift = 0, int(mantissa), int(shift)
        else:
            ga, gb = requant.saturating(
                sa * xa.scale / y.scale, sb * xb.scale / y.scale, kind == "add"
            )
            shift = requant.common_shift(ga, gb)
            ma, mb = requant.scaled(ga, shift), requant.scaled(gb, shift)
        return ir.Eltwise(
            node.name,
            xa.name,
            xb.name,
            y.name,
            kind,
            -xa.zero,
            -xb.zero,
            ma,
            mb,
            0,
            shift,
            y.zero,
            low,
            high,
        )

    return Pending(a.shape, xa.shape, emit, index=a.index)
