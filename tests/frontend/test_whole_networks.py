"""Whole small networks: float -> QDQ -> integer IR, each operation against onnxruntime from the
same inputs, and the end against float.
"""

import numpy as np
import pytest
from float_nets import Net

from hwcnn import golden, ir
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise.agreement import agreement
from hwcnn.frontend.quantise.float_to_qdq import quantise


def alexnet_like():
    net = Net(1, 3, 35, 35)
    net.conv(3, 16, 5, 5, strides=[2, 2])
    net.node("Relu")
    net.node("LRN", size=5, alpha=1e-2, beta=0.75, bias=1.0)
    net.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
    net.conv(16, 24, 3, 3, groups=2, pads=[1, 1, 1, 1])
    net.node("Relu")
    net.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2])
    net.node("Flatten")
    net.gemm(216, 32)
    net.node("Relu")
    net.node("Dropout")
    net.gemm(32, 10)
    net.node("Softmax", axis=1)
    return net


def resnet_like():
    net = Net(1, 3, 16, 16, seed=1)
    net.conv(3, 16, 3, 3, pads=[1, 1, 1, 1])
    first = net.node("Relu")
    net.conv(16, 16, 3, 3, pads=[1, 1, 1, 1])
    net.node(
        "BatchNormalization",
        net.x,
        *(
            net.const(v)
            for v in (np.full(16, 0.7), np.full(16, 0.1), np.full(16, 0.2), np.ones(16))
        ),
    )
    net.node("Add", net.x, first)
    second = net.node("Relu")
    shortcut = net.conv(16, 32, 1, 1, strides=[2, 2], x=second)
    net.conv(16, 32, 3, 3, x=second, strides=[2, 2], pads=[1, 1, 1, 1])
    net.node("Add", shortcut, net.x)
    net.node("Relu")
    net.node("GlobalAveragePool")
    net.node("Flatten")
    net.gemm(32, 10)
    return net


def squeezenet_like():
    net = Net(1, 3, 20, 20, seed=2)
    net.conv(3, 8, 3, 3, strides=[2, 2])
    squeezed = net.node("Relu")
    net.conv(8, 20, 1, 1, x=squeezed)
    left = net.node("Relu")
    net.conv(8, 12, 3, 3, x=squeezed, pads=[1, 1, 1, 1])
    net.node("Concat", left, net.node("Relu"), axis=1)
    net.node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    net.conv(32, 10, 1, 1)
    net.node("Relu")
    net.node("GlobalAveragePool")
    net.node("Flatten")
    return net


NETS = {f.__name__: f for f in (alexnet_like, resnet_like, squeezenet_like)}


@pytest.mark.parametrize("name", NETS)
def test_every_operation_agrees_with_onnxruntime(name):
    net = NETS[name]()
    samples = net.samples()
    qdq = quantise(net.model(), samples)
    rows = agreement(qdq, import_graph(qdq, fused=False), samples)
    assert rows
    assert [r for r in rows if not r.passed] == []


@pytest.mark.parametrize("name", NETS)
def test_results_are_near_the_float_network(name):
    net = NETS[name]()
    model, samples = net.model(), net.samples(4)
    graph = import_graph(quantise(model, samples), batch=4)
    x = np.concatenate([s["x"] for s in samples])
    (result,) = golden.host_outputs(
        graph, golden.run(graph, {"x": golden.quantise_input(graph, "x", x)})
    ).values()
    expected = np.concatenate([session(model).run(None, s)[0] for s in samples])
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() < 0.1 * np.abs(expected).max()


@pytest.mark.parametrize("name", NETS)
def test_fusing_changes_no_number(name):
    net = NETS[name]()
    qdq = quantise(net.model())
    x = net.samples(1)[0]["x"]
    plain, fused = import_graph(qdq, fused=False), import_graph(qdq)
    inputs = {"x": golden.quantise_input(fused, "x", x)}
    expected = golden.run(plain, inputs)
    for tensor, values in golden.run(fused, inputs).items():
        assert (values == expected[tensor]).all(), tensor


def test_residual_sums_and_activations_take_no_operation_of_their_own():
    graph = import_graph(quantise(resnet_like().model()))
    assert [type(op) for op in graph.ops] == [ir.Conv] * 4 + [ir.Pool, ir.Conv]
    first, second = [
        op.second.residual for op in graph.ops if isinstance(op, ir.Conv) and op.second
    ]
    assert first == "relu1"
    assert second in ("conv6", "conv7")


def test_parts_of_a_concatenation_share_its_scale():
    graph = import_graph(quantise(squeezenet_like().model()))
    (concat,) = [op for op in graph.ops if isinstance(op, ir.Concat)]
    assert {(graph.tensors[t].scale, graph.tensors[t].zero) for t in (*concat.xs, concat.y)} == {
        (graph.tensors[concat.y].scale, graph.tensors[concat.y].zero)
    }
    assert not any(isinstance(op, ir.Affine) for op in graph.ops)
