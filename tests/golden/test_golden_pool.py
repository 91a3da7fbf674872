"""Pooling against onnxruntime: maxima and sums are exact there, the requantisation is checked with
rationals.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import exact_map, int8, onnx_op

from hwcnn import ir
from hwcnn.fixedpoint import multiplier
from hwcnn.golden.pool import pool


@st.composite
def pool_cases(draw):
    kernel, stride = (draw(st.tuples(st.integers(1, 4), st.integers(1, 4))) for _ in range(2))
    pads = tuple(draw(st.integers(0, (k - 1) // 2)) for k in kernel * 2)
    size = tuple(draw(st.integers(k, 11)) for k in kernel)
    attributes = dict(
        kernel_shape=kernel, strides=stride, pads=pads, ceil_mode=draw(st.integers(0, 1))
    )
    return attributes, size, draw(st.integers(0, 1 << 20))


@given(pool_cases())
@settings(max_examples=60, deadline=None)
def test_max_equals_onnxruntime(case):
    attributes, size, seed = case
    x = int8(np.random.default_rng(seed), 2, 3, *size)
    best = onnx_op("MaxPool", x.astype(np.float32), **attributes).astype(np.int64)
    mantissa, shift = multiplier(0.75)
    op = ir.Pool(
        "p",
        "x",
        "y",
        "max",
        attributes["kernel_shape"],
        attributes["strides"],
        attributes["pads"],
        {0: (int(mantissa), int(shift))},
        x_zero=-20,
        zero=3,
        low=-60,
        high=110,
    )
    expected = exact_map((best + 20) * int(mantissa), shift, 3, -60, 110)
    np.testing.assert_array_equal(pool(op, x, best.shape[2:]), expected)


@given(pool_cases(), st.booleans())
@settings(max_examples=60, deadline=None)
def test_average_equals_onnxruntime(case, include_pad):
    attributes, size, seed = case
    attributes["ceil_mode"] = 0 if include_pad else attributes["ceil_mode"]
    x = int8(np.random.default_rng(seed), 2, 3, *size)
    real = x.astype(np.float32) + 20
    mean = onnx_op("AveragePool", real, count_include_pad=int(include_pad), **attributes)
    kernel, stride, pads = attributes["kernel_shape"], attributes["strides"], attributes["pads"]
    area = kernel[0] * kernel[1]
    taps = np.rint(_valid_taps(attributes, size, mean.shape[2:])).astype(int)
    ratios = {n: multiplier(0.8 / (area if include_pad else n)) for n in range(1, area + 1)}
    multipliers = {n: (int(m), int(s)) for n, (m, s) in ratios.items()}
    op = ir.Pool("p", "x", "y", "average", kernel, stride, pads, multipliers, x_zero=-20, zero=3)
    sums = np.rint(mean * (area if include_pad else taps)).astype(np.int64)
    mantissa, shift = (np.vectorize(lambda n, k=k: multipliers[n][k])(taps) for k in (0, 1))
    result = pool(op, x, mean.shape[2:])
    np.testing.assert_array_equal(
        result, exact_map(sums * mantissa, np.broadcast_to(shift, sums.shape), 3)
    )
    assert np.abs(result - np.clip(np.rint(mean * 0.8) + 3, -128, 127)).max() <= 1


def _valid_taps(attributes, size, out_size):
    """Taps inside the map, one window at a time."""
    (kh, kw), (sh, sw), (top, left, _, _) = (
        attributes["kernel_shape"],
        attributes["strides"],
        attributes["pads"],
    )
    taps = np.zeros(out_size)
    for y, x in np.ndindex(*out_size):
        rows = [r for r in range(y * sh - top, y * sh - top + kh) if 0 <= r < size[0]]
        cols = [c for c in range(x * sw - left, x * sw - left + kw) if 0 <= c < size[1]]
        taps[y, x] = len(rows) * len(cols)
    return taps


def test_global_average():
    rng = np.random.default_rng(1)
    x = int8(rng, 2, 5, 7, 7)
    sums = onnx_op("ReduceSum", x.astype(np.int64) - 9, np.array([2, 3]), dtype=np.int64)
    op = ir.Pool(
        "p", "x", "y", "average", (7, 7), (1, 1), (0, 0, 0, 0), {49: (70000, 21)}, x_zero=9, zero=-1
    )
    np.testing.assert_array_equal(pool(op, x, (1, 1)), exact_map(sums * 70000, 21, -1))


@pytest.mark.parametrize("out", [5, 4])
def test_rows_that_no_window_reaches_are_ignored(out):
    """A floor-mode pool with pads that the last window does not need, and a smaller declared
    output.
    """
    x = int8(np.random.default_rng(2), 1, 1, 9, 9)
    op = ir.Pool(
        "p", "x", "y", "max", (2, 2), (2, 2), (1, 1, 1, 1), {0: (1 << 16, 16)}, x_zero=0, zero=0
    )
    expected = onnx_op(
        "MaxPool", x.astype(np.float32), kernel_shape=(2, 2), strides=(2, 2), pads=(1, 1, 1, 1)
    )
    np.testing.assert_array_equal(pool(op, x, (out, out)), expected[:, :, :out, :out])
