"""The QDQ models that quantise makes: what is quantised, what stays float, what is exact, and that
it depends on nothing but its inputs.
"""

import re

import numpy as np
import pytest
from float_nets import Net
from onnx import numpy_helper
from qdq import Qdq, infer

from hwcnn import golden
from hwcnn.fixedpoint import multiplier
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.session import session
from hwcnn.frontend.quantise import calibrate
from hwcnn.frontend.quantise.agreement import agreement
from hwcnn.frontend.quantise.float_to_qdq import quantise


def branches():
    """A sum of two activations, one of which is concatenated with a convolution that has negative
    results.
    """
    net = Net(1, 3, 12, 12, seed=3)
    left = net.conv(3, 6, 3, 3, pads=[1] * 4)
    left = net.node("Relu")
    right = net.conv(3, 5, 3, 3, x="x", pads=[1] * 4)
    net.node("Concat", left, right, axis=1)
    net.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    net.conv(11, 4, 1, 1)
    net.node("Clip", net.x, net.const(-0.5), net.const(0.5))
    net.node("Flatten")
    net.gemm(144, 7, alpha=0.5, beta=2.0)
    net.node("Softmax", axis=-1)
    return net


def test_the_same_model_and_seed_give_the_same_bytes():
    first, second = (
        quantise(branches().model(), seed=5).SerializeToString(deterministic=True) for _ in range(2)
    )
    assert first == second
    assert quantise(branches().model(), seed=6).SerializeToString(deterministic=True) != first


def test_a_quantised_model_is_returned_as_it_is():
    qdq = quantise(branches().model())
    assert quantise(qdq) is qdq


def test_the_model_given_is_not_changed():
    model = branches().model()
    before = model.SerializeToString(deterministic=True)
    quantise(model)
    assert model.SerializeToString(deterministic=True) == before


def test_softmax_stays_float_and_weights_are_symmetric_int8():
    qdq = quantise(branches().model())
    (softmax,) = [n for n in qdq.graph.node if n.op_type == "Softmax"]
    assert softmax.output[0] == qdq.graph.output[0].name
    for tensor in qdq.graph.initializer:
        if re.fullmatch(r"c\d+_zero_point", tensor.name):
            assert not numpy_helper.to_array(tensor).any()


def test_a_relu_survives_a_range_wider_than_its_own():
    net = branches()
    samples = net.samples()
    qdq = quantise(net.model(), samples)
    graph = import_graph(qdq)
    tensors = golden.run(graph, {"x": golden.quantise_input(graph, "x", samples[0]["x"])})
    relu = graph.tensors["relu1"]
    assert relu.zero > -128
    assert tensors["relu1"].min() >= relu.zero


def test_gemm_with_factors_and_clip_agree_with_the_float_network():
    net = branches()
    model, samples = net.model(), net.samples()
    graph = import_graph(quantise(model, samples))
    tensors = golden.run(graph, {"x": golden.quantise_input(graph, "x", samples[0]["x"])})
    (result,) = golden.host_outputs(graph, tensors).values()
    expected = session(model).run(None, samples[0])[0]
    assert np.abs(result - expected).max() < 0.05
    assert result.argmax() == expected.argmax()


def test_multipliers_of_convolutions_and_average_pools_are_exact():
    graph = import_graph(quantise(branches().model()), fused=False)
    for op in graph.ops:
        if hasattr(op, "multipliers"):
            real = graph.tensors[op.x].scale / graph.tensors[op.y].scale / 4
            ((mantissa, shift),) = op.multipliers.values()
            assert abs(mantissa / 2.0**shift / real - 1) < 2e-7
    qdq = quantise(branches().model())
    constants = {i.name: numpy_helper.to_array(i) for i in qdq.graph.initializer}
    producer = {o: n for n in qdq.graph.node for o in n.output}
    scale = {
        o: constants[n.input[1]].astype(np.float64)
        for o, n in producer.items()
        if n.op_type == "DequantizeLinear"
    }
    quantiser = {
        n.input[0]: constants[n.input[1]].astype(np.float64)
        for n in qdq.graph.node
        if n.op_type == "QuantizeLinear"
    }
    checked = 0
    for node in qdq.graph.node:
        if node.op_type in ("Conv", "Gemm") and node.output[0] in quantiser:
            real = scale[node.input[0]] * scale[node.input[1]] / quantiser[node.output[0]]
            mantissa, shift = multiplier(real)
            assert np.abs(mantissa / 2.0**shift / real - 1).max() < 2e-7
            checked += 1
    assert checked == 2


@pytest.mark.parametrize("from_input", [False, True])
def test_a_global_average_of_an_output(from_input):
    """Its map is an output or an input of the network, whose shapes stand apart from those of all
    others.
    """
    net = Net(1, 3, 8, 8)
    x = "x" if from_input else net.conv(3, 4, 3, 3)
    average = net.node("GlobalAveragePool", x)
    outputs = [average] if from_input else [x, average]
    samples = net.samples()
    qdq = quantise(net.model(*outputs), samples)
    graph = import_graph(qdq, fused=False)
    assert [name for name, _ in graph.onnx_outputs] == outputs
    assert all(row.passed for row in agreement(qdq, graph, samples))


@pytest.mark.parametrize("seed", range(3))
def test_an_average_whose_result_shares_its_scale_moves_that_of_its_operand(seed):
    net = Net(1, 3, 12, 12, seed=seed)
    net.conv(3, 4, 3, 3, pads=[1, 1, 1, 1], x="x")
    net.node("Relu")
    average = net.node("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    net.node("Concat", average, net.conv(3, 4, 1, 1, strides=[2, 2], x="x"), axis=1)
    net.conv(8, 5, 1, 1)
    samples = net.samples()
    qdq = quantise(net.model(), samples)
    graph = import_graph(qdq, fused=False)
    (pool,) = [op for op in graph.ops if hasattr(op, "multipliers")]
    ((mantissa, shift),) = pool.multipliers.values()
    assert (
        abs(
            mantissa / 2.0**shift / (graph.tensors[pool.x].scale / graph.tensors[pool.y].scale / 4)
            - 1
        )
        < 2e-7
    )
    assert all(row.passed for row in agreement(qdq, graph, samples))


def test_multipliers_of_sums_and_products_are_nearly_integers():
    net = Net(1, 3, 12, 12, seed=7)
    left, right, factor = (net.conv(3, 4, 1, 1, x="x") for _ in range(3))
    net.node("Mul", net.node("Add", left, right), factor)
    graph = import_graph(quantise(net.model()), fused=False)
    add, mul = [op for op in graph.ops if type(op).__name__ == "Eltwise"]
    scale = {n: t.scale for n, t in graph.tensors.items()}
    for integer, real in (
        (add.ma, scale[add.a] / scale[add.y] * 2**add.shift),
        (add.mb, scale[add.b] / scale[add.y] * 2**add.shift),
        (mul.mb, scale[mul.a] * scale[mul.b] / scale[mul.y] * 2**mul.shift),
    ):
        assert abs(integer - real) < 0.03


def test_ranges_are_the_extremes_of_the_samples():
    net = Net(1, 3, 6, 6)
    net.conv(3, 4, 3, 3)
    model, samples = net.model(), net.samples(3)
    low, high = calibrate.ranges(model, samples)["conv0"]
    results = [session(model).run(None, s)[0] for s in samples]
    assert low == min(r.min() for r in results)
    assert high == max(r.max() for r in results)


@pytest.mark.parametrize("op", ["Relu", "Sigmoid", "GlobalAveragePool"])
def test_a_constant_input_is_no_division_by_zero(op):
    net = Net(1, 3, 6, 6)
    net.node(op)
    graph = import_graph(quantise(net.model(), [{"x": np.zeros((1, 3, 6, 6), np.float32)}]))
    tensors = golden.run(
        graph, {"x": golden.quantise_input(graph, "x", np.zeros((1, 3, 6, 6), np.float32))}
    )
    (result,) = golden.host_outputs(graph, tensors).values()
    np.testing.assert_allclose(result, 0.5 if op == "Sigmoid" else 0, atol=1e-3)


def swish(net):
    net.node("Mul", net.x, net.node("Sigmoid", net.x))


def hard_swish_in_pieces(net):
    x = net.x
    net.node("Clip", net.node("Add", x, net.const(3)), net.const(0), net.const(6))
    net.node("Div", net.node("Mul", x, net.x), net.const(6))


def mish(net):
    net.node("Mul", net.x, net.node("Tanh", net.node("Softplus", net.x)))


@pytest.mark.parametrize("pieces", [swish, hard_swish_in_pieces, mish])
def test_a_function_in_pieces_becomes_one_table(pieces):
    net = Net(1, 3, 12, 12, seed=4)
    net.conv(3, 6, 3, 3)
    pieces(net)
    net.conv(6, 4, 1, 1)
    model, samples = net.model(), net.samples()
    graph = import_graph(quantise(model, samples))
    assert [type(op).__name__ for op in graph.ops] == ["Conv", "Lut", "Conv"]
    (result,) = golden.host_outputs(
        graph, golden.run(graph, {"x": golden.quantise_input(graph, "x", samples[0]["x"])})
    ).values()
    expected = session(model).run(None, samples[0])[0]
    assert np.abs(result - expected).max() < 0.04 * np.abs(expected).max()


def test_sums_of_several_maps_become_a_chain():
    net = Net(1, 3, 12, 12, seed=5)
    parts = [net.conv(3, 4, 1, 1, x="x") for _ in range(3)]
    net.node("Sum", *parts)
    net.node("Max", net.x, *parts)
    model, samples = net.model(), net.samples()
    graph = import_graph(quantise(model, samples))
    (result,) = golden.host_outputs(
        graph, golden.run(graph, {"x": golden.quantise_input(graph, "x", samples[0]["x"])})
    ).values()
    expected = session(model).run(None, samples[0])[0]
    assert np.abs(result - expected).max() < 0.04 * np.abs(expected).max()


@pytest.mark.parametrize(
    "ending",
    [
        [("Softmax", {"axis": 1}), ("Flatten", {})],
        [("Flatten", {}), ("Softmax", {"axis": -1})],
        [("LogSoftmax", {"axis": 1})],
        [("Softmax", {"axis": 1}), ("Identity", {})],
    ],
)
def test_the_host_finishes_in_the_outputs_shape(ending):
    net = Net(1, 3, 12, 12, seed=6)
    net.conv(3, 9, 3, 3)
    net.node("GlobalAveragePool")
    for op, attributes in ending:
        net.node(op, **attributes)
    model, samples = net.model(), net.samples()
    graph = import_graph(quantise(model, samples), batch=2)
    x = np.concatenate([s["x"] for s in samples])
    (result,) = golden.host_outputs(
        graph, golden.run(graph, {"x": golden.quantise_input(graph, "x", x)})
    ).values()
    expected = np.concatenate([session(model).run(None, s)[0] for s in samples])
    assert result.shape == expected.shape
    assert np.abs(result - expected).max() < 0.02


@pytest.mark.parametrize("softmax", [False, True])
def test_a_result_left_float_by_another_quantiser_is_completed(softmax):
    net = Qdq(1)
    y = net.node(
        "Relu",
        [net.node("Conv", [net.input(1, 4, 6, 6), net.weight(4, 4, 1, 1)], kernel_shape=[1, 1])],
    )
    model = infer(net.model(net.node("Softmax", [y], axis=1) if softmax else y))
    feed = net.feed()
    graph = import_graph(quantise(model, [feed]))
    (result,) = golden.host_outputs(
        graph, golden.run(graph, {"x0": golden.quantise_input(graph, "x0", feed["x0"])})
    ).values()
    expected = session(model).run(None, feed)[0]
    assert np.abs(result - expected).max() <= (0.02 if softmax else expected.max() / 255)
