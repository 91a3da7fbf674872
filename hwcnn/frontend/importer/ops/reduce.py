"""Reductions over whole axes: pools as large as the map, or, over channels, convolutions with
weights of one.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.pending_conv import PendingForwardConv
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear

from .channel_constants import in_order
from .largest_channel import largest_channel
from .pool import check_power, pool_of
from .reduce_views import channels_of_view
from .unary import absolute, negative

Kind = Literal["max", "average", "sum"]
_KINDS: dict[str, Kind] = {
    "ReduceMean": "average",
    "ReduceSum": "sum",
    "ReduceL1": "sum",
    "ReduceMax": "max",
    "ReduceMin": "max",
}


@operator("GlobalAveragePool", "GlobalMaxPool", limits="1-D and 2-D maps")
def global_pool(ctx: Context, node: onnx.NodeProto, x: Value) -> Pending:
    """ONNX GlobalAveragePool and GlobalMaxPool, opset 1-22: x [N, C, H, W] or [N, C, L]."""
    kind = "max" if node.op_type == "GlobalMaxPool" else "average"
    return _whole(ctx, node, ctx.materialise(x), kind, (2, 3))


@operator("GlobalLpPool", attributes=("p",), limits="p = 1; 1-D and 2-D maps")
def global_lp_pool(ctx: Context, node: onnx.NodeProto, x: Value) -> Pending:
    """ONNX GlobalLpPool, opset 1-22, with p = 1: the sum of absolute values of x [N, C, H, W] or
    [N, C, L]. Unsupported: other p.
    """
    check_power(node)
    return _whole(ctx, node, absolute(ctx, node, ctx.materialise(x)), "sum", (2, 3))


@operator(
    *_KINDS,
    attributes=("axes", "keepdims", "noop_with_empty_axes"),
    limits="over channels, rows and columns, or some of them",
)
def reduction(ctx: Context, node: onnx.NodeProto, x: Value, axes: Value | None = None) -> Value:
    """ONNX ReduceMean and ReduceL1, opset 1-18, ReduceSum, opset 1-13, ReduceMax and ReduceMin,
    opset 1-20: x [N, C, H, W], [N, C, L] or [N, C], axes constant. Unsupported: computed axes, over
    images.
    """
    if not (axes is None or isinstance(axes, Const)):
        raise Unsupported("its axes are computed, not constant")
    given = attributes(node).get("axes") if axes is None else axes.array.reshape(-1)
    rank = len(x.shape)
    if given is None or not len(given):
        if attributes(node).get("noop_with_empty_axes", 0):
            return x
        given = range(rank)
    over = sorted({int(a) % rank for a in given})
    if 0 in over or (rank < 3 and over != [1]):
        raise Unsupported(
            f"axes {over}: images of a batch stay apart, only channels, rows and columns can be "
            "reduced"
        )
    if isinstance(x, Linear) and x.is_identity and not in_order(ctx, x):
        kind = node.op_type.removeprefix("Reduce")
        summed = kind in ("Sum", "Mean") and channels_of_view(ctx, node, x, over, kind == "Sum")
        if summed:
            return summed
    mapped = ctx.materialise(x)
    if node.op_type == "ReduceL1":
        mapped = absolute(ctx, node, mapped)
    # in four dimensions, a row is [N, C, 1, L]
    over = [a + 1 if rank == 3 and a == 2 else a for a in over]
    if node.op_type == "ReduceMin":
        return _least(ctx, node, mapped, over)
    return _reduced(ctx, node, mapped, over)


def _reduced(
    ctx: Context, node: onnx.NodeProto, x: Linear, over: Collection[int]
) -> Pending | Linear:
    """x reduced along axes of the map."""
    kind = _KINDS[node.op_type]
    if 1 not in over:
        return _whole(ctx, node, x, kind, over)
    return (largest_channel if kind == "max" else _over_channels)(ctx, node, x, over)


def _least(ctx: Context, node: onnx.NodeProto, x: Linear, over: Collection[int]) -> Linear:
    """The minimum: less the maximum of all values less."""
    below = negative(ctx, node, x)
    tensor, name = ctx.tensor(below), f"{node.output[0]}/less"
    found = _reduced(ctx, node, below, over)
    found = ctx.quantise(f"{node.name}/max", found, name, tensor.scale, tensor.zero)
    assert isinstance(found, Linear)  # what quantises a reduction
    return replace(found, raw=False, mul=-1.0)


def _over_channels(
    ctx: Context, node: onnx.NodeProto, x: Linear, over: Collection[int]
) -> PendingForwardConv:
    """A convolution with weights of one. over : axes of the map."""
    tensor = ctx.tensor(x)
    n, c, h, w = tensor.shape
    kernel = h if 2 in over else 1, w if 3 in over else 1
    count, is_sum = c * kernel[0] * kernel[1], _KINDS[node.op_type] == "sum"
    return PendingForwardConv(
        ctx.result_shape(node),
        (n, 1, h // kernel[0], w // kernel[1]),
        node.name,
        tensor,
        np.ones((1, c, *kernel), np.int8),
        np.full(1, 1.0 if is_sum else 1 / count),
        np.zeros(1),
        moves=True,
        divisor=None if is_sum else count,
    )


def _whole(
    ctx: Context,
    node: onnx.NodeProto,
    x: Linear,
    kind: Kind,
    over: Collection[int],
) -> PendingOp:
    """A pool whose window is the map of x along the axes `over`."""
    n, c, h, w = ctx.tensor(x).shape
    kernel = h if 2 in over else 1, w if 3 in over else 1
    taps = kernel[0] * kernel[1]
    divisors = {0: 1} if kind == "max" else {taps: taps if kind == "average" else 1}
    window = "max" if kind == "max" else "average"
    emit = pool_of(ctx, node, x, window, kernel, kernel, (0, 0, 0, 0), divisors)
    return PendingOp(ctx.result_shape(node), (n, c, h // kernel[0], w // kernel[1]), emit)
