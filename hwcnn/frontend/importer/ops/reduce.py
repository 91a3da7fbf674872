"""Reductions over whole axes: pools as large as the map, or, over channels, convolutions with
weights of one.
"""

from dataclasses import replace

import numpy as np
import onnx

from hwcnn.frontend.importer.average_ties import conv_with_exact_ties
from hwcnn.frontend.importer.context import Context
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Linear, Padded, Pending

from .pool import check_power, pool_of
from .unary import absolute
from .weights import pending


@operator("GlobalAveragePool", "GlobalMaxPool", limits="1-D and 2-D maps")
def global_pool(ctx, node, x):
    kind = "max" if node.op_type == "GlobalMaxPool" else "average"
    return _whole(ctx, node, ctx.materialise(x), kind, (2, 3))


@operator("GlobalLpPool", attributes=("p",), limits="p = 1; 1-D and 2-D maps")
def global_lp_pool(ctx: Context, node: onnx.NodeProto, x: Linear | Padded) -> Pending:
    """The sum of a map's absolute values (ONNX GlobalLpPool-22 with p = 1)."""
    check_power(node)
    return _whole(ctx, node, absolute(ctx, node, ctx.materialise(x)), "sum", (2, 3))


@operator(
    *("ReduceMean", "ReduceSum", "ReduceMax"),
    attributes=("axes", "keepdims", "noop_with_empty_axes"),
    limits="over rows, columns or both; ReduceMean and ReduceSum also over channels",
)
def reduction(ctx, node, x, axes=None):
    if not (axes is None or isinstance(axes, Const)):
        raise Unsupported("its axes are computed, not constant")
    given = attributes(node).get("axes") if axes is None else axes.array.reshape(-1)
    rank, none = len(x.shape), given is None or not len(given)
    if none and attributes(node).get("noop_with_empty_axes", 0):
        return x
    over = list(range(rank)) if none else sorted({int(a) % rank for a in given})
    if 0 in over or (rank < 3 and over != [1]):
        raise Unsupported(
            f"axes {over}: images of a batch stay apart, only channels, rows and columns can be reduced"
        )
    x = ctx.materialise(x)
    # in four dimensions, a row is [N, C, 1, L]
    over = tuple(a + 1 if rank == 3 and a == 2 else a for a in over)
    if 1 not in over:
        kind = {"ReduceMean": "average", "ReduceSum": "sum", "ReduceMax": "max"}[node.op_type]
        return _whole(ctx, node, x, kind, over)
    if node.op_type == "ReduceMax":
        raise Unsupported("the maximum over channels")
    n, c, h, w = ctx.tensor(x).shape
    kernel = h if 2 in over else 1, w if 3 in over else 1
    ones, count = np.ones((1, c, *kernel), np.int8), c * kernel[0] * kernel[1]
    scale = np.full(1, 1.0 if node.op_type == "ReduceSum" else 1 / count)
    shape = tuple(ctx.shapes[node.output[0]])
    result = pending(ctx, node, x.tensor, shape, ones, scale, np.zeros(1), moves=True)
    if node.op_type == "ReduceMean":
        result = conv_with_exact_ties(ctx, node, x.tensor, result, count)
    return replace(result, y_shape=(n, 1, h // kernel[0], w // kernel[1]))


def _whole(ctx, node, x, kind, over):
    """A pool whose window is the map of x along the axes `over`."""
    n, c, h, w = ctx.tensor(x).shape
    kernel = h if 2 in over else 1, w if 3 in over else 1
    taps = kernel[0] * kernel[1]
    divisors = {0: 1} if kind == "max" else {taps: taps if kind == "average" else 1}
    pooled = pool_of(
        ctx, node, x, "max" if kind == "max" else "average", kernel, kernel, (0, 0, 0, 0), divisors
    )
    return Pending(
        tuple(ctx.shapes[node.output[0]]), (n, c, h // kernel[0], w // kernel[1]), pooled
    )
