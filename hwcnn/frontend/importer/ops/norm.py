"""Normalisation: across channels (LRN), and batch normalisation that nothing could absorb."""

import numpy as np

from hwcnn import ir
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Pending, Table
from hwcnn.golden.lrn import lrn_table

from .elementwise import scale_channels


@operator(
    "LRN", attributes=("alpha", "beta", "bias", "size"), limits="size 1, 3 or 5; beta from 0 to 1"
)
def lrn(ctx, node, x):
    x = ctx.materialise(x)
    a = attributes(node)
    size, alpha, beta, bias = (
        a["size"],
        a.get("alpha", 1e-4),
        a.get("beta", 0.75),
        a.get("bias", 1.0),
    )
    if size not in (1, 3, 5) or not 0 <= beta <= 1 or alpha < 0 or bias <= 0:
        raise Unsupported(
            f"size {size}, beta {beta:g}, alpha {alpha:g}, bias {bias:g}: size 1, 3 or 5, beta in [0, 1], alpha >= 0 "
            "and bias > 0 are supported"
        )
    tensor = ctx.tensor(x)
    if size == 1:
        real = (np.arange(-128, 128) - tensor.zero) * np.float64(tensor.scale)
        return Table(
            x.tensor, x.shape, (real / (bias + alpha * real**2) ** beta).astype(np.float32)
        )

    def emit(y, low, high):
        if (low, high) != (-128, 127) and (low > y.zero or high < 127):
            raise Unsupported("a clip after it without QuantizeLinear between")
        table, shift = lrn_table(size, alpha, beta, bias, tensor.scale, y.scale)
        return ir.Lrn(
            node.name,
            tensor.name,
            y.name,
            size,
            np.asarray(table, np.int64),
            int(shift),
            tensor.zero,
            y.zero,
        )

    return Pending(x.shape, tensor.shape, emit)


@operator(
    "BatchNormalization", attributes=("epsilon",), limits="inference only, constant parameters"
)
def batch_norm(ctx, node, x, scale, bias, mean, var):
    if attributes(node).get("training_mode", 0) or any(node.output[1:]):
        raise Unsupported("training mode")
    if not all(isinstance(v, Const) for v in (scale, bias, mean, var)):
        raise Unsupported("its parameters are computed, not constant")
    gamma, beta, mu, sigma2 = (v.real.reshape(-1) for v in (scale, bias, mean, var))
    gain = gamma / np.sqrt(sigma2 + attributes(node).get("epsilon", 1e-5))
    return scale_channels(ctx, node, x, gain, beta - mu * gain)
