"""Convolution (grouped, depthwise, dilated, fully connected), with its requantisation and second
stage.
"""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise

from .windows import pad, windows

#: Bytes of one float32 block of im2col columns, and of one of weights; bounds the peak memory.
CHUNK_BYTES = 32 << 20


def conv_sums(
    x: np.ndarray,
    weight: np.ndarray,
    stride: tuple[int, int] = (1, 1),
    pads: tuple[int, int, int, int] = (0, 0, 0, 0),
    dilation: tuple[int, int] = (1, 1),
    groups: int = 1,
    pad_value: int = 0,
) -> np.ndarray:
    """The exact sums of products, int64 [N, Cout, Ho, Wo].

    x : int8 [N, Cin, H, W]; weight : int8 [Cout, Cin/groups, kh, kw].
    The products go through float32 matrix multiplication on im2col columns, of so many terms at a
    time that no partial sum, in any order, exceeds 2**24, up to which float32 adds integers exactly
    (1024 products of two int8); float64, exact up to 2**53, adds these.
    """
    _, _, kh, kw = weight.shape
    taps = windows(pad(x, pads, pad_value), (kh, kw), stride, dilation)
    n, _, height, width = taps.shape[:4]
    c_out, k = weight.shape[0] // groups, int(np.prod(weight.shape[1:]))
    kernel = weight.reshape(groups, c_out, k)
    sums = np.empty((groups, c_out, n, height, width), np.int64)
    n_rows = max(1, CHUNK_BYTES // (4 * groups * k * n * width))
    n_out = max(1, CHUNK_BYTES // (4 * groups * k))
    for row in range(0, height, n_rows):
        columns = _im2col(taps[:, :, row : row + n_rows], groups)
        for out in range(0, c_out, n_out):
            products = _products(kernel[:, out : out + n_out].astype(np.float32), columns)
            sums[:, out : out + n_out, :, row : row + n_rows] = products.reshape(
                *products.shape[:2], n, -1, width
            )
    return sums.reshape(groups * c_out, n, height, width).transpose(1, 0, 2, 3)


def _products(kernel: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The exact product of float32 matrices of integers, the columns within int8."""
    largest = max(1, int(np.abs(kernel).max(initial=0)))
    terms = max(1, (1 << 24) // (largest << 7))
    total = np.matmul(kernel[:, :, :terms], columns[:, :terms])
    for k in range(terms, kernel.shape[2], terms):
        part = np.matmul(kernel[:, :, k : k + terms], columns[:, k : k + terms])
        total = total.astype(np.float64, copy=False) + part
    return total


def _im2col(taps: np.ndarray, groups: int) -> np.ndarray:
    """Windows [N, C, rows, Wo, kh, kw] as float32 columns [groups, C/groups*kh*kw, N*rows*Wo]."""
    n, c, height, width, kh, kw = taps.shape
    columns = np.ascontiguousarray(taps.transpose(1, 4, 5, 0, 2, 3))
    return columns.reshape(groups, c // groups * kh * kw, n * height * width).astype(np.float32)


def conv(op: ir.Conv, x: np.ndarray, residual: np.ndarray | None = None) -> np.ndarray:
    """An `ir.Conv` on int8 [N, Cin, H, W] (and its residual [N, Cout, Ho, Wo]): int8 [N, Cout, Ho,
    Wo].

    Raises OverflowError where a sum, or a sum with its bias, does not fit the hardware's 32-bit
    accumulator.
    """
    sums = conv_sums(x, op.weight, op.stride, op.pads, op.dilation, op.groups, op.pad_value)
    biased = sums + _channels(op.bias)
    for values in (sums, biased):
        if values.min() < -(1 << 31) or values.max() >= 1 << 31:
            raise OverflowError(
                f"{op.name}: an accumulator of [{values.min()}, {values.max()}] does not fit 32 "
                "bits"
            )
    first = requantise(
        biased, _channels(op.mantissa), _channels(op.shift), op.zero, op.low, op.high
    )
    return first if op.second is None else second_stage(op.second, first, residual)


def second_stage(
    second: ir.Second, first: np.ndarray, residual: np.ndarray | None = None
) -> np.ndarray:
    """``clamp(zero + rhe((q*ma + r*mb + c) / 2**shift), low, high)`` on int8 maps q (and r)."""
    total = first.astype(np.int64) * second.ma + second.c
    if second.residual is not None and residual is not None:
        total += residual.astype(np.int64) * second.mb
    return requantise(total, 1, second.shift, second.zero, second.low, second.high)


def _channels(values: np.ndarray) -> np.ndarray:
    """Per-channel parameters [C] as int64 [1, C, 1, 1]."""
    return np.asarray(values, np.int64).reshape(1, -1, 1, 1)
