"""Depthwise convolution on the vector engine: sums against onnxruntime (integer-valued floats,
exact), the requantisation against exact rationals.
"""

import numpy as np
import pytest
from references import exact_map, int8, onnx_op

from hwcnn import ir
from hwcnn.golden.depthwise import depthwise


@pytest.mark.parametrize(
    "channels, kernel, stride, pads, dilation",
    [
        (5, (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
        (3, (5, 2), (2, 1), (2, 0, 1, 1), (1, 1)),
        (4, (3, 3), (1, 2), (2, 0, 2, 3), (2, 3)),
    ],
)
def test_against_onnxruntime_and_rationals(channels, kernel, stride, pads, dilation):
    rng = np.random.default_rng(1)
    x, weight = int8(rng, 2, channels, 9, 11), int8(rng, channels, 1, *kernel)
    mantissa, c = (
        rng.integers(1 << 16, 1 << 17, channels),
        rng.integers(-1 << 39, 1 << 39, channels),
    )
    shift = rng.integers(24, 33, channels)
    op = ir.Depthwise(
        "d", "x", "y", weight, mantissa, c, shift, 7, -100, 110, stride, pads, dilation, 0
    )
    sums = onnx_op(
        "Conv",
        x.astype(np.float32),
        weight.astype(np.float32),
        group=channels,
        strides=stride,
        pads=pads,
        dilations=dilation,
    ).astype(np.int64)
    column = (slice(None), None, None)
    expected = exact_map(sums * mantissa[column] + c[column], shift[column], 7, -100, 110)
    np.testing.assert_array_equal(depthwise(op, x), expected)
