"""Averages whose scales are those of their operand, which lie halfway between two steps now and
then, against exact fractions.

ONNX defines QuantizeLinear of the average: ties go to the even step. golden must give that
everywhere; onnxruntime computes with float32, whose own rounding decides where a half goes, and
only there may it differ.
"""

from fractions import Fraction

import numpy as np
import pytest
from qdq import Qdq, infer
from to_program import CONFIGS, on_isa

from hwcnn import golden, ir
from hwcnn.frontend.importer.ops.resize import POSITIONS
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.session import session

ZERO = -9


def run(net, y):
    """(graph, golden's tensors, golden's and onnxruntime's integers of a network of one input and
    one operator).
    """
    model = infer(net.model(net.q(y, 0.05, ZERO)))
    graph, feed = import_graph(model), net.feed()
    inputs = {n: golden.quantise_input(graph, n, feed[n]) for n in graph.inputs}
    tensors = golden.run(graph, inputs)
    real = session(model).run(None, feed)[0]
    result = tensors[graph.outputs[0]]
    return (
        graph,
        tensors,
        result,
        (np.rint(real / np.float32(0.05)) + ZERO).astype(int).reshape(result.shape),
    )


def rounded(sums, divisor):
    """(int8 results of integer sums by integer divisors, where these are ties), both exact."""
    pairs, at = np.unique(
        np.stack(np.broadcast_arrays(sums, divisor)).reshape(2, -1), axis=1, return_inverse=True
    )
    exact = [Fraction(int(s), int(d)) for s, d in pairs.T]
    results = np.array([min(max(round(e) + ZERO, -128), 127) for e in exact])
    return results[at].reshape(sums.shape), np.array([e.denominator == 2 for e in exact])[
        at
    ].reshape(sums.shape)


def follows_onnx(found, theirs, sums, divisor):
    expected, ties = rounded(sums, divisor)
    assert ties.any()
    np.testing.assert_array_equal(found, expected)
    assert not ((theirs != expected) & ~ties).any()
    return ((theirs != expected) & ties).sum(), ties.sum()


@pytest.mark.parametrize(
    "kernel, stride, pads",
    [
        ((1, 2), 1, 0),
        ((2, 2), 1, 0),
        ((2, 3), 1, 0),
        ((3, 3), 1, 1),
        ((6, 6), 1, 0),
        ((6, 6), 2, 3),
    ],
)
def test_average_pool(kernel, stride, pads):
    net = Qdq(5)
    x = net.input(1, 6, 30, 31, zero=ZERO)
    y = net.node("AveragePool", [x], kernel_shape=kernel, strides=[stride] * 2, pads=[pads] * 4)
    graph, tensors, found, theirs = run(net, y)
    x = tensors["x0"].astype(int) - ZERO

    def sums(values):
        padded = np.pad(values, ((0, 0), (0, 0), (pads, pads), (pads, pads)))
        return np.lib.stride_tricks.sliding_window_view(padded, kernel, (2, 3))[
            :, :, ::stride, ::stride
        ].sum(axis=(4, 5))

    off, ties = follows_onnx(found, theirs, sums(x), sums(np.ones_like(x)))
    assert off > 0.1 * ties  # the differences are onnxruntime's
    assert isinstance(graph.ops[-1], ir.Pool if kernel in ((1, 2), (2, 2)) else ir.Eltwise)
    on_isa(graph, CONFIGS[0], {"x0": tensors["x0"]}, tensors)


@pytest.mark.parametrize("size", [6, 14])
def test_global_average(size):
    net = Qdq(6)
    graph, tensors, found, theirs = run(
        net, net.node("GlobalAveragePool", [net.input(2, 400, size, size, zero=ZERO)])
    )
    follows_onnx(
        found,
        theirs,
        (tensors["x0"].astype(int) - ZERO).sum(axis=(2, 3), keepdims=True),
        size * size,
    )
    on_isa(graph, CONFIGS[1], {"x0": tensors["x0"]}, tensors)


@pytest.mark.parametrize("operator", ["ReduceMean", "AveragePool"])
def test_averages_that_are_convolutions(operator):
    """Of six channels, and of a dilated window of 2x3."""
    net = Qdq(8)
    x = net.input(1, 6, 20, 20, zero=ZERO)
    dilated = {"kernel_shape": [2, 3], "dilations": [2, 2]}
    y = net.node(operator, [x], **({"axes": [1]} if operator == "ReduceMean" else dilated))
    net.opset = 13 if operator == "ReduceMean" else 19
    graph, tensors, found, theirs = run(net, y)
    x = tensors["x0"].astype(int) - ZERO
    if operator == "ReduceMean":
        sums = x.sum(axis=1, keepdims=True)
    else:
        sums = sum(x[:, :, i : i + 18, j : j + 16] for i in (0, 2) for j in (0, 2, 4))
    follows_onnx(found, theirs, sums, 6)
    on_isa(graph, CONFIGS[0], {"x0": tensors["x0"]}, tensors)


@pytest.mark.parametrize("transform", ["half_pixel", "asymmetric"])
@pytest.mark.parametrize(
    "channels, factors",
    [(6, (1, 2)), (1, (2, 2)), (6, (4, 2)), (6, (8, 8)), (1, (8, 8)), (3, (6, 6))],
)
def test_resize(transform, channels, factors):
    net = Qdq(7)
    x, scales = net.input(1, channels, 9, 8, zero=ZERO), net.const([1, 1, *factors])
    y = net.node("Resize", [x, "", scales], mode="linear", coordinate_transformation_mode=transform)
    graph, tensors, found, theirs = run(net, y)
    (rows, by_rows), (cols, by_cols) = (
        matrix(transform, n, f) for n, f in zip((9, 8), factors, strict=True)
    )
    sums = np.einsum("oh,nchw,pw->ncop", rows, tensors["x0"].astype(int) - ZERO, cols)
    follows_onnx(found, theirs, sums, by_rows * by_cols)
    if channels != 3:
        assert len(graph.ops) == 1
    for config in CONFIGS if transform == "half_pixel" else ():
        on_isa(graph, config, {"x0": tensors["x0"]}, tensors)


def matrix(transform, size, factor):
    """(integer weights [results, size], their divisor) of linear interpolation along one axis, from
    ONNX's formulas.
    """
    out = size * factor
    weights = np.zeros((out, size), int)
    divisor = 2 * factor
    for o in range(out):
        at = POSITIONS[transform](o, Fraction(factor), size, out)
        at = min(max(at, Fraction(0)), Fraction(size - 1))
        low = int(at)
        weights[o, low] += int((1 - (at - low)) * divisor)
        weights[o, min(low + 1, size - 1)] += int((at - low) * divisor)
    return weights, divisor
