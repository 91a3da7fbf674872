"""Max pooling with dilation: the map shifted by each tap, and their element-wise maximum, rows
first and then columns.
"""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import multiplier
from hwcnn.frontend.importer import requant
from hwcnn.frontend.importer.values import Pending, map_shape

_LOWEST = -128


def dilated_max(ctx, node, x, g):
    """The `Pending` maximum over windows of geometry `g` (a `windows.Window`, pads of a Pad
    included) of the map x.
    """
    shape = tuple(ctx.shapes[node.output[0]])
    top, left = g.pads[:2]
    tensor = ctx.tensor(x)
    taps = [_inside(g, axis, tensor.shape[2 + axis]) for axis in (0, 1)]

    def emit(y, low, high):
        rows = [
            _shifted(
                ctx,
                node,
                tensor,
                (k * g.dilation[0] - top, 0),
                (g.stride[0], 1),
                (g.out[0], tensor.shape[3]),
            )
            for k in taps[0]
        ]
        column = rows[0] if len(rows) == 1 else _largest(ctx, node, rows)
        parts = [
            _shifted(ctx, node, column, (0, k * g.dilation[1] - left), (1, g.stride[1]), g.out)
            for k in taps[1]
        ]
        first = parts[0] if len(parts) < 3 else _largest(ctx, node, parts[:-1])
        return _maximum(node, first, parts[-1], y, low, high)

    return Pending(shape, map_shape(shape), emit)


def _inside(g, axis, size):
    """The taps along one axis that some window has inside the map; all others see nothing but pads."""
    at = [
        range(k * g.dilation[axis] - g.pads[axis], size, g.stride[axis])[: g.out[axis]]
        for k in range(g.kernel[axis])
    ]
    return [k for k, positions in enumerate(at) if any(position >= 0 for position in positions)]


def _shifted(ctx, node, x, first, stride, size):
    """Every stride-th pixel of x from `first` on, -128 outside."""
    y = ctx.new_tensor(f"{node.output[0]}/tap", (*x.shape[:2], *size), x.scale, x.zero)
    after = [
        f + s * (n - 1) + 1 - limit
        for f, s, n, limit in zip(first, stride, size, x.shape[2:], strict=True)
    ]
    ones, (mantissa, shift) = np.ones(x.shape[1], np.int64), multiplier(1.0)
    weight, bias = np.ones((x.shape[1], 1, 1, 1), np.int8), np.full(x.shape[1], -x.zero, np.int32)
    ctx.ops.append(
        ir.Conv(
            f"{node.name}/tap{len(ctx.ops)}",
            x.name,
            y.name,
            weight,
            bias,
            ones * mantissa,
            ones * shift,
            x.zero,
            stride=stride,
            pads=(-first[0], -first[1], *after),
            groups=x.shape[1],
            pad_value=_LOWEST,
            moves=True,
        )
    )
    return y


def _largest(ctx, node, tensors):
    best = tensors[0]
    for other in tensors[1:]:
        y = ctx.new_tensor(f"{node.output[0]}/max", best.shape, best.scale, best.zero)
        ctx.ops.append(_maximum(node, best, other, y, -128, 127, f"/max{len(ctx.ops)}"))
        best = y
    return best


def _maximum(node, a, b, y, low, high, suffix=""):
    gain = a.scale / y.scale
    shift = requant.common_shift(gain)
    factor = requant.scaled(gain, shift)
    return ir.Eltwise(
        node.name + suffix,
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
