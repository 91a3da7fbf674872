"""Random QDQ convolutions: golden on the imported integers against onnxruntime on the model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qdq import Qdq, check, compare, dtypes, quick, zeros

from hwcnn import ir
from hwcnn.errors import InputError


@quick
@given(
    seed=st.integers(0, 2**16),
    dtype=dtypes,
    zx=zeros,
    zy=zeros,
    kernel=st.tuples(*[st.integers(1, 4)] * 2),
    stride=st.tuples(*[st.integers(1, 3)] * 2),
    dilation=st.tuples(*[st.integers(1, 2)] * 2),
    pads=st.tuples(*[st.integers(0, 3)] * 4),
    groups=st.sampled_from([1, 2, 6]),
    clip=st.sampled_from([None, "Relu", "Clip"]),
)
def test_conv(seed, dtype, zx, zy, kernel, stride, dilation, pads, groups, clip):
    net = Qdq(seed, dtype)
    x = net.input(1, 6, 11, 9, zero=zx)
    bias = net.const(net.rng.uniform(-3, 3, 12))
    y = net.node(
        "Conv",
        [x, net.weight(12, 6 // groups, *kernel), bias],
        kernel_shape=kernel,
        strides=stride,
        dilations=dilation,
        pads=pads,
        group=groups,
    )
    if clip == "Relu":
        y = net.node("Relu", [y])
    if clip == "Clip":
        y = net.node("Clip", [y, net.const(-1.5), net.const(2.25)])
    graph, differences = compare(net, net.q(y, 0.0713, zy))
    assert [type(op) for op in graph.ops] == [ir.Conv]
    check(differences)


@pytest.mark.parametrize("transposed", [False, True])
def test_a_bias_finer_than_the_unit_of_its_sums(transposed):
    """Ternary weights: a unit of the sums is 2.5 steps of the result, and the bias lies between two
    units.
    """
    net = Qdq(3)
    w = net.const(net.rng.integers(-1, 2, (8, 8, 3, 3)), np.int8)
    scale, zero = net.const(np.full(8, 2.5)), net.const(np.zeros(8), np.int8)
    w = net.node("DequantizeLinear", [w, scale, zero], axis=int(transposed))
    bias = net.const(net.rng.uniform(-3, 3, 8))
    y = net.node(
        "ConvTranspose" if transposed else "Conv",
        [net.input(1, 8, 9, 9, zero=4), w, bias],
        kernel_shape=[3, 3],
    )
    _, (steps,) = compare(net, net.q(y, 0.05, 3))
    assert steps.max() <= 1
    assert (steps > 0).mean() < 0.05


def test_a_pruned_channel_gives_its_bias():
    """Exporters give weights that are all zero a scale of 1, however fine the result is."""
    net = Qdq(7)
    w = net.const(
        net.rng.integers(-128, 128, (3, 4, 1, 1)) * np.reshape([1, 0, 1], (3, 1, 1, 1)), np.int8
    )
    w = net.node(
        "DequantizeLinear", [w, net.const([0.01, 1, 0.02]), net.const(np.zeros(3), np.int8)], axis=0
    )
    y = net.node(
        "Conv",
        [net.input(1, 4, 9, 9, scale=1), w, net.const([0.3, 0.03, -0.5])],
        kernel_shape=[1, 1],
    )
    _, (steps,) = compare(net, net.q(y, 0.001, -20))
    assert not steps[0, 1].any()
    assert steps.max() <= 1


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_a_bias_that_no_unit_of_the_sums_is_near_is_refused(op):
    net = Qdq(4)
    weight = net.weight(4, 4, 1, 1, axis=int(op == "ConvTranspose"), scale=np.full(4, 8000.0))
    y = net.node(
        op, [net.input(1, 4, 5, 5), weight, net.const([100.0, 400, 800, 1200])], kernel_shape=[1, 1]
    )
    with pytest.raises(
        InputError, match=rf"layer '{op.lower()}\d+': its bias does not fit: .* by 2e\+03 steps"
    ):
        compare(net, net.q(y, 0.05, 3))


@pytest.mark.parametrize("scale", [1e-12, 8000.0])
def test_an_int32_bias_is_exact_whatever_its_scale(scale):
    """Its scale is that of the sums; weights and input of zero leave nothing else, so that rounding
    it would show.
    """
    net = Qdq(5)
    x, unit = net.input(1, 4, 5, 5), float(np.float32(0.05) * np.float32(scale))
    weight = net.weight(4, 4, 1, 1, scale=np.full(4, scale))
    bias = net.const([-100, 2**31 - 1, -(2**31), 77], np.int32)
    bias = net.node(
        "DequantizeLinear",
        [bias, net.const(np.full(4, unit)), net.const(np.zeros(4), np.int32)],
        axis=0,
    )
    y = net.node("Conv", [x, weight, bias], kernel_shape=[1, 1])
    _, (steps,) = compare(net, net.q(y, 0.05 if scale > 1 else unit * 2.0**25, 3))
    assert steps.max() <= 1
    assert (steps > 0).mean() < 0.001


def test_a_large_convolution_meets_the_bar():
    net = Qdq(14)
    y = net.node(
        "Conv",
        [net.input(1, 8, 64, 64, zero=-9), net.weight(32, 8, 3, 3)],
        kernel_shape=[3, 3],
        pads=[1] * 4,
    )
    _, differences = compare(net, net.q(y, 0.0713, 5))
    assert differences[0].max() <= 1
    assert (differences[0] > 0).mean() < 0.001


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID"])
@pytest.mark.parametrize("size", [9, 10])
def test_conv_auto_pad(auto_pad, size):
    net = Qdq(size)
    x = net.input(1, 3, size, size, zero=-20)
    y = net.node(
        "Conv", [x, net.weight(4, 3, 3, 4)], kernel_shape=[3, 4], strides=[2, 2], auto_pad=auto_pad
    )
    check(compare(net, net.q(y, 0.05, 3))[1])


def test_conv_of_one_dimension():
    net = Qdq(3)
    x = net.input(2, 4, 17, zero=5)
    y = net.node(
        "Conv", [x, net.weight(6, 4, 5)], kernel_shape=[5], strides=[2], pads=[2, 1], dilations=[2]
    )
    check(compare(net, net.q(y, 0.05, -3))[1])


def test_pad_goes_into_the_convolution():
    net = Qdq(4)
    x = net.input(1, 3, 7, 7, zero=5)
    padded = net.q(net.node("Pad", [x, net.const([0, 0, 1, 2, 0, 0, 3, 0], np.int64)]), 0.05, 5)
    y = net.node("Conv", [padded, net.weight(4, 3, 3, 3)], kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    graph, differences = compare(net, net.q(y, 0.05, -3))
    assert graph.ops[0].pads == (2, 3, 4, 1)
    check(differences)
