"""Element-wise operators of two operands: two maps, or a map and constants of a channel each."""

from dataclasses import replace

import numpy as np
import onnx

from hwcnn import ir
from hwcnn.frontend.importer import requant
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.pending_conv import PendingConv
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, Input, Linear, Padded, PerChannel, Table

from .broadcast import broadcast, merged, of_one_pixel, once
from .channel_constants import per_channel
from .clamp import clipped
from .unary import as_table, evaluate

_LIMITS = "maps of one shape, [N, C, 1, 1] or [N, 1, H, W] to [N, C, H, W], or a constant a channel"


@operator("Add", "Sub", limits=_LIMITS)
def add(ctx: Context, node: onnx.NodeProto, a: Value, b: Value) -> Value:
    """ONNX Add and Sub, opset 1-14: two maps of one shape or [N, C, 1, 1], or a map and constants
    of one value a channel. Unsupported: other shapes.
    """
    sign = -1 if node.op_type == "Sub" else 1
    if isinstance(b, Const):
        offset, a = per_channel(ctx, b, a)
        return scale_channels(ctx, a, 1.0, sign * offset)
    if isinstance(a, Const):
        offset, b = per_channel(ctx, a, b)
        return scale_channels(ctx, b, sign * 1.0, offset)
    return _maps(ctx, node, a, b, "add", sign)


@operator("Sum", limits=_LIMITS + "; two operands, more in float models")
def total(ctx: Context, node: onnx.NodeProto, a: Value, *more: Value) -> Value:
    """ONNX Sum, opset 1-13: of one or two operands, as Add. Unsupported: more."""
    if len(more) > 1:
        raise Unsupported(f"{1 + len(more)} operands: write it as a chain of Add")
    return add(ctx, node, a, *more) if more else a


@operator("Mul", "Div", limits=_LIMITS + "; Div by or of a constant only")
def mul(ctx: Context, node: onnx.NodeProto, a: Value, b: Value) -> Value:
    """ONNX Mul and Div, opset 1-14: as Add; Div by or of a constant, or of two functions of one
    tensor. Unsupported: other shapes, division of maps or by zero.
    """
    if isinstance(b, Const):
        factor, a = per_channel(ctx, b, a)
        factor = np.asarray(factor)
        if node.op_type == "Div" and not factor.all():
            raise Unsupported("division by zero")
        return scale_channels(ctx, a, factor if node.op_type == "Mul" else 1 / factor, 0.0)
    if isinstance(a, Const) and node.op_type == "Mul":
        factor, b = per_channel(ctx, a, b)
        return scale_channels(ctx, b, factor, 0.0)
    if node.op_type == "Div":
        return _quotient(ctx, node, a, b)
    return _maps(ctx, node, a, b, "mul", 1)


def _quotient(ctx: Context, node: onnx.NodeProto, a: Value, b: Value) -> Table:
    """The quotient of a constant, or of two functions of one tensor."""
    if isinstance(a, Const) and a.array.size == 1:
        table = as_table(ctx, b)
        with np.errstate(divide="ignore"):  # what is infinite saturates
            return replace(table, values=np.float32(a.real.item()) / table.values)
    table = None if isinstance(a, Const) else _same_source(ctx, node, a, b)
    if table is None:
        raise Unsupported("division by a map")
    return table


@operator("Max", "Min", limits=_LIMITS + "; two operands, more in float models")
def extreme(
    ctx: Context, node: onnx.NodeProto, a: Value, b: Value | None = None, *more: Value
) -> Value:
    """ONNX Max and Min, opset 1-13: of one or two operands: maps as in Add, or a map and one
    constant. Unsupported: more operands, constants that differ from channel to channel.
    """
    if b is None:
        return a
    if more:
        raise Unsupported(f"{2 + len(more)} operands: chain it in pairs")
    if isinstance(a, Const):
        a, b = b, a
    if not isinstance(b, Const):
        return _maps(ctx, node, a, b, node.op_type.lower(), 1)
    bound, a = per_channel(ctx, b, a)
    if not isinstance(bound, float):
        raise Unsupported("a bound that differs from channel to channel")
    return clipped(ctx, a, *((bound, np.inf) if node.op_type == "Max" else (-np.inf, bound)))


def scale_channels(
    ctx: Context, value: Value, factor: PerChannel, offset: PerChannel
) -> Linear | Table | PendingConv | Input:
    """``value * factor + offset``, one for all or for each channel of the map behind the value.
    Raises Unsupported where what is not quantised yet cannot take them.
    """
    by_channel = bool(np.ndim(factor) or np.ndim(offset))
    if isinstance(value, Input):
        return replace(value, gain=value.gain * factor, offset=value.offset * factor + offset)
    if isinstance(value, PendingConv) and value.low == -np.inf and value.high == np.inf:
        return replace(value, gain=value.gain * factor, offset=value.offset * factor + offset)
    if isinstance(value, Table) or (isinstance(value, Linear) and value.clipped):
        if by_channel:
            raise Unsupported(
                "constants a channel after a nonlinear function without QuantizeLinear between"
            )
        table = as_table(ctx, value)
        values = table.values * np.float32(factor) + np.float32(offset)
        return replace(table, values=values.astype(np.float32))
    if isinstance(value, Pending):
        raise Unsupported("a constant on a value that no QuantizeLinear has read")
    if not isinstance(value, Linear):
        value = ctx.materialise(value)
    return replace(value, mul=value.mul * factor, add=value.add * factor + offset)


def _same_source(ctx: Context, node: onnx.NodeProto, a: Value, b: Value) -> Table | None:
    """The result of operands that are functions of one tensor, so that it is one too; otherwise
    None.
    """
    if isinstance(a, Table) or isinstance(b, Table):
        a, b = (ctx.materialise(v) if isinstance(v, Padded) else v for v in (a, b))
    if not (isinstance(a, Linear | Table) and isinstance(b, Linear | Table)):
        return None
    if ctx.source(a.tensor) != ctx.source(b.tensor):
        return None
    if (
        a.shape != b.shape
        or not _same_view(a, b)
        or any(v.by_channel for v in (a, b) if isinstance(v, Linear))
    ):
        return None
    return evaluate(node, as_table(ctx, a), as_table(ctx, b))


def _maps(
    ctx: Context, node: onnx.NodeProto, a: Value, b: Value, kind: str, sign: int
) -> Table | PendingOp:
    """An `ir.Eltwise` of that kind on two maps, the second with that sign."""
    table = _same_source(ctx, node, a, b)
    if table is not None:
        return table
    shape = np.broadcast_shapes(a.shape, b.shape)
    a, b = of_one_pixel(ctx, a, b)
    maps = merged(ctx, a), merged(ctx, b)
    if all(len(value.shape) == 4 for value in maps):
        a, b = maps
    whole = np.broadcast_shapes(a.shape, b.shape)
    a = once(ctx, a) if b.shape == whole else a
    b = once(ctx, b) if a.shape == whole else b
    sign_a, sign_b = 1, sign
    if _extent(a) < _extent(b):
        a, b, sign_a, sign_b = b, a, sign_b, sign_a
    a, b = broadcast(ctx, *_in_one_layout(ctx, a, b))
    x_a, x_b = ctx.tensor(a), ctx.tensor(b)

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Eltwise:
        if kind == "mul":
            m_a, (m_b, shift) = 0, requant.scalar_ratio(x_a.scale * x_b.scale / y.scale)
        else:
            gain_a, gain_b = requant.saturating(
                sign_a * x_a.scale / y.scale, sign_b * x_b.scale / y.scale, kind == "add"
            )
            shift = requant.common_shift(gain_a, gain_b)
            m_a, m_b = requant.scaled(gain_a, shift), requant.scaled(gain_b, shift)
        return eltwise(node.name, kind, x_a, x_b, (m_a, m_b, shift), y, low, high)

    return PendingOp(shape, x_a.shape, emit, index=a.index)


def _extent(value: Value) -> tuple[int, int]:
    """(pixels, all elements): of two operands, the one of more is repeated least."""
    return int(np.prod(value.shape[2:])), int(np.prod(value.shape))


def eltwise(
    name: str,
    kind: str,
    a: ir.Tensor,
    b: ir.Tensor,
    multipliers: tuple[int, int, int],
    y: ir.Tensor,
    low: int,
    high: int,
) -> ir.Eltwise:
    """The operation on two maps less their zero points. multipliers : ma, mb, shift."""
    ma, mb, shift = multipliers
    ca, cb = -a.zero, -b.zero
    return ir.Eltwise(
        name, a.name, b.name, y.name, kind, ca, cb, ma, mb, 0, shift, y.zero, low, high
    )


def _same_view(a: Linear | Table, b: Linear | Table) -> bool:
    """True where both are the same elements of their tensors. a, b : of one shape."""
    if a.index is None or b.index is None:
        return a.index is b.index
    return np.array_equal(a.index, b.index)


def _in_one_layout(ctx: Context, a: Value, b: Value) -> tuple[Linear, Linear]:
    """Both operands as they are where they are the same view of maps of one shape, else as maps."""
    if (
        isinstance(a, Linear)
        and isinstance(b, Linear)
        and a.is_identity
        and b.is_identity
        and a.shape == b.shape
        and ctx.tensor(a).shape == ctx.tensor(b).shape
        and _same_view(a, b)
    ):
        return a, b
    return ctx.materialise(a, "an operand"), ctx.materialise(b, "an operand")
