"""Slices, shuffles and other rearrangements of maps, from float ONNX to the ISA engine: exact, and
free where nothing computes.
"""

import numpy as np
import pytest
from float_nets import Net
from onnx import helper
from qdq import Qdq, compare, infer
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.quantise.float_to_qdq import quantise


def ints(net, *values):
    return net.const(values, np.int64)


def shuffle(net, channels, size, groups):
    """ShuffleNet's channel shuffle."""
    net.node("Reshape", net.x, ints(net, 1, groups, channels // groups, size, size))
    net.node("Transpose", perm=[0, 2, 1, 3, 4])
    return net.node("Reshape", net.x, ints(net, 1, channels, size, size))


def sliced(net, starts, ends, axes, steps=None):
    more = [ints(net, *steps)] if steps else []
    return net.node("Slice", net.x, ints(net, *starts), ints(net, *ends), ints(net, *axes), *more)


VIEWS = {
    "channels": (12, 8, lambda net: sliced(net, [3], [10], [1])),
    "channels in steps": (12, 8, lambda net: sliced(net, [1], [100], [1], [3])),
    "crop": (12, 8, lambda net: sliced(net, [2, 1], [-1, 100], [2, 3])),
    "every second pixel": (12, 8, lambda net: sliced(net, [1, 0], [8, 8], [2, 3], [2, 2])),
    "crop and channels": (12, 8, lambda net: sliced(net, [2, 1, 0], [9, 8, 5], [1, 2, 3])),
    "gather": (12, 8, lambda net: net.node("Gather", net.x, ints(net, 7, 2, 2, 11, 0), axis=1)),
    "shuffle": (12, 8, lambda net: shuffle(net, 12, 8, 3)),
    "depth to space": (12, 8, lambda net: net.node("DepthToSpace", blocksize=2)),
    "pixel shuffle": (12, 8, lambda net: net.node("DepthToSpace", blocksize=2, mode="CRD")),
    "space to depth": (3, 8, lambda net: net.node("SpaceToDepth", blocksize=2)),
    "focus": (
        3,
        8,
        lambda net: net.node(
            "Concat",
            *[
                net.node(
                    "Slice",
                    "conv0",
                    ints(net, y, x),
                    ints(net, 8, 8),
                    ints(net, 2, 3),
                    ints(net, 2, 2),
                )
                for y in (0, 1)
                for x in (0, 1)
            ],
            axis=1,
        ),
    ),
    "crop of depth to space": (
        12,
        8,
        lambda net: [net.node("DepthToSpace", blocksize=2), sliced(net, [4], [12], [2])],
    ),
    "pad": (12, 8, lambda net: net.node("Pad", net.x, ints(net, 0, 0, 1, 2, 0, 0, 0, 3))),
    "pad and crop": (
        12,
        8,
        lambda net: net.node("Pad", net.x, ints(net, 0, 0, -1, 2, 0, 0, 1, -3)),
    ),
    "pad by a constant": (
        12,
        8,
        lambda net: net.node("Pad", net.x, ints(net, 0, 0, 1, 2, 0, 0, 0, 3), net.const(1.25)),
    ),
    "edges": (
        12,
        8,
        lambda net: net.node("Pad", net.x, ints(net, 0, 0, 2, 1, 0, 0, 0, 3), mode="edge"),
    ),
    "reflection": (
        12,
        8,
        lambda net: net.node("Pad", net.x, ints(net, 0, 0, 1, 1, 0, 0, 1, 2), mode="reflect"),
    ),
    "a map from a vector": (32, 1, lambda net: net.node("Reshape", net.x, ints(net, 1, 2, 4, 4))),
}


@pytest.mark.parametrize("name", VIEWS)
def test_view(name):
    channels, size, view = VIEWS[name]
    net = Net(1, 5, size, size)
    net.conv(5, channels, 1, 1)
    view(net)
    net.node("Sigmoid", net.node("Relu"))
    net.node("Identity")
    moved = net.x
    graph, steps = run(net, moved)
    if name != "focus":
        assert all(s.max() == 0 for s in steps)
    assert all(s.max() <= 1 for s in steps)
    net.conv(net_channels(graph, moved), 4, 1, 1)
    assert run(net)[1][0].max() <= 1


def net_channels(graph, name):
    (shape,) = [shape for output, shape in graph.onnx_outputs if output == name]
    return shape[1]


def test_split_feeds_two_paths():
    """A channel split and shuffle, as in ShuffleNet v2."""
    net = Net(1, 6, 8, 8)
    net.node("Relu", net.conv(6, 16, 3, 3))
    net.nodes.append(
        helper.make_node("Split", [net.x, ints(net, 8, 8)], ["left", "right"], name="split", axis=1)
    )
    right = net.node("Relu", net.conv(8, 8, 3, 3, x="right", groups=8, pads=[1] * 4))
    net.node("Concat", "left", right, axis=1)
    shuffle(net, 16, 6, 2)
    net.conv(16, 5, 1, 1)
    graph, steps = run(net)
    assert steps[0].max() <= 1
    moved = [op for op in graph.ops if op.name.endswith("/layout")]
    assert len(moved) == 3
    assert not any(ir.macs(op, graph) for op in moved)


def test_a_view_that_only_a_fully_connected_layer_reads_costs_nothing():
    net = Net(1, 3, 4, 4)
    net.conv(3, 6, 1, 1)
    sliced(net, [2, 1], [6, 4], [1, 2])
    net.node("Transpose", perm=[0, 3, 1, 2])
    net.node("Flatten")
    net.gemm(48, 5)
    graph, steps = run(net)
    assert [type(op) for op in graph.ops] == [ir.Conv, ir.Conv]
    assert graph.ops[1].fully_connected
    assert steps[0].max() <= 1


def test_a_view_is_computed_once():
    net = Net(1, 3, 6, 6)
    net.conv(3, 6, 1, 1)
    x = sliced(net, [2], [6], [1])
    a, b = net.conv(4, 5, 1, 1, x=x), net.conv(4, 5, 1, 1, x=x)
    graph, _ = run(net, a, b)
    assert sum(op.name.endswith("/layout") for op in graph.ops) == 1


def test_a_padded_map_that_several_read():
    net = Qdq(3)
    x = net.input(1, 3, 7, 7, zero=5)
    padded = net.q(
        net.node("Pad", [x, net.const([0, 0, 1, 2, 0, 0, 3, 0], np.int64), net.const(0.5)]), 0.05, 5
    )
    conv = net.node("Conv", [padded, net.weight(4, 3, 3, 3)], kernel_shape=[3, 3])
    pool = net.node("MaxPool", [padded], kernel_shape=[2, 2])
    graph, steps = compare(net, net.q(conv, 0.05, -3), net.q(pool, 0.05, 5))
    assert sum(op.name.endswith("/pad") for op in graph.ops) == 1
    assert all(s.max() <= 1 for s in steps)


@pytest.mark.parametrize("perm", [[0, 2, 3, 1], [0, 1, 3, 2]])
def test_a_transposed_map_is_refused(perm):
    net = Net(1, 3, 6, 4)
    net.conv(3, 8, 1, 1)
    net.node("Transpose", perm=perm)
    net.conv({1: 8, 2: 6, 3: 4}[perm[1]], 5, 1, 1)
    with pytest.raises(InputError, match="another layout"):
        quantise(net.model())


def test_softmax_within_a_network_is_refused():
    net = Net(1, 3, 6, 4)
    net.node("Softmax", net.conv(3, 8, 1, 1), axis=1)
    sliced(net, [2], [6], [1])
    net.conv(4, 5, 1, 1)
    with pytest.raises(InputError, match="softmax"):
        quantise(net.model())


def test_a_constant_that_int8_cannot_hold():
    net = Qdq(4)
    x = net.input(1, 3, 5, 5)
    padded = net.node("Pad", [x, net.const([0, 0, 1, 1, 0, 0, 1, 1], np.int64), net.const(0.513)])
    conv = net.node("Conv", [padded, net.weight(4, 3, 1, 1)], kernel_shape=[1, 1])
    with pytest.raises(InputError, match="pads with 0.513"):
        import_graph(infer(net.model(net.q(conv, 0.05, -3))))
