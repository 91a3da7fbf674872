"""LRN: the index by its definition, the table's fields, and results at most 1 off from
onnxruntime's float LRN.
"""

import numpy as np
import pytest
from references import exact_map, int8, onnx_op

from hwcnn import ir
from hwcnn.golden.lrn import lrn, lrn_index, lrn_table, segment_starts

#: The largest sum that the hardware can form: five squares of a difference of two int8.
LARGEST = 5 * 255**2


def index_by_definition(total):
    if total < 128:
        return total
    e = total.bit_length() - 1 - 6
    return 64 * e + (total >> e)


def test_index_follows_its_definition_and_fits_the_table():
    totals = np.concatenate([np.arange(5000), np.arange(5000, LARGEST, 37), [LARGEST]])
    np.testing.assert_array_equal(lrn_index(totals), [index_by_definition(int(t)) for t in totals])
    assert lrn_index(LARGEST) < 1024


def test_segments_partition_the_sums():
    starts = segment_starts()
    np.testing.assert_array_equal(lrn_index(starts), np.arange(1024))
    np.testing.assert_array_equal(lrn_index(starts[1:] - 1), np.arange(1023))


CASES = [  # size, alpha, beta, bias, x scale, x zero
    (5, 1e-4, 0.75, 1.0, 0.4, -128),
    (5, 1e-4, 0.75, 2.0, 3.0, -128),
    (3, 0.05, 0.75, 1.0, 1.0, 0),
    (5, 1.0, 0.5, 1.0, 0.1, 20),
    (3, 2e-5, 1.0, 1.0, 8.0, -100),
    (5, 1e-3, 0.75, 0.001, 1.0, -3),
    (1, 0.5, 0.75, 1.0, 0.2, 7),
]


@pytest.mark.parametrize("size, alpha, beta, bias, x_scale, x_zero", CASES)
def test_close_to_onnxruntime(size, alpha, beta, bias, x_scale, x_zero):
    rng = np.random.default_rng(size)
    spread = np.array([4, 30, 255])[rng.integers(0, 3, (1, 1, 8, 8))]
    x = np.clip(x_zero + rng.integers(-255, 256, (2, 11, 8, 8)) * spread // 255, -128, 127).astype(
        np.int8
    )
    real = (x.astype(np.float32) - x_zero) * np.float32(x_scale)
    expected = onnx_op("LRN", real, size=size, alpha=alpha, beta=beta, bias=bias)
    y_scale = (expected.max() - min(expected.min(), 0)) / 255
    y_zero = int(np.rint(-128 - min(expected.min(), 0) / y_scale))
    table, shift = lrn_table(size, alpha, beta, bias, x_scale, y_scale)
    result = lrn(ir.Lrn("n", "x", "y", size, table, shift, x_zero, y_zero), x)
    ideal = np.clip(np.rint(expected / y_scale) + y_zero, -128, 127)
    error = np.abs(result - ideal)
    assert error.max() <= 1
    assert (error != 0).mean() < 0.2


@pytest.mark.parametrize("size, alpha, beta, bias, x_scale, x_zero", CASES)
def test_table_fits_the_hardware(size, alpha, beta, bias, x_scale, x_zero):
    table, shift = lrn_table(size, alpha, beta, bias, x_scale, 0.05)
    assert table.shape == (1024,)
    assert table.dtype == np.int64
    assert table.min() >= 0
    assert 1 << 16 <= table.max() < 1 << 17
    assert 0 <= shift < 64


def test_exact_by_definition():
    rng = np.random.default_rng(1)
    x, table = int8(rng, 1, 7, 2, 3), rng.integers(0, 1 << 17, 1024)
    d = x.astype(np.int64) + 5
    gains = np.empty_like(d)
    for n, c, h, w in np.ndindex(*x.shape):
        total = int(sum(d[n, k, h, w] ** 2 for k in range(max(0, c - 2), min(7, c + 3))))
        gains[n, c, h, w] = table[index_by_definition(total)]
    expected = exact_map(d * gains, 17, 6)
    np.testing.assert_array_equal(lrn(ir.Lrn("n", "x", "y", 5, table, 17, -5, 6), x), expected)
