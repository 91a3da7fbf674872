"""Max pooling with dilation: the map shifted by each tap, and their element-wise maximum, rows
first and then columns.
"""

from collections.abc import Sequence

import numpy as np
import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer import requant
from hwcnn.frontend.importer.context import Context
from hwcnn.frontend.importer.moving_conv import moving_conv
from hwcnn.frontend.importer.pending import PendingOp
from hwcnn.frontend.importer.values import Linear, Padded
from hwcnn.frontend.importer.window_geometry import Window


def dilated_max(ctx: Context, node: onnx.NodeProto, x: Linear | Padded, g: Window) -> PendingOp:
    """The maximum over windows of geometry `g` (pads of a Pad included) of the map x."""
    top, left = g.pads[:2]
    tensor = ctx.tensor(x)
    rows_of, cols_of = (_inside(g, axis, tensor.shape[2 + axis]) for axis in (0, 1))

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Eltwise:
        row_stride, row_size = (g.stride[0], 1), (g.out[0], tensor.shape[3])
        rows = [
            _shifted(ctx, node, tensor, (k * g.dilation[0] - top, 0), row_stride, row_size)
            for k in rows_of
        ]
        column = rows[0] if len(rows) == 1 else largest(ctx, node, rows)
        cols = [
            _shifted(ctx, node, column, (0, k * g.dilation[1] - left), (1, g.stride[1]), g.out)
            for k in cols_of
        ]
        first = cols[0] if len(cols) < 3 else largest(ctx, node, cols[:-1])
        return maximum(node.name, first, cols[-1], y, low, high)

    return PendingOp(ctx.result_shape(node), ctx.result_map_shape(node), emit)


def _inside(g: Window, axis: int, size: int) -> list[int]:
    """The taps along one axis that some window has inside the map; others see nothing but pads."""
    at = [
        range(k * g.dilation[axis] - g.pads[axis], size, g.stride[axis])[: g.out[axis]]
        for k in range(g.kernel[axis])
    ]
    return [k for k, positions in enumerate(at) if any(position >= 0 for position in positions)]


def _shifted(
    ctx: Context,
    node: onnx.NodeProto,
    x: ir.Tensor,
    first: tuple[int, int],
    stride: tuple[int, int],
    size: tuple[int, int],
) -> ir.Tensor:
    """Every stride-th pixel of x from `first` on, -128 outside. size : rows, columns."""
    y = ctx.new_tensor(f"{node.output[0]}/tap", (*x.shape[:2], *size), x.scale, x.zero)
    bottom, right = (
        f + s * (n - 1) + 1 - limit
        for f, s, n, limit in zip(first, stride, size, x.shape[2:], strict=True)
    )
    ctx.ops.append(
        moving_conv(
            f"{node.name}/tap{len(ctx.ops)}",
            x,
            y,
            np.ones((x.shape[1], 1, 1, 1), np.int8),
            stride,
            (-first[0], -first[1], bottom, right),
            groups=x.shape[1],
            pad_value=INT8_MIN,
        )
    )
    return y


def largest(ctx: Context, node: onnx.NodeProto, tensors: Sequence[ir.Tensor]) -> ir.Tensor:
    """A new tensor: the maximum of tensors of one shape, scale and zero point."""
    best = tensors[0]
    for other in tensors[1:]:
        y = ctx.new_tensor(f"{node.output[0]}/max", best.shape, best.scale, best.zero)
        name = f"{node.name}/max{len(ctx.ops)}"
        ctx.ops.append(maximum(name, best, other, y, INT8_MIN, INT8_MAX))
        best = y
    return best


def maximum(name: str, a: ir.Tensor, b: ir.Tensor, y: ir.Tensor, low: int, high: int) -> ir.Eltwise:
    """The operation that gives y, the larger of a and b, which have one scale."""
    gain = a.scale / y.scale
    shift = requant.common_shift(gain)
    factor = requant.scaled(gain, shift)
    return ir.Eltwise(
        name,
        a.name,
        b.name,
        y.name,
        "max",
        -a.zero,
        -b.zero,
        factor,
        factor,
        0,
        shift,
        y.zero,
        low,
        high,
    )
