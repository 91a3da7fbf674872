"""A small builder of float ONNX networks with seeded weights, deterministic by seed, network and
layer name.
"""

import math
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwcnn.errors import InputError

OPSET, IR_VERSION = 17, 8


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """``(v, v)`` of an integer; a pair stays."""
    return (value, value) if isinstance(value, int) else value


class Builder:
    """Adds one ONNX node a call and returns the name of the tensor that it computes, which is the
    node's name.

    Parameters
    ----------
    name : of the network; with `seed` and a layer's name it determines the layer's weights.
    channels, size : of the input ``input`` [1, channels, size, size].
    width : multiplier of the channels of all layers but the classifier's (`scaled`).

    `shapes` maps every tensor to its (C, H, W), or (C,) once flattened.
    """

    def __init__(
        self, name: str, channels: int, size: int, width: float = 1.0, seed: int = 0
    ) -> None:
        self.name, self.width, self.seed = name, width, seed
        self.shapes: dict[str, tuple[int, ...]] = {"input": (channels, size, size)}
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []

    def scaled(self, channels: int, multiple: int = 1) -> int:
        """`channels` times the width, at least `multiple` and a multiple of it."""
        return multiple * max(1, round(channels * self.width / multiple))

    def node(
        self,
        op_type: str,
        inputs: Iterable[str],
        name: str,
        shape: Sequence[int],
        **attributes: Any,
    ) -> str:
        """Any operator with one output; returns `name`."""
        if name in self.shapes:
            raise ValueError(f"{self.name}: expected unique layer names, not {name!r} twice")
        if min(shape) < 1:
            size = self.shapes["input"][1]
            raise InputError(
                f"model {self.name}: the input size {size} is too small: {name} has no output"
            )
        self._nodes.append(helper.make_node(op_type, list(inputs), [name], name=name, **attributes))
        self.shapes[name] = tuple(shape)
        return name

    def constant(self, name: str, value: np.ndarray) -> str:
        self._initializers.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def rng(self, name: str) -> np.random.Generator:
        return np.random.default_rng(
            [self.seed, zlib.crc32(self.name.encode()), zlib.crc32(name.encode())]
        )

    def weight(self, name: str, shape: Sequence[int], gain: float) -> str:
        """Normal weights of variance gain / fan-in (He: 2 keeps the size of activations through
        ReLU).

        Filters over 16 channels or more have mean 0, so that the positive mean of ReLU's output
        does not pile up from layer to layer and drown what differs between pictures; the variance
        makes up for it (ReLU's output has a second moment of s**2/2, and a variance of s**2/2 * (1
        - 1/pi)).
        """
        values = self.rng(name).standard_normal(shape, np.float32)
        if shape[1] >= 16:
            values -= values.mean(axis=tuple(range(1, len(shape))), keepdims=True)
            gain /= 1 - 1 / math.pi
        values *= np.float32(math.sqrt(gain / math.prod(shape[1:])))
        return self.constant(name, values)

    def small(self, name: str, channels: int, mean: float = 0.0, deviation: float = 0.05) -> str:
        """Per-channel parameters near `mean`."""
        return self.constant(
            name, (mean + deviation * self.rng(name).standard_normal(channels)).astype(np.float32)
        )

    def conv(
        self,
        name: str,
        x: str,
        channels: int,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        pad: int | tuple[int, int] = 0,
        groups: int = 1,
        bias: bool = True,
        gain: float = 2.0,
    ) -> str:
        """Convolution to `channels`; kernel and stride are integers or (height, width), pad is on
        all four sides.
        """
        c_in, height, width = self.shapes[x]
        (kh, kw), (sh, sw), (ph, pw) = pair(kernel), pair(stride), pair(pad)
        parameters = [self.weight(f"{name}.weight", (channels, c_in // groups, kh, kw), gain)]
        if bias:
            parameters.append(self.small(f"{name}.bias", channels))
        shape = channels, (height + 2 * ph - kh) // sh + 1, (width + 2 * pw - kw) // sw + 1
        return self.node(
            "Conv",
            [x, *parameters],
            name,
            shape,
            kernel_shape=(kh, kw),
            strides=(sh, sw),
            group=groups,
            pads=(ph, pw, ph, pw),
        )

    def conv_relu(
        self, name: str, x: str, channels: int, kernel: int | tuple[int, int], **options: Any
    ) -> str:
        return self.relu(self.conv(name, x, channels, kernel, **options))

    def batch_norm(self, name: str, x: str, gain: float = 1.0) -> str:
        """Batch normalisation in evaluation mode, near the identity times `gain`."""
        channels = self.shapes[x][0]
        parameters = [
            self.small(f"{name}.weight", channels, gain, 0.1 * gain),
            self.small(f"{name}.bias", channels),
            self.small(f"{name}.mean", channels),
            self.constant(
                f"{name}.var",
                np.asarray(self.rng(f"{name}.var").uniform(0.8, 1.25, channels), np.float32),
            ),
        ]
        return self.node("BatchNormalization", [x, *parameters], name, self.shapes[x], epsilon=1e-5)

    def relu(self, x: str) -> str:
        return self.node("Relu", [x], f"{x}.relu", self.shapes[x])

    def sigmoid(self, x: str) -> str:
        return self.node("Sigmoid", [x], f"{x}.sigmoid", self.shapes[x])

    def lrn(
        self,
        name: str,
        x: str,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        bias: float = 1.0,
    ) -> str:
        return self.node(
            "LRN", [x], name, self.shapes[x], size=size, alpha=alpha, beta=beta, bias=bias
        )

    def max_pool(
        self, name: str, x: str, kernel: int, stride: int, pad: int = 0, ceil: bool = False
    ) -> str:
        return self._pool("MaxPool", name, x, kernel, stride, pad, ceil)

    def average_pool(self, name: str, x: str, kernel: int, stride: int) -> str:
        return self._pool("AveragePool", name, x, kernel, stride, 0, False)

    def _pool(
        self, op_type: str, name: str, x: str, kernel: int, stride: int, pad: int, ceil: bool
    ) -> str:
        channels, *size = self.shapes[x]
        out = [pool_size(n, kernel, stride, pad, ceil) for n in size]
        return self.node(
            op_type,
            [x],
            name,
            (channels, *out),
            kernel_shape=pair(kernel),
            strides=pair(stride),
            pads=(pad,) * 4,
            ceil_mode=int(ceil),
        )

    def global_pool(self, name: str, x: str) -> str:
        return self.node("GlobalAveragePool", [x], name, (self.shapes[x][0], 1, 1))

    def add(self, name: str, a: str, b: str) -> str:
        return self.node("Add", [a, b], name, self.shapes[a])

    def multiply(self, name: str, a: str, b: str) -> str:
        return self.node("Mul", [a, b], name, self.shapes[a])

    def concat(self, name: str, xs: Sequence[str]) -> str:
        return self.node(
            "Concat",
            xs,
            name,
            (sum(self.shapes[x][0] for x in xs), *self.shapes[xs[0]][1:]),
            axis=1,
        )

    def flatten(self, x: str) -> str:
        return self.node("Flatten", [x], f"{x}.flat", (math.prod(self.shapes[x]),), axis=1)

    def fc(self, name: str, x: str, channels: int, gain: float = 2.0) -> str:
        """Fully connected layer (Gemm) on a flattened tensor."""
        weight = self.weight(f"{name}.weight", (channels, *self.shapes[x]), gain)
        return self.node(
            "Gemm", [x, weight, self.small(f"{name}.bias", channels)], name, (channels,), transB=1
        )

    def dropout(self, x: str) -> str:
        return self.node("Dropout", [x], f"{x}.dropout", self.shapes[x])

    def softmax(self, x: str) -> str:
        return self.node("Softmax", [x], "probabilities", self.shapes[x], axis=-1)

    def model(self, output: str) -> onnx.ModelProto:
        """The onnx.ModelProto with the one output `output`."""

        def info(name: str) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *self.shapes[name]))

        graph = helper.make_graph(
            self._nodes, self.name, [info("input")], [info(output)], self._initializers
        )
        return helper.make_model(
            graph,
            producer_name="hwcnn",
            ir_version=IR_VERSION,
            opset_imports=[helper.make_opsetid("", OPSET)],
        )


def pool_size(size: int, kernel: int, stride: int, pad: int = 0, ceil: bool = False) -> int:
    """Windows along one side; in ceil mode the last one may hang over, but starts inside the map or
    its first pad.
    """
    room = size + 2 * pad - kernel
    if not ceil:
        return room // stride + 1
    out = -(-room // stride) + 1
    return out - 1 if (out - 1) * stride >= size + pad else out
