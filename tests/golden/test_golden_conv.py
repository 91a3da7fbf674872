"""Convolution against onnxruntime (integer-valued floats, exact), a loop of Python integers, and
QLinearConv.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from references import exact_map, int8, onnx_op

from hwcnn import ir
from hwcnn.golden import conv as golden


def make_conv(rng, weight, mantissa=None, shift=None, **kwargs):
    c = weight.shape[0]
    mantissa = rng.integers(1 << 16, 1 << 17, c) if mantissa is None else mantissa
    shift = rng.integers(22, 30, c) if shift is None else shift
    bias = rng.integers(-20000, 20000, c).astype(np.int32)
    return ir.Conv("c", "x", "y", weight, bias, mantissa, shift, **kwargs)


def loop_sums(x, op):
    """The sums of products, one tap at a time."""
    (sh, sw), (dh, dw), (top, left, bottom, right) = op.stride, op.dilation, op.pads
    n, _, height, width = x.shape
    c_out, c_in, kh, kw = op.weight.shape
    rows = (height + top + bottom - (kh - 1) * dh - 1) // sh + 1
    cols = (width + left + right - (kw - 1) * dw - 1) // sw + 1
    sums = np.zeros((n, c_out, rows, cols), np.int64)
    for b, o, y, xx, c, ky, kx in itertools.product(
        *map(range, (n, c_out, rows, cols, c_in, kh, kw))
    ):
        channel = o // (c_out // op.groups) * c_in + c
        iy, ix = y * sh + ky * dh - top, xx * sw + kx * dw - left
        tap = int(x[b, channel, iy, ix]) if 0 <= iy < height and 0 <= ix < width else op.pad_value
        sums[b, o, y, xx] += tap * int(op.weight[o, c, ky, kx])
    return sums


def loop_scaled(x, op):
    """(sums + bias) * mantissa, and the shifts, for `exact_map`."""
    column = (slice(None), None, None)
    return (loop_sums(x, op) + op.bias[column].astype(np.int64)) * op.mantissa[column], op.shift[
        column
    ]


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_sums_equal_onnxruntime(data):
    draw = data.draw
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    depthwise = draw(st.booleans())
    c_in, c_out = (
        (groups, groups * draw(st.integers(1, 2)))
        if depthwise
        else (groups * draw(st.integers(1, 5)), groups * draw(st.integers(1, 5)))
    )
    kernel, stride, dilation = (
        draw(st.tuples(st.integers(1, n), st.integers(1, n))) for n in (4, 3, 2)
    )
    pads = draw(st.tuples(*[st.integers(0, 3)] * 4))
    size = [draw(st.integers((k - 1) * d + 1, 10)) for k, d in zip(kernel, dilation, strict=True)]
    x = int8(rng, draw(st.integers(1, 2)), c_in, *size)
    weight = int8(rng, c_out, c_in // groups, *kernel)
    pad_value = draw(st.integers(-128, 127))
    sums = golden.conv_sums(x, weight, stride, pads, dilation, groups, pad_value)
    top, left, bottom, right = pads
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=pad_value)
    expected = onnx_op(
        "Conv",
        padded.astype(np.float32),
        weight.astype(np.float32),
        strides=stride,
        dilations=dilation,
        group=groups,
    )
    np.testing.assert_array_equal(sums, expected)


@pytest.mark.parametrize(
    "groups, stride, dilation, pads",
    [
        (1, (1, 1), (1, 1), (0, 0, 0, 0)),
        (1, (2, 1), (1, 2), (1, 0, 2, 1)),
        (2, (1, 2), (2, 1), (0, 3, 1, 2)),
        (4, (1, 1), (1, 1), (1, 1, 1, 1)),
    ],
)
def test_conv_equals_a_loop_of_integers(groups, stride, dilation, pads):
    rng = np.random.default_rng(groups)
    x = int8(rng, 2, 4, 6, 7)
    op = make_conv(
        rng,
        int8(rng, 8, 4 // groups, 3, 2),
        stride=stride,
        dilation=dilation,
        pads=pads,
        groups=groups,
        pad_value=-7,
        zero=5,
        low=-100,
        high=90,
    )
    expected = exact_map(*loop_scaled(x, op), 5, -100, 90)
    np.testing.assert_array_equal(golden.conv(op, x), expected)
    assert len(np.unique(expected)) > 20


@pytest.mark.parametrize("residual", [None, "r"])
def test_second_stage(residual):
    rng = np.random.default_rng(3)
    x, r = int8(rng, 1, 3, 5, 5), int8(rng, 1, 4, 5, 5)
    second = ir.Second(
        residual, ma=70000, mb=-51234, c=-123456, shift=17, zero=-9, low=-90, high=100
    )
    op = make_conv(rng, int8(rng, 4, 3, 1, 1), zero=1, second=second)
    total = exact_map(*loop_scaled(x, op), 1) * 70000 - 123456
    inputs = [x]
    if residual is not None:
        inputs.append(r)
        total += r.astype(np.int64) * -51234
    np.testing.assert_array_equal(golden.conv(op, *inputs), exact_map(total, 17, -9, -90, 100))


def test_power_of_two_scales_equal_qlinearconv():
    """With a multiplier that is exact in both, QLinearConv (rounding half to even) gives the same
    bytes.
    """
    rng = np.random.default_rng(5)
    x, weight = int8(rng, 2, 6, 9, 9), int8(rng, 8, 6, 3, 3, low=-127)
    zero_x, zero_y = 11, -4
    bias = rng.integers(-3000, 3000, 8).astype(np.int32)
    f32, i8 = np.float32, np.int8
    expected = onnx_op(
        "QLinearConv",
        x,
        f32(0.5),
        i8(zero_x),
        weight,
        np.full(8, 0.25, f32),
        np.zeros(8, i8),
        f32(64),
        i8(zero_y),
        bias,
        dtype=i8,
        pads=[1, 1, 1, 1],
    )
    folded = bias - zero_x * weight.astype(np.int64).sum(axis=(1, 2, 3))
    op = ir.Conv(
        "c",
        "x",
        "y",
        weight,
        folded.astype(np.int32),
        np.full(8, 1 << 16),
        np.full(8, 25),
        zero_y,
        pads=(1, 1, 1, 1),
        pad_value=zero_x,
    )
    np.testing.assert_array_equal(golden.conv(op, x), expected)


def test_chunks_do_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(7)
    x, weight = int8(rng, 2, 8, 9, 9), int8(rng, 12, 4, 3, 3)
    args = x, weight, (1, 1), (1, 1, 1, 1), (1, 1), 2
    whole = golden.conv_sums(*args)
    monkeypatch.setattr(golden, "CHUNK_BYTES", 4000)
    np.testing.assert_array_equal(golden.conv_sums(*args), whole)


def test_large_sums_stay_exact():
    """All products 2**14 but one of 1: float32 would lose it."""
    x = np.full((1, 30000, 1, 1), -128, np.int8)
    weight = np.full((1, 30000, 1, 1), -128, np.int8)
    x[0, 0] = weight[0, 0] = 1
    assert golden.conv_sums(x, weight).item() == 29999 * 16384 + 1


@pytest.mark.parametrize("channels, bias", [(131072, 0), (131071, 16384)])
def test_accumulator_overflow_is_refused(channels, bias):
    x = np.full((1, channels, 1, 1), -128, np.int8)
    op = ir.Conv("big", "x", "y", x, np.array([bias], np.int32), np.array([1]), np.array([0]), 0)
    with pytest.raises(OverflowError, match="big"):
        golden.conv(op, x)
