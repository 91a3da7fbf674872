"""Dilated and reducing pools, and slopes a channel, from float ONNX to the ISA engine."""

import numpy as np
import pytest
from float_nets import Net
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.quantise.float_to_qdq import quantise


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_shape": [3, 3], "dilations": [2, 2]},
        {"kernel_shape": [3, 2], "dilations": [2, 3], "strides": [2, 1], "pads": [2, 1, 1, 1]},
        {"kernel_shape": [1, 3], "dilations": [1, 2], "strides": [2, 2]},
        {"kernel_shape": [3, 1], "dilations": [2, 1], "pads": [1, 0, 1, 0]},
        {"kernel_shape": [2, 2], "dilations": [3, 3], "strides": [2, 2], "ceil_mode": 1},
    ],
)
def test_dilated_max_pool(settings):
    net = Net(1, 3, 9, 10)
    net.conv(3, 6, 1, 1)
    net.node("MaxPool", **settings)
    pooled = net.x
    net.conv(6, 4, 1, 1)
    _, (of_pool, _) = run(net, pooled, net.x)
    assert of_pool.max() == 0


def test_dilated_max_pool_takes_a_relu():
    net = Net(1, 3, 9, 10)
    net.conv(3, 6, 1, 1)
    net.node("Relu", net.node("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]))
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert sum(isinstance(op, ir.Eltwise) for op in graph.ops) == 2


def test_dilated_average_pool():
    net = Net(1, 3, 9, 10, opset=19)
    net.conv(3, 6, 1, 1)
    net.node(
        "AveragePool", kernel_shape=[3, 2], dilations=[2, 2], pads=[1, 1, 1, 1], count_include_pad=1
    )
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert graph.ops[-1].dilation == (2, 2)


@pytest.mark.parametrize("op", ["ReduceMean", "ReduceSum", "ReduceL1", "ReduceMax", "ReduceMin"])
@pytest.mark.parametrize(
    "axes, keep", [([2, 3], 0), ([-1], 0), ([2], 1), ([1], 1), ([1, 2, 3], 1), ([1, 3], 0)]
)
def test_reduction(op, axes, keep):
    net = Net(1, 3, 9, 10)
    net.conv(3, 6, 1, 1)
    if op == "ReduceSum":
        net.node(op, net.x, net.const(axes, np.int64), keepdims=keep)
    else:
        net.node(op, axes=axes, keepdims=keep)
    assert run(net)[1][0].max() <= 1


@pytest.mark.parametrize("channels", [1, 2, 3, 13])
def test_largest_of_channels(channels):
    net = Net(1, 3, 9, 10)
    net.node("ReduceMax", net.conv(3, channels, 1, 1), axes=[1], keepdims=1)
    graph, steps = run(net)
    assert steps[0].max() == 0
    assert sum(isinstance(op, ir.Eltwise) for op in graph.ops) == int(np.ceil(np.log2(channels)))


def test_a_reduced_row_is_a_map():
    net = Net(1, 3, 9, 10)
    net.node("ReduceMean", net.conv(3, 6, 1, 1), axes=[2], keepdims=0)
    net.conv(6, 4, 3)
    assert run(net)[1][0].max() <= 1


def test_global_max_pool():
    net = Net(1, 3, 17, 20)
    net.node("GlobalMaxPool", net.conv(3, 6, 1, 1))
    assert run(net)[1][0].max() == 0


@pytest.mark.parametrize(
    "settings",
    [
        {"kernel_shape": [2, 2]},
        {"kernel_shape": [3, 2], "strides": [2, 1], "pads": [1, 0, 1, 1]},
        {"kernel_shape": [2, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
        {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1},
    ],
)
def test_sum_of_absolute_values(settings):
    net = Net(1, 3, 9, 10, opset=18)
    net.node("LpPool", net.conv(3, 6, 1, 1), p=1, **settings)
    net.conv(6, 4, 1, 1)
    _, steps = run(net, net.nodes[1].output[0], net.x)
    assert steps[0].max() <= 1
    assert steps[1].max() <= 1
    assert (steps[0] > 0).mean() < 0.01


def test_global_sum_of_absolute_values():
    net = Net(1, 3, 9, 10)
    net.node("GlobalLpPool", net.conv(3, 6, 1, 1), p=1)
    assert run(net)[1][0].max() <= 1


@pytest.mark.parametrize("op", ["LpPool", "GlobalLpPool"])
def test_sums_of_powers_are_refused(op):
    net = Net(1, 3, 9, 10, opset=18)
    net.node(op, net.conv(3, 6, 1, 1), **({} if op[0] == "G" else {"kernel_shape": [2, 2]}))
    with pytest.raises(InputError, match="p = 2"):
        quantise(net.model())


@pytest.mark.parametrize("low, high, operations", [(0, 0.5, 2), (-0.5, 1.5, 4)])
def test_prelu(low, high, operations):
    net = Net(1, 3, 9, 10)
    net.conv(3, 6, 1, 1)
    net.node("PRelu", net.x, net.const(net.rng.uniform(low, high, (6, 1, 1))))
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert (steps[0] > 0).mean() < 0.05
    assert sum(op.name.startswith("prelu") for op in graph.ops) == operations
