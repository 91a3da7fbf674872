"""Maps whose channels are split over two axes, as in networks with several branches in one tensor:
from float ONNX to the ISA engine.
"""

import numpy as np
from float_nets import Net
from to_program import run

from hwcnn import ir


def ints(net, *values):
    return net.const(values, np.int64)


def exact(net, *kinds):
    """Asserts that these operations follow the convolutions at the beginning."""
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert tuple(type(op) for op in graph.ops[-len(kinds) :]) == kinds


def test_branches_weighted_by_channel():
    """Split attention, as in ResNeSt (Zhang et al., 2020), with a sigmoid."""
    net = Net(1, 3, 8, 9)
    split = net.node("Reshape", net.conv(3, 12, 3, 3, pads=[1] * 4), ints(net, 1, 2, 6, 8, 9))
    net.node("GlobalAveragePool", net.node("ReduceSum", split, ints(net, 1), keepdims=0))
    weights = net.node("Sigmoid", net.conv(6, 12, 1, 1))
    weights = net.node("Reshape", weights, ints(net, 1, 2, 6, 1, 1))
    net.node("ReduceSum", net.node("Mul", split, weights), ints(net, 1), keepdims=0)
    exact(net, ir.Conv, ir.Pool, ir.Conv, ir.Lut, ir.Eltwise, ir.Conv)


def test_branches_put_together_and_added():
    """As in SKNet (Li et al., 2019)."""
    net = Net(1, 3, 8, 9)
    branches = [net.conv(3, 6, k, k, x="x", pads=[k // 2] * 4) for k in (3, 1)]
    branches = [net.node("Unsqueeze", branch, ints(net, 1)) for branch in branches]
    net.node("ReduceSum", net.node("Concat", *branches, axis=1), ints(net, 1), keepdims=0)
    exact(net, ir.Concat, ir.Conv)


def test_neighbouring_channels_averaged():
    """As in FishNet (Sun et al., 2018), but for its sums."""
    net = Net(1, 3, 8, 9)
    net.node("Reshape", net.conv(3, 12, 1, 1), ints(net, 1, 4, 3, 8, 9))
    net.node("ReduceMean", axes=[2], keepdims=0)
    net.conv(4, 5, 1, 1)
    exact(net, ir.Conv, ir.Conv, ir.Conv)


def test_channels_last():
    net = Net(1, 3, 8, 9)
    net.node("Transpose", net.conv(3, 12, 1, 1), perm=[0, 2, 3, 1])
    net.node("ReduceMean", axes=[3], keepdims=1)
    net.node("Transpose", perm=[0, 3, 1, 2])
    exact(net, ir.Conv, ir.Conv)


def test_channels_and_columns_at_once_are_no_channels_of_a_pixel():
    net = Net(1, 3, 8, 9)
    net.node("Transpose", net.conv(3, 12, 1, 1), perm=[0, 1, 3, 2])
    net.node("ReduceMean", net.node("Transpose", perm=[0, 1, 3, 2]), axes=[1, 3], keepdims=1)
    exact(net, ir.Conv, ir.Conv)


def test_a_product_with_channels_taken_twice():
    net = Net(1, 3, 1, 1)
    net.node("Flatten", net.conv(3, 12, 1, 1))
    net.node("Gather", net.x, ints(net, 1, 5, 1, 2), axis=1)
    net.gemm(4, 5)
    exact(net, ir.Conv, ir.Conv, ir.Conv)
