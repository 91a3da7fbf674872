"""A network of one transposed convolution."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import multiplier


def network(rng, channels, size, kernel, stride, pads, extra):
    """channels : (in, out); all others: rows, columns. extra : output padding."""
    c_in, c_out = channels
    out = [
        (n - 1) * s - 2 * p + k + e
        for n, s, p, k, e in zip(size, stride, pads, kernel, extra, strict=True)
    ]
    mantissa, shift = multiplier(rng.uniform(0.002, 0.01, c_out))
    op = ir.ConvTranspose(
        "up",
        "x",
        "y",
        rng.integers(-128, 128, (c_in, c_out, *kernel)).astype(np.int8),
        rng.integers(-5000, 5000, c_out).astype(np.int32),
        mantissa,
        shift,
        int(rng.integers(-128, 128)),
        int(rng.integers(-128, 128)),
        low=-100,
        stride=stride,
        pads=pads,
    )
    tensors = {
        "x": ir.Tensor("x", (1, c_in, *size), 0.1, op.x_zero),
        "y": ir.Tensor("y", (1, c_out, *out), 0.2, op.zero),
    }
    return ir.Graph("net", tensors, [op], ["x"], ["y"], [], [("y", (1, c_out, *out))]).verify()
