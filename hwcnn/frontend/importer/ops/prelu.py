"""Leaky ReLU with slopes of a channel each."""

import numpy as np

from hwcnn import ir
from hwcnn.frontend.importer import requant
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, Pending

from .elementwise import per_channel
from .unary import as_table, evaluate


@operator("PRelu", limits="slope one constant, or one a channel")
def prelu(ctx, node, x, slope):
    if not isinstance(slope, Const):
        raise Unsupported("its slopes are computed, not constant")
    if slope.array.size == 1:
        return evaluate(node, as_table(ctx, x), slope.array.reshape(()))
    x = ctx.materialise(x)
    tensor, slopes = ctx.tensor(x), per_channel(slope, x)

    def emit(y, low, high):
        gain = tensor.scale / y.scale
        if slopes.min() >= 0 and slopes.max() <= 1:
            sloped = _scaled(ctx, node, "sloped", tensor, y, slopes)
            return _joined(node, "max", tensor.name, tensor.zero, gain, sloped, y, low, high)
        negative = _scaled(ctx, node, "negative", tensor, tensor, 1.0, high=tensor.zero)
        sloped = _scaled(ctx, node, "sloped", ctx.tensors[negative], y, slopes)
        positive = _scaled(ctx, node, "positive", tensor, tensor, 1.0, low=tensor.zero)
        return _joined(node, "add", positive, tensor.zero, gain, sloped, y, low, high)

    return Pending(x.shape, tensor.shape, emit)


def _scaled(ctx, node, what, x, like, factor, low=-128, high=127):
    """The name of a new tensor ``clip(x * factor, low, high)`` with the scale and zero point of
    `like`.
    """
    y = ctx.new_tensor(f"{node.output[0]}/{what}", x.shape, like.scale, like.zero)
    gain = np.broadcast_to(np.asarray(factor, np.float64) * x.scale / like.scale, x.shape[1])
    mantissa, c, shift = requant.affine(gain, -gain * x.zero)
    ctx.ops.append(
        ir.Affine(f"{node.name}/{what}", x.name, y.name, mantissa, c, shift, like.zero, low, high)
    )
    return y.name


def _joined(node, kind, a, a_zero, gain, b, y, low, high):
    """`a` times `gain` and `b`, which has the scale and zero point of y, as their sum or larger
    one.
    """
    shift = requant.common_shift(gain, 1.0)
    ma, mb = requant.scaled(gain, shift), requant.scaled(1.0, shift)
    return ir.Eltwise(
        node.name, a, b, y.name, kind, -a_zero, -y.zero, ma, mb, 0, shift, y.zero, low, high
    )
