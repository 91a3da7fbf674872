"""Element-wise operations, affine, table and concatenation, against rationals and onnxruntime's
QLinear operators.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import exact_map, int8, onnx_op

from hwcnn import ir
from hwcnn.golden.affine import affine
from hwcnn.golden.concat import concat
from hwcnn.golden.eltwise import eltwise
from hwcnn.golden.lut import lut

MULTIPLIER = st.integers(-(1 << 17), (1 << 17) - 1)
TOTAL = {"add": lambda u, v: u + v, "max": max, "min": min}


@given(
    st.sampled_from(["add", "mul", "max", "min"]),
    st.booleans(),
    MULTIPLIER,
    MULTIPLIER,
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.integers(0, 30),
    st.integers(0, 1 << 20),
)
@settings(max_examples=60, deadline=None)
def test_eltwise_equals_rationals(kind, broadcast, ma, mb, c, shift, seed):
    rng = np.random.default_rng(seed)
    a, b = int8(rng, 2, 3, 2, 2), int8(rng, 2, 3, *((1, 1) if broadcast else (2, 2)))
    op = ir.Eltwise("e", "a", "b", "y", kind, 17, -30, ma, mb, c, shift, zero=-6, low=-90, high=111)
    pairs = [
        (int(u) + 17, int(v) - 30)
        for u, v in zip(a.ravel(), np.broadcast_to(b, a.shape).ravel(), strict=True)
    ]
    totals = [
        u * v * mb + c if kind == "mul" else TOTAL[kind](u * ma, v * mb) + c for u, v in pairs
    ]
    expected = exact_map(np.array(totals, object).reshape(a.shape), shift, -6, -90, 111)
    np.testing.assert_array_equal(eltwise(op, a, b), expected)


@pytest.mark.parametrize(
    "kind, op_type, ma, mb", [("add", "Add", 1 << 15, 1 << 13), ("mul", "Mul", 0, 1 << 10)]
)
def test_power_of_two_scales_equal_onnx(kind, op_type, ma, mb):
    """a at scale 1/2, b at 1/8, result at 1: dequantise, operate, quantise is exact in float."""
    rng = np.random.default_rng(2)
    a, b = int8(rng, 2, 4, 5, 5), int8(rng, 2, 4, 5, 5)
    real = onnx_op(op_type, (a.astype(np.float32) - 3) * 0.5, (b.astype(np.float32) + 8) * 0.125)
    expected = onnx_op("QuantizeLinear", real, np.float32(1), np.int8(-5), dtype=np.int8)
    shift = 16 if kind == "add" else 14
    op = ir.Eltwise("e", "a", "b", "y", kind, -3, 8, ma, mb, 0, shift, zero=-5)
    np.testing.assert_array_equal(eltwise(op, a, b), expected)


def test_unknown_eltwise_is_refused():
    x = np.zeros((1, 1, 1, 1), np.int8)
    with pytest.raises(ValueError, match="'sub'"):
        eltwise(ir.Eltwise("e", "a", "b", "y", "sub", 0, 0, 1, 1, 0, 0, 0), x, x)


@given(st.integers(0, 1 << 20))
@settings(max_examples=20, deadline=None)
def test_affine_equals_rationals(seed):
    rng = np.random.default_rng(seed)
    x = int8(rng, 2, 5, 3, 2)
    mantissa, c = rng.integers(-(1 << 17), 1 << 17, 5), rng.integers(-(1 << 31), 1 << 31, 5)
    shift = rng.integers(10, 26, 5)
    op = ir.Affine("a", "x", "y", mantissa, c, shift, zero=4, low=-100, high=100)
    column = (slice(None), None, None)
    expected = exact_map(
        x.astype(np.int64) * mantissa[column] + c[column], shift[column], 4, -100, 100
    )
    np.testing.assert_array_equal(affine(op, x), expected)


def test_lut_indexes_from_minus_128():
    table = np.random.default_rng(0).permutation(256).astype(np.uint8).view(np.int8)
    x = np.arange(-128, 128, dtype=np.int8).reshape(1, 16, 4, 4)
    np.testing.assert_array_equal(lut(ir.Lut("l", "x", "y", table), x).ravel(), table)


def test_concat_is_onnx_concat():
    rng = np.random.default_rng(4)
    parts = [int8(rng, 2, c, 3, 4) for c in (3, 1, 8)]
    np.testing.assert_array_equal(concat(*parts), onnx_op("Concat", *parts, dtype=np.int8, axis=1))
