"""Pads of channels, long pads, and maps joined along rows and columns, from float ONNX to the ISA
engine: exact.
"""

import numpy as np
import pytest
from float_nets import Net
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.quantise.float_to_qdq import quantise


@pytest.mark.parametrize(
    "pads",
    [
        [0, 0, 0, 0, 0, 5, 0, 0],
        [0, 2, 1, 2, 0, 3, 1, 0],
        [0, -1, 0, 0, 0, 2, 0, 0],
        [0, -2, 0, 0, 0, -2, 0, -1],
    ],
)
def test_channels(pads):
    net = Net(1, 3, 9, 10)
    net.conv(3, 6, 3, 3)
    padded = net.node("Pad", net.x, net.const(pads, np.int64), net.const(0.0))
    net.conv(6 + pads[1] + pads[5], 4, 1, 1)
    _, steps = run(net, padded, net.x)
    assert [s.max() for s in steps] == [0, 0]


def test_channels_of_a_vector():
    net = Net(1, 7)
    net.gemm(7, 5)
    net.node("Pad", net.x, net.const([0, 1, 0, 2], np.int64))
    assert run(net)[1][0].max() == 0


def test_other_constants_than_zero():
    """A constant that int8 holds exactly: the largest of the map."""
    net = Net(1, 3, 4, 4)
    clipped = net.node("Clip", net.conv(3, 6, 1, 1), net.const(0.0), net.const(0.5))
    net.node("Pad", clipped, net.const([0, 1, 0, 0, 0, 0, 0, 0], np.int64), net.const(0.5))
    graph, steps = run(net)
    assert steps[0].max() == 0
    assert graph.tensors[graph.outputs[0]].shape == (1, 7, 4, 4)


def test_a_shortcut_of_averages_and_zero_channels():
    """As in dlib's ResNet; the sum is the convolution's second stage."""
    net = Net(1, 3, 16, 16)
    x = net.conv(3, 8, 3, 3, pads=[1] * 4)
    right = net.conv(8, 16, 3, 3, pads=[1] * 4, strides=[2, 2])
    left = net.node("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    left = net.node("Pad", left, net.const([0, 0, 0, 0, 0, 8, 0, 0], np.int64))
    net.node("Relu", net.node("Add", right, left))
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert sum(isinstance(op, ir.Eltwise) for op in graph.ops) == 0


@pytest.mark.parametrize("pads", [[0, 0, 0, 0, 0, 0, 300, 0], [0, 0, 280, 0, 0, 0, 20, 3]])
def test_long_pads(pads):
    """Some tiles see nothing but padding."""
    net = Net(1, 3, 40, 4)
    net.node("Pad", net.conv(3, 6, 1, 1), net.const(pads, np.int64))
    assert run(net)[1][0].max() == 0


@pytest.mark.parametrize("axis", [2, -1])
@pytest.mark.parametrize("parts", [2, 3])
def test_rows_and_columns_joined(axis, parts):
    net = Net(1, 3, 9, 9)
    x = net.conv(3, 6, 3, 3)
    xs = [x, net.node("Relu", net.conv(3, 6, 3, 3, x="x")), net.node("Sigmoid", x)]
    net.node("Relu", net.node("Concat", *xs[:parts], axis=axis))
    net.conv(6, 4, 3, 3)
    assert run(net)[1][0].max() <= 1


def test_images_are_not_joined():
    net = Net(1, 3, 4, 4)
    net.node("Concat", net.conv(3, 6, 1, 1), net.conv(3, 6, 1, 1, x="x"), axis=0)
    with pytest.raises(InputError, match="axis 0"):
        quantise(net.model())


@pytest.mark.parametrize(
    ("before", "options"),
    [
        # windows of equal taps and different divisors
        (None, {"pads": [1, 1, 1, 1], "count_include_pad": 1, "ceil_mode": 1}),
        (None, {"pads": [2, 1, 0, 2], "count_include_pad": 1, "ceil_mode": 1}),
        (None, {"pads": [0, 1, 2, 0], "ceil_mode": 1}),
        # a Pad in front, whose zeros count, and pads that do not
        ([2, 0, 1, 3], {"pads": [1, 0, 1, 1]}),
        ([1, 1, 1, 1], {"auto_pad": "SAME_UPPER"}),
        ([1, 1, 1, 1], {"pads": [1, 0, 1, 1], "ceil_mode": 1, "count_include_pad": 1}),
    ],
)
def test_averages_of_padded_maps(before, options):
    net = Net(1, 3, 9, 8)
    net.conv(3, 5, 3, 3)
    if before is not None:
        top, left, bottom, right = before
        widths = net.const([0, 0, top, left, 0, 0, bottom, right], np.int64)
        net.node("Pad", net.x, widths, net.const(0.0))
    net.node("AveragePool", kernel_shape=[3, 3], strides=[2, 2], **options)
    _, steps = run(net)
    assert steps[0].max() <= 1 and (steps[0] > 0).mean() < 0.02
