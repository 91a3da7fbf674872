"""Small float networks with an InstanceNormalization, for the frontend's tests."""

import numpy as np
from float_nets import Net
from onnx import numpy_helper


def layer(net, channels, affine=True):
    """Adds an InstanceNormalization of the net's last map."""
    scale = net.rng.uniform(0.5, 1.5, channels) if affine else np.ones(channels)
    bias = net.rng.standard_normal(channels) * affine
    return net.node("InstanceNormalization", net.x, net.const(scale), net.const(bias))


def grouped(net, channels, groups, shape):
    """Adds a group normalisation, as PyTorch writes it."""
    net.node("Reshape", net.x, net.const([0, groups, -1], np.int64))
    layer_of_ones = net.const(np.ones(groups)), net.const(np.zeros(groups))
    net.node("InstanceNormalization", net.x, *layer_of_ones)
    net.node("Reshape", net.x, net.const(shape, np.int64))
    net.node("Mul", net.x, net.const(net.rng.uniform(0.5, 1.5, (channels, 1, 1))))
    return net.node("Add", net.x, net.const(net.rng.standard_normal((channels, 1, 1))))


def of_pixels(net, channels, *, last=True):
    """Adds a layer normalisation of the channels of each pixel, as ConvNeXt has it. last : between
    transpositions.
    """
    scale, bias = net.rng.uniform(0.5, 1.5, channels), net.rng.standard_normal(channels)
    if last:
        net.node("Transpose", perm=[0, 2, 3, 1])
    net.node("LayerNormalization", net.x, net.const(scale), net.const(bias), epsilon=1e-6)
    return net.node("Transpose", perm=[0, 3, 1, 2]) if last else net.x


def of_length_one(net, channels, kind):
    """Divides the channels of each pixel of the net's last map of 12x12 pixels by the root of their
    squares. kind : "operator", or "normalize" as PyTorch writes that.
    """
    if kind == "operator":
        return net.node("LpNormalization", axis=1, p=2)
    x = net.x
    root = net.node("Clip", net.node("ReduceL2", axes=[1], keepdims=1), net.const(1e-12))
    shape = net.const([1, channels, 12, 12], np.int64)
    return net.node("Div", x, net.node("Expand", root, shape))


def uneven(channels, spread, *, groups=0):
    """A convolution whose channels differ in size by up to `spread`, normalised."""
    net = Net(1, 3, 24, 24)
    net.conv(3, channels, 3, 3, pads=[1] * 4)
    gain = np.exp(np.linspace(0, np.log(spread), channels)).astype(np.float32)
    names = net.nodes[-1].input[1:]
    for i, constant in enumerate(net.constants):
        if constant.name in names:
            array = numpy_helper.to_array(constant)
            array = array * gain.reshape(-1, *[1] * (array.ndim - 1))
            net.constants[i] = numpy_helper.from_array(array, constant.name)
    if groups:
        grouped(net, channels, groups, (1, channels, 24, 24))
    else:
        layer(net, channels)
    return net
