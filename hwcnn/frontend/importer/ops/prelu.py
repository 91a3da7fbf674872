"""Leaky ReLU with slopes of a channel each."""

import numpy as np
import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer import requant
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import PendingOp
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, PerChannel

from .channel_constants import per_channel
from .elementwise import eltwise
from .unary import as_table, evaluate


@operator("PRelu", limits="slope one constant, or one a channel")
def prelu(ctx: Context, node: onnx.NodeProto, x: Value, slope: Value) -> Value:
    """ONNX PRelu, opset 1-16: x [N, C, ...], the slope one constant or one a channel. Unsupported:
    computed slopes, slopes that vary along rows or columns.
    """
    if not isinstance(slope, Const):
        raise Unsupported("its slopes are computed, not constant")
    if slope.array.size == 1:
        return evaluate(node, as_table(ctx, x), slope.array.reshape(()))
    mapped = ctx.materialise(x)
    tensor, slopes = ctx.tensor(mapped), np.asarray(per_channel(ctx, slope, mapped)[0])

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Eltwise:
        gain = tensor.scale / y.scale
        if slopes.min() >= 0 and slopes.max() <= 1:
            sloped = _scaled(ctx, node, "sloped", tensor, y, slopes)
            return _joined(node, "max", tensor, gain, sloped, y, low, high)
        negative = _scaled(ctx, node, "negative", tensor, tensor, 1.0, high=tensor.zero)
        sloped = _scaled(ctx, node, "sloped", negative, y, slopes)
        positive = _scaled(ctx, node, "positive", tensor, tensor, 1.0, low=tensor.zero)
        return _joined(node, "add", positive, gain, sloped, y, low, high)

    return PendingOp(mapped.shape, tensor.shape, emit)


def _scaled(
    ctx: Context,
    node: onnx.NodeProto,
    what: str,
    x: ir.Tensor,
    like: ir.Tensor,
    factor: PerChannel,
    low: int = INT8_MIN,
    high: int = INT8_MAX,
) -> ir.Tensor:
    """A new tensor ``clip(x * factor, low, high)`` with the scale and zero point of `like`."""
    y = ctx.new_tensor(f"{node.output[0]}/{what}", x.shape, like.scale, like.zero)
    gain = np.broadcast_to(np.asarray(factor, np.float64) * x.scale / like.scale, x.shape[1])
    mantissa, c, shift = requant.affine(gain, -gain * x.zero)
    ctx.ops.append(
        ir.Affine(f"{node.name}/{what}", x.name, y.name, mantissa, c, shift, like.zero, low, high)
    )
    return y


def _joined(
    node: onnx.NodeProto,
    kind: str,
    a: ir.Tensor,
    gain: float,
    b: ir.Tensor,
    y: ir.Tensor,
    low: int,
    high: int,
) -> ir.Eltwise:
    """`a` times `gain` and `b`, which has the scale and zero point of y, as their sum or larger
    one.
    """
    shift = requant.common_shift(gain, 1.0)
    m_a, m_b = requant.scaled(gain, shift), requant.scaled(1.0, shift)
    return eltwise(node.name, kind, a, b, (m_a, m_b, shift), y, low, high)
