"""Maps repeated along an axis to meet another, from float ONNX to the ISA engine: exact."""

import numpy as np
import pytest
from float_nets import Net
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.quantise.float_to_qdq import quantise


def operand(net, channels, pixels):
    """A map of 9x10 pixels, or its averages."""
    conv = net.conv(3, channels, 3, 3, pads=[1] * 4, x="x")
    return conv if pixels else net.node("GlobalAveragePool", conv)


@pytest.mark.parametrize("op", ["Mul", "Sub", "Max"])
@pytest.mark.parametrize(
    "a, b",
    [
        ((6, True), (1, True)),
        ((1, True), (6, True)),
        ((6, False), (1, True)),
        ((6, True), (1, False)),
        ((1, False), (6, False)),
    ],
)
def test_operands_of_other_channels_or_pixels(op, a, b):
    net = Net(1, 3, 9, 10)
    net.node(op, operand(net, *a), operand(net, *b))
    assert run(net)[1][0].max() <= 1


def test_a_map_times_the_average_and_the_largest_of_its_channels():
    """Spatial attention, as CBAM has it (Woo et al., 2018)."""
    net = Net(1, 3, 9, 10)
    x = net.conv(3, 10, 3, 3, pads=[1] * 4)
    squeezed = [net.node(op, x, axes=[1], keepdims=1) for op in ("ReduceMean", "ReduceMax")]
    net.node("Concat", *squeezed, axis=1)
    net.node("Mul", x, net.node("Sigmoid", net.conv(2, 1, 7, 7, pads=[3] * 4)))
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert isinstance(graph.ops[-1], ir.Eltwise)


def test_a_large_map_times_one_channel():
    net = Net(1, 1, 120, 100)
    net.node("Mul", net.conv(1, 6, 1, 1), net.node("Sigmoid", net.conv(1, 1, 1, 1, x="x")))
    assert run(net)[1][0].max() <= 1


def test_averages_that_are_expanded_cost_nothing():
    net = Net(1, 3, 40, 40)
    x = operand(net, 6, True)
    net.node("Sigmoid", net.node("GlobalAveragePool", x))
    net.node("Mul", net.node("Expand", net.x, net.const([1, 6, 40, 40], np.int64)), x)
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert [type(op) for op in graph.ops[1:]] == [ir.Pool, ir.Lut, ir.Eltwise]


def test_two_expanded_averages_are_a_map():
    net = Net(1, 3, 5, 6)
    shape = net.const([1, 6, 5, 6], np.int64)
    operands = [net.node("Expand", operand(net, 6, False), shape) for _ in range(2)]
    net.node("Add", *operands)
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert graph.onnx_outputs[0][1] == (1, 6, 5, 6)


def test_tiles_of_a_map():
    net = Net(1, 3, 6, 5)
    net.node("Tile", net.conv(3, 6, 1, 1), net.const([1, 1, 2, 3], np.int64))
    assert run(net)[1][0].max() == 0


def test_channels_and_rows_repeated_at_once_are_refused():
    net = Net(1, 3, 5, 5)
    net.node("Tile", net.conv(3, 6, 1, 1), net.const([1, 2, 2, 1], np.int64))
    with pytest.raises(InputError, match="another layout"):
        quantise(net.model())
