"""Reductions over whole axes: pools as large as the map, or, over channels, convolutions with
weights of one.
"""

from collections.abc import Collection
from typing import Literal

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.pending_conv import PendingForwardConv
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear

from .pool import check_power, pool_of
from .unary import absolute

Kind = Literal["max", "average", "sum"]
_KINDS: dict[str, Kind] = {"ReduceMean": "average", "ReduceSum": "sum", "ReduceMax": "max"}


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
    *("ReduceMean", "ReduceSum", "ReduceMax"),
    attributes=("axes", "keepdims", "noop_with_empty_axes"),
    limits="over rows, columns or both; ReduceMean and ReduceSum also over channels",
)
def reduction(ctx: Context, node: onnx.NodeProto, x: Value, axes: Value | None = None) -> Value:
    """ONNX ReduceMean, opset 1-18, ReduceSum, opset 1-13, and ReduceMax, opset 1-20: x [N, C, H,
    W], [N, C, L] or [N, C], axes constant. Unsupported: computed axes, over images, the maximum
    over channels.
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
    mapped = ctx.materialise(x)
    # in four dimensions, a row is [N, C, 1, L]
    over = [a + 1 if rank == 3 and a == 2 else a for a in over]
    if 1 in over:
        return _over_channels(ctx, node, mapped, over)
    return _whole(ctx, node, mapped, _KINDS[node.op_type], over)


def _over_channels(
    ctx: Context, node: onnx.NodeProto, x: Linear, over: Collection[int]
) -> PendingForwardConv:
    """A convolution with weights of one. over : axes of the map."""
    if node.op_type == "ReduceMax":
        raise Unsupported("the maximum over channels")
    tensor = ctx.tensor(x)
    n, c, h, w = tensor.shape
    kernel = h if 2 in over else 1, w if 3 in over else 1
    count, is_sum = c * kernel[0] * kernel[1], node.op_type == "ReduceSum"
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
