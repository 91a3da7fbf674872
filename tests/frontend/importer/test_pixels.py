"""Products with constants on the channels of every pixel, in whatever layout: convolutions of 1x1,
from float ONNX to the ISA engine.
"""

import numpy as np
import pytest
from float_nets import Net
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.quantise.float_to_qdq import quantise


def linear(net, size_in, size_out):
    """A product and a bias on the last axis, as PyTorch writes them."""
    w = net.rng.standard_normal((size_in, size_out)) / np.sqrt(size_in)
    product = net.node("MatMul", net.x, net.const(w))
    return net.node("Add", net.const(net.rng.standard_normal(size_out)), product)


def transposed(net, *perm):
    return net.node("Transpose", net.x, perm=perm)


def reshaped(net, *shape):
    return net.node("Reshape", net.x, net.const(shape, np.int64))


def start(*shape):
    net = Net(1, 3, *shape)
    net.conv(3, 6, *[1] * len(shape))
    return net


def exact(net, *kinds):
    """Asserts that these operations follow the first convolution."""
    graph, steps = run(net)
    assert steps[0].max() <= 1
    assert [type(op) for op in graph.ops[1:]] == list(kinds)


def test_tokens():
    net = start(8, 9)
    reshaped(net, 1, 6, 72)
    transposed(net, 0, 2, 1)
    linear(net, 6, 10)
    net.node("Sigmoid")
    linear(net, 10, 5)
    transposed(net, 0, 2, 1)
    reshaped(net, 1, 5, 8, 9)
    exact(net, ir.Conv, ir.Lut, ir.Conv)


def test_channels_last_with_a_scale_of_a_channel_each():
    """As in ConvNeXt (Liu et al., 2022), but for its layer normalisation."""
    net = start(8, 9)
    transposed(net, 0, 2, 3, 1)
    linear(net, 6, 10)
    net.node("Relu")
    linear(net, 10, 6)
    net.node("Mul", net.x, net.const(net.rng.uniform(0.5, 1, 6)))
    transposed(net, 0, 3, 1, 2)
    exact(net, ir.Conv, ir.Conv, ir.Affine)


def test_rows_of_a_matrix():
    net = start(8, 9)
    transposed(net, 0, 2, 3, 1)
    reshaped(net, 72, 6)
    net.gemm(6, 5)
    reshaped(net, 1, 8, 9, 5)
    transposed(net, 0, 3, 1, 2)
    exact(net, ir.Conv)


def test_steps_of_a_sequence():
    """Columns first, as text readers have them."""
    net = start(12)
    transposed(net, 2, 0, 1)
    linear(net, 6, 11)
    transposed(net, 1, 2, 0)
    exact(net, ir.Conv)


def test_some_of_the_pixels():
    net = start(8, 9)
    transposed(net, 0, 2, 3, 1)
    net.node("Slice", net.x, *(net.const([v], np.int64) for v in (2, 7, 1)))
    linear(net, 6, 4)
    transposed(net, 0, 3, 1, 2)
    assert run(net)[1][0].max() <= 1


def test_products_along_columns_are_refused():
    net = start(6, 6)
    linear(net, 6, 4)
    with pytest.raises(InputError, match="mixes the images"):
        quantise(net.model())


@pytest.mark.parametrize("op", ["Add", "Mul"])
def test_constants_of_every_column_are_refused(op):
    net = start(6, 5)
    reshaped(net, 1, 6, 30)
    net.node(op, net.x, net.const(net.rng.uniform(0.5, 1, 30)))
    with pytest.raises(InputError, match="not one value a channel"):
        quantise(net.model())


def test_channels_of_one_pixel():
    net = start(4, 4)
    net.node("GlobalAveragePool")
    transposed(net, 0, 2, 3, 1)
    linear(net, 6, 4)
    transposed(net, 0, 3, 1, 2)
    exact(net, ir.Pool, ir.Conv)
