"""Random QDQ operators: golden on the imported integers against onnxruntime on the model.

Multipliers of 17 bits move a result by one step where it lies on the edge of two; tables, layouts
and maxima are exact.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdq import Qdq, check, compare, dtypes, quick, zeros

from hwcnn import ir
from hwcnn.errors import InputError


@pytest.mark.parametrize("op", ["AveragePool", "Mul", "Conv", "Identity"])
def test_scales_so_far_apart_that_all_saturates(op):
    """One step of the operand is 2**27 steps of the result: 0 stays 0, all else is a bound, without
    a multiplier as large.
    """
    net = Qdq(6)
    x = net.input(1, 4, 9, 9, zero=-3, scale=8)
    operands = {"Mul": [x, x], "Conv": [x, net.weight(4, 4, 1, 1, scale=np.full(4, 1.0))]}.get(
        op, [x]
    )
    y = net.node(
        op, operands, **({"kernel_shape": [1, 1]} if op in ("AveragePool", "Conv") else {})
    )
    _, (steps,) = compare(net, net.q(y, 2.0**-24, 5))
    assert not steps.any()


@quick
@given(
    seed=st.integers(0, 2**16),
    dtype=dtypes,
    zx=zeros,
    zy=zeros,
    kind=st.sampled_from(["MaxPool", "AveragePool"]),
    kernel=st.tuples(*[st.integers(2, 4)] * 2),
    stride=st.tuples(*[st.integers(1, 3)] * 2),
    pads=st.tuples(*[st.integers(0, 1)] * 4),
    include=st.booleans(),
    ceil=st.booleans(),
    same=st.booleans(),
)
def test_pool(seed, dtype, zx, zy, kind, kernel, stride, pads, include, ceil, same):
    net = Qdq(seed, dtype)
    x = net.input(1, 3, 11, 9, zero=zx)
    extra = {} if kind == "MaxPool" else {"count_include_pad": int(include and not ceil)}
    y = net.node(
        kind, [x], kernel_shape=kernel, strides=stride, pads=pads, ceil_mode=int(ceil), **extra
    )
    try:
        graph, differences = compare(net, net.q(y, 0.05, zx) if same else net.q(y, 0.0613, zy))
    except InputError as e:
        assert ceil
        assert "starts beyond the map" in str(e)
        return
    assert [type(op) for op in graph.ops] in ([ir.Pool], [ir.Pool, ir.Pool, ir.Eltwise])
    if not same:
        check(differences)
    elif kind == "MaxPool":
        assert not differences[0].any()
    else:  # sums of integers over an integer are often halves, which onnxruntime's floats miss
        assert differences[0].max() <= 1


@pytest.mark.parametrize("op", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pool(op):
    net = Qdq(1)
    check(compare(net, net.q(net.node(op, [net.input(2, 5, 7, 6, zero=-9)]), 0.011, 4))[1])


def test_mean_over_rows_and_columns():
    net = Qdq(2)
    y = net.node("ReduceMean", [net.input(2, 5, 7, 6, zero=-9)], axes=[2, 3], keepdims=0)
    check(compare(net, net.q(y, 0.011, 4))[1])


@quick
@given(
    seed=st.integers(0, 2**16),
    dtype=dtypes,
    za=zeros,
    zb=zeros,
    zy=zeros,
    op=st.sampled_from(["Add", "Sub", "Mul", "Max", "Min"]),
    shape=st.sampled_from([(2, 5, 6, 7), (2, 5, 1, 1)]),
    swap=st.booleans(),
)
def test_elementwise(seed, dtype, za, zb, zy, op, shape, swap):
    net = Qdq(seed, dtype)
    operands = [net.input(2, 5, 6, 7, zero=za), net.input(*shape, scale=0.0371, zero=zb)]
    y = net.node(op, operands[::-1] if swap else operands)
    check(compare(net, net.q(y, 0.0833, zy))[1])


@quick
@given(
    seed=st.integers(0, 2**16),
    zx=zeros,
    zr=zeros,
    z1=zeros,
    zy=zeros,
    relu=st.booleans(),
    swap=st.booleans(),
)
def test_residual_sum_is_a_second_stage(seed, zx, zr, z1, zy, relu, swap):
    net = Qdq(seed)
    x, r = net.input(1, 4, 6, 6, zero=zx), net.input(1, 8, 6, 6, scale=0.031, zero=zr)
    conv = net.q(
        net.node("Conv", [x, net.weight(8, 4, 3, 3)], kernel_shape=[3, 3], pads=[1] * 4), 0.083, z1
    )
    y = net.node("Add", [r, conv] if swap else [conv, r])
    graph, differences = compare(net, net.q(net.node("Relu", [y]) if relu else y, 0.095, zy))
    assert [type(op) for op in graph.ops] == [ir.Conv]
    assert graph.ops[0].second.residual == "x1"
    assert differences[0].max() <= 1
    assert (differences[0] > 0).mean() <= 0.015


@pytest.mark.parametrize(
    "function",
    [
        ("Sigmoid", {}),
        ("Tanh", {}),
        ("LeakyRelu", {"alpha": 0.1}),
        ("HardSigmoid", {}),
        ("HardSwish", {}),
        ("Elu", {}),
        ("Exp", {}),
        ("Softplus", {}),
        ("Selu", {}),
        ("Erf", {}),
        ("Abs", {}),
        ("Neg", {}),
    ],
)
def test_function_of_one_value_is_a_table_without_error(function):
    op, attributes = function
    net = Qdq(5, opset=14)
    graph, differences = compare(
        net, net.q(net.node(op, [net.input(1, 4, 20, 20, zero=11)], **attributes), 0.017, -60)
    )
    assert [type(o) for o in graph.ops] == [ir.Lut]
    assert differences[0].max() <= 1
    assert (differences[0] > 0).mean() < 0.005


def test_swish_of_two_nodes_is_one_table():
    net = Qdq(6)
    x = net.input(1, 4, 20, 20, zero=11)
    graph, differences = compare(
        net, net.q(net.node("Mul", [x, net.node("Sigmoid", [x])]), 0.03, -60)
    )
    assert [type(o) for o in graph.ops] == [ir.Lut]
    assert differences[0].max() <= 1
    assert (differences[0] > 0).mean() < 0.005


@quick
@given(seed=st.integers(0, 2**16), zx=zeros, zy=zeros)
def test_constants_of_a_channel_each(seed, zx, zy):
    net = Qdq(seed)
    x = net.input(1, 6, 9, 9, zero=zx)
    y = net.node(
        "Add",
        [
            net.node("Mul", [x, net.const(net.rng.uniform(-2, 2, (1, 6, 1, 1)))]),
            net.const(net.rng.uniform(-2, 2, (6, 1, 1))),
        ],
    )
    graph, differences = compare(net, net.q(y, 0.06, zy))
    assert [type(op) for op in graph.ops] == [ir.Affine]
    check(differences)


def test_batch_norm_of_a_concatenation():
    net = Qdq(7)
    x = net.q(net.node("Concat", [net.input(1, 3, 9, 9), net.input(1, 5, 9, 9)], axis=1), 0.05, 0)
    parameters = [net.const(net.rng.uniform(0.5, 2, 8)) for _ in range(4)]
    graph, differences = compare(
        net, net.q(net.node("Relu", [net.node("BatchNormalization", [x, *parameters])]), 0.06, -128)
    )
    assert [type(op) for op in graph.ops] == [ir.Concat, ir.Affine]
    check(differences)


def test_parts_of_a_concatenation_in_other_scales_are_requantised_where_they_are_made():
    net = Qdq(8)
    x = net.input(1, 3, 9, 9)
    left = net.q(net.node("Conv", [x, net.weight(4, 3, 1, 1)], kernel_shape=[1, 1]), 0.031, 5)
    graph, differences = compare(net, net.q(net.node("Concat", [left, x], axis=1), 0.06, -7))
    assert [type(op) for op in graph.ops] == [ir.Conv, ir.Affine, ir.Concat]
    assert graph.ops[0].second.residual is None
    assert differences[0].max() <= 1


@pytest.mark.parametrize("perm", [None, (0, 2, 3, 1), (0, 3, 1, 2)])
def test_layout_before_a_fully_connected_layer_goes_into_its_weights(perm):
    net = Qdq(9)
    x = net.input(2, 3, 4, 5, zero=6)
    if perm:
        x = net.q(net.node("Transpose", [x], perm=perm), 0.05, 6)
    x = net.q(net.node("Reshape", [x, net.const([0, -1], np.int64)]), 0.05, 6)
    y = net.node("Gemm", [x, net.weight(7, 60), net.const(net.rng.uniform(-3, 3, 7))], transB=1)
    graph, differences = compare(net, net.q(y, 0.09, 2))
    assert [type(op) for op in graph.ops] == [ir.Conv]
    assert graph.ops[0].fully_connected
    check(differences)


def test_matmul_and_its_bias():
    net = Qdq(10)
    y = net.node(
        "Add",
        [
            net.node("MatMul", [net.input(3, 20, zero=6), net.weight(20, 9, axis=1)]),
            net.const(net.rng.uniform(-3, 3, 9)),
        ],
    )
    graph, differences = compare(net, net.q(y, 0.09, 2))
    assert [type(op) for op in graph.ops] == [ir.Conv]
    check(differences)


@quick
@given(
    seed=st.integers(0, 2**16),
    zx=zeros,
    size=st.sampled_from([1, 3, 5]),
    alpha=st.sampled_from([1e-4, 0.05, 1.0]),
    beta=st.sampled_from([0.5, 0.75, 1.0]),
    bias=st.sampled_from([1.0, 2.0]),
)
def test_lrn(seed, zx, size, alpha, beta, bias):
    net = Qdq(seed)
    y = net.node(
        "LRN", [net.input(1, 12, 5, 5, zero=zx)], size=size, alpha=alpha, beta=beta, bias=bias
    )
    graph, differences = compare(net, net.q(y, 0.04, -3))
    assert [type(op) for op in graph.ops] == [ir.Lut if size == 1 else ir.Lrn]
    assert differences[0].max() <= 1


def test_relu_without_a_producer_clamps():
    net = Qdq(11)
    graph, differences = compare(
        net, net.q(net.node("Relu", [net.input(1, 4, 9, 9, zero=-5)]), 0.05, -5)
    )
    assert [(type(op), op.low) for op in graph.ops] == [(ir.Affine, -5)]
    assert not differences[0].any()


def test_relu_after_a_quantised_convolution_clamps_in_it():
    net = Qdq(12)
    conv = net.q(
        net.node("Conv", [net.input(1, 4, 9, 9), net.weight(4, 4, 1, 1)], kernel_shape=[1, 1]),
        0.07,
        10,
    )
    graph, differences = compare(net, net.q(net.node("Relu", [conv]), 0.07, 10))
    assert [(type(op), op.low) for op in graph.ops] == [(ir.Conv, 10)]
    check(differences)


def test_part_of_a_shape_is_a_constant():
    """As frameworks export a flattening that keeps the first dimension."""
    net = Qdq(seed=4, opset=15)
    x = net.input(1, 4, 3, 5)
    rows = net.node("Squeeze", [net.node("Shape", [x], start=0, end=1)])
    axis, rest = net.const([0], np.int64), net.const([-1], np.int64)
    shape = net.node("Concat", [net.node("Unsqueeze", [rows, axis]), rest], axis=0)
    y = net.q(
        net.node("Gemm", [net.node("Reshape", [x, shape]), net.weight(6, 60)], transB=1), 0.1, 0
    )
    _, (steps,) = compare(net, y)
    assert steps.max() <= 1


def test_two_results_of_one_tensor():
    net = Qdq(13)
    x = net.input(1, 4, 9, 9)
    conv = net.q(net.node("Conv", [x, net.weight(4, 4, 1, 1)], kernel_shape=[1, 1]), 0.07, 10)
    pool = net.q(net.node("MaxPool", [conv], kernel_shape=[3, 3], strides=[3, 3]), 0.07, 10)
    graph, differences = compare(net, conv, pool)
    assert graph.onnx_outputs == [(conv, (1, 4, 9, 9)), (pool, (1, 4, 3, 3))]
    check(differences)
