"""The layers of networks: a small builder of float ONNX networks with seeded weights."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .graph import Graph
from .shapes import pair, pool_size


class Builder(Graph):
    """Adds one ONNX node a call and returns the name of the tensor that it computes, which is the
    node's name.

    Parameters
    ----------
    name : of the network; with `seed` and a layer's name it determines the layer's weights.
    channels, size : of the input ``input`` [1, channels, height, width].
    width : multiplier of the channels of all layers but the classifier's (`scaled`).
    """

    def __init__(
        self,
        name: str,
        channels: int,
        size: int | tuple[int, int],
        width: float = 1.0,
        seed: int = 0,
    ) -> None:
        super().__init__(name, {"input": (channels, *pair(size))}, seed)
        self.width = width

    def scaled(self, channels: int, multiple: int = 1) -> int:
        """`channels` times the width, at least `multiple` and a multiple of it."""
        return multiple * max(1, round(channels * self.width / multiple))

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
