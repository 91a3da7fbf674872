"""Layers that work element by element: functions, and arithmetic of two maps or with constants."""

import numpy as np

from .layers import layer
from .net import Invalid

#: Functions of one value, and what makes their input lie where they are defined.
_FUNCTIONS = {
    **dict.fromkeys(
        (
            "Abs",
            "Asinh",
            "Atan",
            "Ceil",
            "Celu",
            "Cos",
            "Elu",
            "Erf",
            "Floor",
            "Gelu",
            "HardSigmoid",
            "HardSwish",
            "Identity",
            "Dropout",
            "LeakyRelu",
            "Mish",
            "Neg",
            "Relu",
            "Round",
            "Selu",
            "Shrink",
            "Sigmoid",
            "Sign",
            "Sin",
            "Softplus",
            "Softsign",
            "Swish",
            "Tanh",
            "ThresholdedRelu",
            "Reciprocal",
        ),
        None,
    ),
    **dict.fromkeys(("Exp", "Sinh", "Cosh", "Tan"), "Tanh"),
    # Not Tanh: onnxruntime's exceeds 1 by a bit, where these are not defined.
    **dict.fromkeys(("Acos", "Asin", "Atanh"), "Softsign"),
    **dict.fromkeys(("Log", "Sqrt"), "Relu"),
    "Acosh": "Exp",
}
#: Attributes that they may have.
_ATTRIBUTES = {
    "Celu": {"alpha": (1.0, 0.5)},
    "Elu": {"alpha": (1.0, 0.3)},
    "HardSigmoid": {"alpha": (0.2, 0.5), "beta": (0.5, 0.1)},
    "LeakyRelu": {"alpha": (0.01, 0.3, 2.0)},
    "Selu": {"alpha": (1.67, 0.7)},
    "Shrink": {"lambd": (0.5, 0.1), "bias": (0.0, 0.3)},
    "ThresholdedRelu": {"alpha": (1.0, 0.2)},
    "Gelu": {"approximate": ("none", "tanh")},
    "Swish": {"alpha": (1.0, 0.5)},
}


@layer(*_FUNCTIONS)
def function(net, pick, name, x):
    if _FUNCTIONS[name]:
        x = net.node(_FUNCTIONS[name], [x])
    attributes = {key: pick(key, options) for key, options in _ATTRIBUTES.get(name, {}).items()}
    return [net.node(name, [x], **attributes)]


@layer("Cast")
def cast(net, pick, x):
    return [net.node("Cast", [x], to=1)]


@layer("Clip")
def clip(net, pick, x):
    low, high = pick("low", (0.0, -1.0, None)), pick("high", (6.0, 1.0, None))
    return [
        net.node("Clip", [x, *("" if bound is None else net.const(bound) for bound in (low, high))])
    ]


@layer("Pow")
def power(net, pick, x):
    exponent = pick("exponent", (2.0, 1.0, 3.0, 0.5))
    x = net.node("Relu", [x]) if exponent == 0.5 else x
    return [net.node("Pow", [x, net.const(exponent)])]


@layer("PRelu")
def prelu(net, pick, x):
    shape = net.shapes[x]
    slope = net.rng.uniform(
        -0.5,
        1.5,
        (shape[1], *[1] * (len(shape) - 2)) if pick("by_channel", (False, True)) else (1,),
    )
    return [net.node("PRelu", [x, net.const(slope)])]


@layer("Add", "Sub", "Mul", "Max", "Min", "Sum", operands=2)
def binary(net, pick, name, a, b):
    if pick("swapped", (False, True), (3, 1)):
        a, b = b, a
    return [net.node(name, [a, b])]


@layer("add_const", "sub_const", "mul_const", "div_const", "max_const", "min_const")
def with_constant(net, pick, name, x):
    shape = net.shapes[x]
    by_channel = pick("by_channel", (False, True))
    value = net.rng.uniform(0.3, 2, (shape[1], *[1] * (len(shape) - 2)) if by_channel else ())
    if name in ("mul_const", "add_const", "sub_const"):
        value = value * net.rng.choice((-1, 1), np.shape(value))
    op = name.split("_")[0].capitalize()
    first = op == "Sub" and pick("first", (False, True), (3, 1))
    return [net.node(op, [net.const(value), x] if first else [x, net.const(value)])]


@layer("sum3", operands=3)
def sum_of_three(net, pick, *xs):
    return [net.node(pick("op", ("Sum", "Max", "Min")), xs)]


@layer("gate", operands=1)
def gate(net, pick, x):
    """Squeeze and excite: a map times a value a channel that comes from it."""
    if len(net.shapes[x]) != 4:
        raise Invalid("not a map")
    squeezed = net.node("Sigmoid", [net.node("GlobalAveragePool", [x])])
    return [net.node(pick("op", ("Mul", "Add", "Max", "Min", "Sub")), [x, squeezed])]


@layer("attention")
def attention(net, pick, x):
    """A map and what it comes to in all channels, or in all rows or columns, of each pixel."""
    if len(net.shapes[x]) != 4:
        raise Invalid("not a map")
    axis = pick("axis", (1, 2, 3), (4, 1, 1))
    kind = pick("kind", ("ReduceMean", "ReduceMax"))
    reduced = net.node(kind, [x, net.const([axis], np.int64)], keepdims=1)
    op = pick("op", ("Mul", "Add", "Max", "Sub"))
    return [net.node(op, [x, reduced] if pick("first", (True, False)) else [reduced, x])]
