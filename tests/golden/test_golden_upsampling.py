"""Transposed convolution, cropping and resampling against onnxruntime (integer-valued floats,
exact) and exact rationals.
"""

import numpy as np
import pytest
from references import exact_map, int8, onnx_op

from hwcnn import ir
from hwcnn.golden.conv import conv_sums
from hwcnn.golden.conv_transpose import conv_transpose
from hwcnn.golden.resize import resize


@pytest.mark.parametrize(
    "groups, kernel, stride, dilation, pads, output_padding",
    [
        (1, (2, 2), (2, 2), (1, 1), (0, 0, 0, 0), (0, 0)),
        (1, (3, 4), (2, 3), (1, 1), (1, 0, 2, 1), (1, 2)),
        (2, (3, 3), (1, 2), (2, 1), (1, 1, 0, 0), (0, 1)),
        (6, (4, 4), (2, 2), (1, 1), (1, 1, 1, 1), (0, 0)),
        (1, (1, 2), (3, 2), (1, 1), (0, 0, 0, 0), (2, 0)),
    ],
)
def test_conv_transpose_equals_onnxruntime(groups, kernel, stride, dilation, pads, output_padding):
    rng = np.random.default_rng(groups)
    x, weight = int8(rng, 2, 6, 5, 6), int8(rng, 6, 12 // groups, *kernel)
    bias, zero = rng.integers(-3000, 3000, 12).astype(np.int32), -9
    sums = onnx_op(
        "ConvTranspose",
        x.astype(np.float32) - zero,
        weight.astype(np.float32),
        bias.astype(np.float32),
        strides=stride,
        dilations=dilation,
        pads=pads,
        group=groups,
        output_padding=output_padding,
    )
    mantissa, shift = rng.integers(1 << 16, 1 << 17, 12), rng.integers(24, 26, 12)
    op = ir.ConvTranspose(
        "c",
        "x",
        "y",
        weight,
        bias,
        mantissa,
        shift,
        zero,
        5,
        -100,
        90,
        stride,
        pads[:2],
        dilation,
        groups,
    )
    column = (slice(None), None, None)
    expected = exact_map(
        np.rint(sums).astype(np.int64) * mantissa[column], shift[column], 5, -100, 90
    )
    np.testing.assert_array_equal(conv_transpose(op, x, sums.shape[2:]), expected)
    assert len(np.unique(expected)) > 20


def test_conv_transpose_overflow_is_refused():
    x = np.full((1, 140000, 1, 1), -128, np.int8)
    op = ir.ConvTranspose(
        "big",
        "x",
        "y",
        x.reshape(-1, 1, 1, 1),
        np.zeros(1, np.int32),
        np.array([1]),
        np.array([0]),
        0,
        0,
    )
    with pytest.raises(OverflowError, match="big"):
        conv_transpose(op, x, (1, 1))


@pytest.mark.parametrize("pads", [(-1, -2, -1, 0), (2, -1, -3, 1)])
def test_negative_pads_crop(pads):
    rng = np.random.default_rng(1)
    x, weight = int8(rng, 1, 3, 8, 9), int8(rng, 4, 3, 2, 2)
    (top, left, bottom, right), full = (
        pads,
        np.pad(x, ((0, 0), (0, 0), (3, 3), (3, 3)), constant_values=7),
    )
    expected = onnx_op(
        "Conv",
        full[:, :, 3 - top : 11 + bottom, 3 - left : 12 + right].astype(np.float32),
        weight.astype(np.float32),
    )
    np.testing.assert_array_equal(conv_sums(x, weight, pads=pads, pad_value=7), expected)


def test_resize_equals_onnxruntime():
    """Linear interpolation to twice the size, whose sixteenths float holds exactly."""
    x = int8(np.random.default_rng(2), 2, 3, 5, 6)
    axes = []
    for size in (5, 6):
        position = np.arange(2 * size) * 2 - 1
        index = np.clip(np.stack([position // 4, position // 4 + 1], 1), 0, size - 1)
        axes.append((index, np.stack([4 - position % 4, position % 4], 1)))
    real = onnx_op(
        "Resize",
        x.astype(np.float32) - 11,
        np.zeros(0, np.float32),
        np.float32([1, 1, 2, 2]),
        mode="linear",
    )
    op = ir.Resize("r", "x", "y", *axes, 90000, 21, 11, -3)
    sixteenths = np.rint(real * 16).astype(np.int64)
    np.testing.assert_array_equal(sixteenths, real * 16)
    np.testing.assert_array_equal(resize(op, x), exact_map(sixteenths * 90000, 21, -3))
