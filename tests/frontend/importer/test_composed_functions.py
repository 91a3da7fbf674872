"""Functions of one value that exporters write as several operators: one table each, from float ONNX
to the ISA engine.
"""

import numpy as np
import pytest
from float_nets import Net
from to_program import run

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.frontend.quantise.float_to_qdq import quantise


def half(net, x):
    return net.node("Mul", x, net.const(0.5))


def gelu(net, x):
    erf = net.node("Erf", net.node("Div", x, net.const(2**0.5)))
    return half(net, net.node("Mul", x, net.node("Add", erf, net.const(1))))


def gelu_tanh(net, x):
    cube = net.node("Mul", net.const(0.044715), net.node("Pow", x, net.const(3)))
    tanh = net.node("Tanh", net.node("Mul", net.const(0.79788), net.node("Add", x, cube)))
    return net.node("Mul", half(net, x), net.node("Add", net.const(1), tanh))


def hard_swish(net, x):
    clip = net.node("Clip", net.node("Add", x, net.const(3)), net.const(0), net.const(6))
    return net.node("Div", net.node("Mul", x, clip), net.const(6))


def mish(net, x):
    softplus = net.node("Log", net.node("Add", net.node("Exp", x), net.const(1)))
    return net.node("Mul", x, net.node("Tanh", softplus))


def sigmoid(net, x):
    exp = net.node("Exp", net.node("Neg", x))
    return net.node("Div", net.const(1), net.node("Add", exp, net.const(1)))


def softsign(net, x):
    return net.node("Div", x, net.node("Add", net.node("Abs", x), net.const(1)))


def elu(net, x):
    below = net.node("Sub", net.node("Exp", net.node("Min", x, net.const(0))), net.const(1))
    return net.node("Add", net.node("Relu", x), half(net, below))


def power_of_two(net, x):
    return net.node("Pow", net.const(2), x)


def leaky(net, x):
    return net.node("Max", x, net.node("Mul", x, net.const(0.1)))


FUNCTIONS = (gelu, gelu_tanh, hard_swish, mish, sigmoid, softsign, elu, power_of_two, leaky)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_one_table(function):
    net = Net(1, 3, 6, 6)
    result = function(net, net.conv(3, 6, 1, 1))
    net.conv(6, 4, 1, 1)
    graph, steps = run(net, result, net.x)
    assert [s.max() for s in steps] == [0, 0]
    assert [type(op) for op in graph.ops] == [ir.Conv, ir.Lut, ir.Conv]


def test_a_quotient_of_maps_is_refused():
    net = Net(1, 3, 6, 6)
    net.node("Div", net.conv(3, 6, 1, 1), net.node("Exp", net.conv(3, 6, 1, 1, x="x")))
    with pytest.raises(InputError, match="division by a map"):
        quantise(net.model())


def test_powers_of_a_channel_each_are_refused():
    net = Net(1, 3, 6, 6)
    net.node("Pow", net.const(np.ones((6, 1, 1))), net.conv(3, 6, 1, 1))
    with pytest.raises(InputError, match="one constant"):
        quantise(net.model())
