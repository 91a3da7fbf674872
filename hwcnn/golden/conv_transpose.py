"""Transposed convolution, from its ONNX definition: every input pixel is scattered through the
kernel.
"""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise


def conv_transpose(op: ir.ConvTranspose, x: np.ndarray, out_size: tuple[int, int]) -> np.ndarray:
    """An `ir.ConvTranspose` on int8 [N, Cin, H, W]: int8 [N, Cout, *out_size].

    Raises OverflowError where a sum does not fit the hardware's 32-bit accumulator.
    """
    sums = transposed_sums(x.astype(np.int64) - op.x_zero, op, out_size) + _channels(op.bias)
    if sums.min() < -(1 << 31) or sums.max() >= 1 << 31:
        raise OverflowError(
            f"{op.name}: an accumulator of [{sums.min()}, {sums.max()}] does not fit 32 bits"
        )
    return requantise(sums, _channels(op.mantissa), _channels(op.shift), op.zero, op.low, op.high)


def transposed_sums(x: np.ndarray, op: ir.ConvTranspose, out_size: tuple[int, int]) -> np.ndarray:
    """The exact sums of products, int64 [N, Cout, *out_size], of int64 x [N, Cin, H, W].

    The products go through float64 matrix multiplication, exact as in `conv.conv_sums`.
    """
    (n, _, height, width), (c_in, c_out, kh, kw), groups = x.shape, op.weight.shape, op.groups
    (sh, sw), (dh, dw), (top, left) = op.stride, op.dilation, op.pads
    reach = [
        max((i - 1) * s + (k - 1) * d + 1, before + out)
        for i, s, k, d, before, out in zip(
            (height, width), op.stride, (kh, kw), op.dilation, op.pads, out_size, strict=True
        )
    ]
    pixels = x.reshape(n, groups, c_in // groups, height * width).astype(np.float64)
    weight = op.weight.reshape(groups, c_in // groups, c_out, kh, kw).astype(np.float64)
    full = np.zeros((n, groups * c_out, *reach), np.int64)
    for ky in range(kh):
        for kx in range(kw):
            products = np.matmul(weight[..., ky, kx].transpose(0, 2, 1), pixels).astype(np.int64)
            y0, x0 = ky * dh, kx * dw
            full[
                :, :, y0 : y0 + (height - 1) * sh + 1 : sh, x0 : x0 + (width - 1) * sw + 1 : sw
            ] += products.reshape(n, groups * c_out, height, width)
    return full[:, :, top : top + out_size[0], left : left + out_size[1]]


def _channels(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.int64).reshape(1, -1, 1, 1)
