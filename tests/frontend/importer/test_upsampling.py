"""Transposed convolution and resampling, from float ONNX to the ISA engine."""

import numpy as np
import pytest
from float_nets import Net
from hypothesis import given, settings
from hypothesis import strategies as st
from qdq import Qdq, compare
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.quantise.float_to_qdq import quantise


def near(steps, share=0.03):
    for s in steps:
        assert s.max(initial=0) <= 1
        assert (s > 0).sum() <= max(6 if share else 0, share * s.size)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**16),
    zeros=st.tuples(*[st.integers(-128, 127)] * 2),
    kernel=st.tuples(*[st.integers(1, 4)] * 2),
    stride=st.tuples(*[st.integers(1, 3)] * 2),
    dilation=st.tuples(*[st.integers(1, 2)] * 2),
    groups=st.sampled_from([1, 2, 6]),
    clip=st.booleans(),
    data=st.data(),
)
def test_conv_transpose(seed, zeros, kernel, stride, dilation, groups, clip, data):
    net = Qdq(seed)
    span = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
    pads = [data.draw(st.integers(0, min(2, s - 1))) for s in span] * 2
    extra = [data.draw(st.integers(0, s - 1)) for s in stride]
    x = net.input(1, 6, 5, 7, zero=zeros[0])
    channels = 12 // groups
    weight, bias = net.weight(6, channels, *kernel, axis=1), net.const(net.rng.uniform(-3, 3, 12))
    y = net.node(
        "ConvTranspose",
        [x, weight, bias],
        kernel_shape=kernel,
        strides=stride,
        dilations=dilation,
        pads=pads,
        output_padding=extra,
        group=groups,
    )
    y = net.node("Relu", [y]) if clip else y
    graph, steps = compare(net, net.q(y, 0.0713, zeros[1]))
    assert [type(op) for op in graph.ops] == [ir.ConvTranspose]
    near(steps, 0.08)  # a kernel of one tap gives the same few values again and again


@pytest.mark.parametrize("auto_pad", ["SAME_UPPER", "SAME_LOWER", "VALID", None])
def test_pads_that_follow_from_the_size(auto_pad):
    net = Qdq(1)
    size = {} if auto_pad else {"output_shape": [11, 12]}
    y = net.node(
        "ConvTranspose",
        [net.input(1, 4, 5, 6, zero=9), net.weight(4, 8, 3, 4, axis=1)],
        strides=[2, 2],
        kernel_shape=[3, 4],
        auto_pad=auto_pad or "NOTSET",
        **size,
    )
    near(compare(net, net.q(y, 0.05, 3))[1])


def test_conv_transpose_of_one_dimension():
    net = Qdq(2)
    y = net.node(
        "ConvTranspose",
        [net.input(2, 4, 9, zero=5), net.weight(4, 6, 4, axis=1)],
        strides=[2],
        pads=[1, 2],
        kernel_shape=[4],
    )
    near(compare(net, net.q(y, 0.05, -3))[1])


@pytest.mark.parametrize("groups", [1, 4])
def test_a_network_that_goes_down_and_up_again(groups):
    """A U-Net in small: batch norm after the transposed convolution, and a concatenation with the
    way down.
    """
    net = Net(1, 4, 12, 12)
    down = net.node("Relu", net.conv(4, 12, 3, 3, pads=[1] * 4))
    net.node("MaxPool", down, kernel_shape=[2, 2], strides=[2, 2])
    net.node("Relu", net.conv(12, 16, 3, 3, pads=[1] * 4))
    weight, bias = (
        net.const(net.rng.standard_normal((16, 12 // groups, 2, 2)) * 0.2),
        net.const(net.rng.standard_normal(12) * 0.1),
    )
    net.node(
        "ConvTranspose", net.x, weight, bias, kernel_shape=[2, 2], strides=[2, 2], group=groups
    )
    net.node(
        "BatchNormalization", net.x, *[net.const(v) for v in net.rng.uniform(0.5, 1.5, (4, 12))]
    )
    net.node("Concat", net.node("Relu"), down, axis=1)
    net.conv(24, 5, 3, 3, pads=[1] * 4)
    graph, steps = run(net)
    assert sum(isinstance(op, ir.ConvTranspose) for op in graph.ops) == 1
    near(steps)


MODES = [
    *(
        ("nearest", t, n)
        for t in ("half_pixel", "asymmetric", "align_corners")
        for n in ("round_prefer_floor", "floor")
    ),
    *(
        ("linear", t, "floor")
        for t in ("half_pixel", "pytorch_half_pixel", "asymmetric", "half_pixel_symmetric")
    ),
]


@pytest.mark.parametrize("mode, transform, nearest", MODES)
@pytest.mark.parametrize("factors", [(2, 2), (3, 1), (1.5, 0.5)])
def test_resize(mode, transform, nearest, factors):
    net = Net(1, 6, 8, 6)
    net.conv(6, 10, 1, 1)
    size = [8 * factors[0], 6 * factors[1]]
    net.node(
        "Resize",
        net.x,
        "",
        "",
        net.const([1, 10, *size], np.int64),
        mode=mode,
        nearest_mode=nearest,
        coordinate_transformation_mode=transform,
    )
    resized = net.x
    net.conv(10, 5, 3, 3)
    graph, (of_resize, _) = run(net, resized, net.x)
    assert any(isinstance(op, ir.Resize) for op in graph.ops)
    # sixteenths lie on the edge of two steps now and then
    near([of_resize], 0 if mode == "nearest" else 0.1)


@pytest.mark.parametrize("factor", [4, 8])
def test_linear_weights_are_multiplied_at_once(factor):
    net = Net(1, 4, 6, 5)
    net.node("Resize", net.conv(4, 6, 1, 1), "", net.const([1, 1, factor, factor]), mode="linear")
    graph, steps = run(net)
    assert sum(isinstance(op, ir.Resize) for op in graph.ops) == 1
    assert steps[0].max() <= 1


def test_nearest_is_exact():
    net = Net(1, 4, 6, 5)
    net.node("Resize", net.conv(4, 6, 1, 1), "", net.const([1, 1, 2, 2]), mode="nearest")
    up = net.x
    net.node("Resize", net.conv(6, 3, 1, 1), "", net.const([1, 1, 1, 3]), mode="nearest")
    graph, _ = run(net, up)
    op = next(op for op in graph.ops if isinstance(op, ir.Resize))
    x, y = graph.tensors[op.x], graph.tensors[op.y]
    assert (x.scale, x.zero) == (y.scale, y.zero)
    assert op.mantissa == 1 << op.shift


def test_resize_of_one_dimension():
    net = Net(1, 4, 9)
    net.node("Resize", net.conv(4, 6, 1), "", net.const([1, 1, 2]), mode="linear")
    near(run(net)[1], 0.1)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"mode": "cubic"}, "mode 'cubic'"),
        ({"mode": "linear", "coordinate_transformation_mode": "align_corners"}, "in 1020ths"),
        (
            {"mode": "nearest", "coordinate_transformation_mode": "tf_crop_and_resize"},
            "tf_crop_and_resize",
        ),
    ],
)
def test_refusals(settings, words):
    net = Net(1, 4, 60, 60)
    roi = net.const([0, 0, 0, 0, 1, 1, 1, 1]) if "tf" in words else ""
    rows = 1021 if "ths" in words else 120
    size = net.const([1, 6, rows, 120], np.int64)
    net.node("Resize", net.conv(4, 6, 1, 1), roi, "", size, **settings)
    with pytest.raises(InputError, match=words):
        quantise(net.model())


@pytest.mark.parametrize(
    ("sizes", "mode", "share"),
    [
        ((21, 33), "half_pixel", 0.02),  # a ratio whose positions repeat after 11 results
        ((64, 100), "half_pixel", 0.02),  # after 25
        ((24, 71), "half_pixel", 0.2),  # never: rows are rounded before columns
        ((24, 71), "align_corners", 0.2),
    ],
)
def test_linear_resampling_by_any_ratio(sizes, mode, share):
    before, after = sizes
    net = Net(1, 2, before, 5)
    net.conv(2, 3, 1, 1)
    size = net.const([1, 3, after, 8], np.int64)
    net.node("Resize", net.x, "", "", size, mode="linear", coordinate_transformation_mode=mode)
    _, steps = run(net)
    assert steps[0].max() <= 1 and (steps[0] > 0).mean() < share
