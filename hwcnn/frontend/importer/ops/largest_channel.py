"""The largest of all channels: half of the channels and the other half, and their element-wise
maximum, until one is left.
"""

from collections.abc import Collection

import numpy as np
import onnx

from hwcnn import ir
from hwcnn.frontend.importer.context import Context
from hwcnn.frontend.importer.moving_conv import moving_conv
from hwcnn.frontend.importer.pending import Pending, PendingOp
from hwcnn.frontend.importer.values import Linear

from .dilated_max import largest, maximum
from .pool import pool_of


def largest_channel(
    ctx: Context, node: onnx.NodeProto, x: Linear, over: Collection[int]
) -> Pending:
    """The maximum of the map x along axes of it, of which channels are one; rows and columns first,
    of which fewer pixels are left.
    """
    tensor = ctx.tensor(x)
    n, c, h, w = tensor.shape
    kernel = h if 2 in over else 1, w if 3 in over else 1
    shape = n, 1, h // kernel[0], w // kernel[1]
    pool = pool_of(ctx, node, x, "max", kernel, kernel, (0, 0, 0, 0), {0: 1})

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Op:
        if c == 1:
            return pool(y, low, high)
        best = tensor
        if kernel != (1, 1):
            best = ctx.new_tensor(f"{y.name}/map", (n, c, *shape[2:]), tensor.scale, tensor.zero)
            ctx.ops.append(pool(best, -128, 127))
        while best.shape[1] > 2:
            best = largest(ctx, node, _halves(ctx, node, best))
        return maximum(node.name, *_halves(ctx, node, best), y, low, high)

    return PendingOp(ctx.result_shape(node), shape, emit)


def _halves(ctx: Context, node: onnx.NodeProto, x: ir.Tensor) -> tuple[ir.Tensor, ir.Tensor]:
    """The first and the last half of the channels; of an odd number, both have the middle one."""
    n, c, h, w = x.shape
    half = -(-c // 2)
    found: list[ir.Tensor] = []
    for first in (0, c - half):
        y = ctx.new_tensor(f"{node.output[0]}/half", (n, half, h, w), x.scale, x.zero)
        weight = np.eye(half, c, first, np.int8)[:, :, None, None]
        ctx.ops.append(moving_conv(f"{node.name}/half{len(ctx.ops)}", x, y, weight))
        found.append(y)
    return found[0], found[1]
