"""QDQ networks of one operator on random scales, zero points and geometries, each with its result
in exact arithmetic.

The real result of an operator, by ONNX's definition, is computed in float64 from the dequantised
integers: what float32 loses is far above what float64 loses, so that ties between two steps are
told apart from what lies beside them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper, shape_inference

#: Zero points, the extremes more often than others.
_ZEROS = (-128, 127, 0, -128, 127, None, None, None)


@dataclass
class Case:
    """model : its output "y" is the int8 result. feed : {name: float32 array}. real : the exact
    result, in steps of y, before it is rounded and clamped; zero : of y.
    """

    model: onnx.ModelProto
    feed: dict
    real: np.ndarray
    zero: int


class Maker:
    """Writes one network. operand() gives (name of a dequantised map, real values, scale)."""

    def __init__(self, rng: np.random.Generator):
        self.rng = rng
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.feed: dict[str, np.ndarray] = {}

    def const(self, array: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        self.constants.append(
            numpy_helper.from_array(np.asarray(array, dtype), f"c{len(self.constants)}")
        )
        return self.constants[-1].name

    def node(self, op: str, inputs: list[str], name: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def zero(self) -> int:
        zero = _ZEROS[self.rng.integers(len(_ZEROS))]
        return int(self.rng.integers(-128, 128)) if zero is None else zero

    def scale(self) -> float:
        return float(np.float32(10.0 ** self.rng.uniform(-5, 3)))

    def operand(
        self, shape: tuple[int, ...], scale: float | None = None
    ) -> tuple[str, np.ndarray, float]:
        scale, zero, name = (
            float(np.float32(scale or self.scale())),
            self.zero(),
            f"x{len(self.inputs)}",
        )
        q = self.rng.integers(-128, 128, shape)
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.feed[name] = ((q - zero) * scale).astype(np.float32)
        parameters = [self.const(scale), self.const(zero, np.int8)]
        self.node("QuantizeLinear", [name, *parameters], f"{name}q")
        return (
            self.node("DequantizeLinear", [f"{name}q", *parameters], f"{name}d"),
            (q - zero) * scale,
            scale,
        )

    def done(self, real: np.ndarray, scale: float | None = None) -> Case:
        """A `Case` of node "r", quantised in that scale; None takes one that suits the values
        `real`.
        """
        if scale is None:
            scale = float(
                np.float32(max(np.abs(real).max(), 1e-30) / 127 * 2 ** self.rng.uniform(-1, 1))
            )
        zero = self.zero()
        parameters = [self.const(scale), self.const(zero, np.int8)]
        self.node("QuantizeLinear", ["r", *parameters], "y")
        self.node("DequantizeLinear", ["y", *parameters], "out")
        output = helper.make_tensor_value_info("out", TensorProto.FLOAT, real.shape)
        graph = helper.make_graph(self.nodes, "random", self.inputs, [output], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        return Case(shape_inference.infer_shapes(model), self.feed, real / scale, zero)

    def same_or_new(self, scale: float) -> float | None:
        """The operand's scale for the result, in every second network, as pools and resampling
        often have.
        """
        return scale if self.rng.random() < 0.5 else None

    def map_shape(self, least: int = 1) -> tuple[int, ...]:
        return (1, int(self.rng.integers(1, 9)), *(int(v) for v in self.rng.integers(least, 15, 2)))


def conv(m: Maker) -> Case:
    shape, out = m.map_shape(3), int(m.rng.integers(1, 9))
    x, real, scale = m.operand(shape)
    depthwise = m.rng.random() < 0.3
    groups, out = (shape[1], shape[1]) if depthwise else (1, out)
    q = m.rng.integers(-128, 128, (out, shape[1] // groups, 3, 3))
    q[m.rng.random(out) < 0.2] = -128
    scales = np.float32(10.0 ** m.rng.uniform(-6, 3) * m.rng.uniform(0.3, 1, out)).astype(
        np.float64
    )
    weight = m.node(
        "DequantizeLinear",
        [m.const(q, np.int8), m.const(scales), m.const(np.zeros(out), np.int8)],
        "w",
        axis=0,
    )
    unit = np.float32(scale * scales).astype(np.float64)
    bias = m.rng.integers(-(2 ** int(m.rng.integers(1, 20))), 2 ** int(m.rng.integers(1, 20)), out)
    b = m.node(
        "DequantizeLinear",
        [m.const(bias, np.int32), m.const(unit), m.const(np.zeros(out), np.int32)],
        "b",
        axis=0,
    )
    m.node("Conv", [x, weight, b], "r", group=groups, pads=[1] * 4)
    padded = np.pad(real, ((0, 0), (0, 0), (1, 1), (1, 1)))
    taps = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    form = "nohwyx,ocyx->nohw" if depthwise else "nchwyx,ocyx->nohw"
    w = q * scales[:, None, None, None]
    return m.done(
        np.einsum(form, taps, w[:, :1] if depthwise else w, optimize=True)
        + (bias * unit)[:, None, None]
    )


def average_pool(m: Maker) -> Case:
    shape, kernel, stride = m.map_shape(4), m.rng.integers(1, 5, 2), m.rng.integers(1, 4, 2)
    pads, ceil, include = (
        [int(m.rng.integers(0, k)) for k in (*kernel, *kernel)],
        bool(m.rng.integers(2)),
        bool(m.rng.integers(2)),
    )
    x, real, scale = m.operand(shape)
    m.node(
        "AveragePool",
        [x],
        "r",
        kernel_shape=kernel,
        strides=stride,
        pads=pads,
        ceil_mode=ceil,
        count_include_pad=include,
    )
    total, count = real, np.ones(shape)
    for axis, k, s, before, after in zip((2, 3), kernel, stride, pads[:2], pads[2:], strict=True):
        steps = shape[axis] + before + after - k
        out = (-(-steps // s) if ceil else steps // s) + 1
        first = np.arange(out) * s - before
        taps = first[:, None] + np.arange(k)
        inside = (taps >= 0) & (taps < shape[axis])
        counted = (taps < shape[axis] + after) if include else inside
        total = _along(
            total,
            axis,
            lambda a, t=taps, i=inside: (a[..., t.clip(0, a.shape[-1] - 1)] * i).sum(-1),
        )
        count = _along(count, axis, lambda a, c=counted: a[..., :1] * c.sum(-1))
    return m.done(total / np.maximum(count, 1), m.same_or_new(scale))


def global_average(m: Maker) -> Case:
    x, real, scale = m.operand(m.map_shape())
    m.node("GlobalAveragePool", [x], "r")
    return m.done(real.mean(axis=(2, 3), keepdims=True), m.same_or_new(scale))


def reduce_mean(m: Maker) -> Case:
    axes = ((2, 3), (2,), (3,), (1,))[m.rng.integers(4)]
    x, real, scale = m.operand(m.map_shape())
    m.node("ReduceMean", [x], "r", axes=axes)
    return m.done(real.mean(axis=axes, keepdims=True), m.same_or_new(scale))


def resize(
    m: Maker,
    transforms: tuple[str, ...] = (
        "half_pixel",
        "pytorch_half_pixel",
        "half_pixel_symmetric",
        "asymmetric",
    ),
) -> Case:
    shape, transform = m.map_shape(4), transforms[m.rng.integers(len(transforms))]
    factors = [(1, 2, 3, 4, 5, 6, 7, 8, 1.5, 2.5, 0.5, 0.75)[i] for i in m.rng.integers(0, 12, 2)]
    out = [int(n * f) for n, f in zip(shape[2:], factors, strict=True)]
    x, real, scale = m.operand(shape)
    size = ["", "", m.const([*shape[:2], *out], np.int64)]
    m.node("Resize", [x, *size], "r", mode="linear", coordinate_transformation_mode=transform)
    for axis, n, to in zip((2, 3), shape[2:], out, strict=True):
        at = _positions(transform, np.arange(to), n, to).clip(0, n - 1)
        low = np.floor(at + 1e-12).astype(int)
        high, rest = np.minimum(low + 1, n - 1), at - low
        real = _along(
            real, axis, lambda a, i=low, j=high, r=rest: a[..., i] * (1 - r) + a[..., j] * r
        )
    return m.done(real, m.same_or_new(scale))


def resize_twice(m: Maker) -> Case:
    return resize(m, ("align_corners",))


def _positions(transform: str, o: np.ndarray, size: int, out: int) -> np.ndarray:
    """Of results o in the map (ONNX Resize, coordinate_transformation_mode)."""
    if transform == "asymmetric":
        return o * size / out
    if transform == "align_corners":
        return o * (size - 1) / max(out - 1, 1)
    return (
        np.zeros(1)
        if transform == "pytorch_half_pixel" and out == 1
        else (o + 0.5) * size / out - 0.5
    )


def _along(
    array: np.ndarray, axis: int, function: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """function of the array with that axis last, whose result's last axis is put back."""
    return np.moveaxis(function(np.moveaxis(array, axis, -1)), -1, axis)


def add(m: Maker) -> Case:
    shape, scale = m.map_shape(), m.scale()
    a, real_a, _ = m.operand(shape, scale)
    b, real_b, _ = m.operand(shape, scale * float(np.float32(2 ** m.rng.uniform(-6, 6))))
    m.node("Add", [a, b], "r")
    return m.done(real_a + real_b, m.same_or_new(scale))


def mul(m: Maker) -> Case:
    shape = m.map_shape()
    a, real_a, _ = m.operand(shape)
    b, real_b, _ = m.operand(shape if m.rng.integers(2) else (*shape[:2], 1, 1))
    m.node("Mul", [a, b], "r")
    return m.done(real_a * real_b)


def concat(m: Maker) -> Case:
    shape, scale = m.map_shape(), m.scale()
    operands = [
        m.operand(shape, float(np.float32(scale * 2 ** m.rng.uniform(-3, 3))))
        for _ in range(int(m.rng.integers(2, 4)))
    ]
    m.node("Concat", [name for name, *_ in operands], "r", axis=1)
    return m.done(np.concatenate([real for _, real, _ in operands], axis=1))


#: Name of a row to what makes its networks.
OPERATORS = {
    "Conv": conv,
    "AveragePool": average_pool,
    "GlobalAveragePool": global_average,
    "ReduceMean": reduce_mean,
    "Resize": resize,
    "Resize, align_corners": resize_twice,
    "Add": add,
    "Mul": mul,
    "Concat": concat,
}
