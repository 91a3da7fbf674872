"""Layers without weights."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .graph import Graph
from .shapes import Shape, pair, pool_size, sides


class Maps(Graph):
    """Adds one ONNX node a call and returns the name of the tensor that it computes."""

    def unary(self, op_type: str, x: str, **attributes: Any) -> str:
        """A function of one value, named after its operand and itself."""
        return self.node(op_type, [x], f"{x}.{op_type.lower()}", self.shapes[x], **attributes)

    def relu(self, x: str) -> str:
        return self.unary("Relu", x)

    def sigmoid(self, x: str) -> str:
        return self.unary("Sigmoid", x)

    def tanh(self, x: str) -> str:
        return self.unary("Tanh", x)

    def leaky_relu(self, x: str, slope: float) -> str:
        """x, but slope * x where it is negative."""
        return self.unary("LeakyRelu", x, alpha=slope)

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
        self,
        name: str,
        x: str,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int],
        pad: int | tuple[int, ...] = 0,
        ceil: bool = False,
    ) -> str:
        """Highest values of windows; kernel, stride and pads as those of `Builder.conv`."""
        return self._pool("MaxPool", name, x, kernel, stride, pad, ceil)

    def average_pool(self, name: str, x: str, kernel: int, stride: int) -> str:
        return self._pool("AveragePool", name, x, kernel, stride, 0, False)

    def _pool(
        self,
        op_type: str,
        name: str,
        x: str,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int],
        pad: int | tuple[int, ...],
        ceil: bool,
    ) -> str:
        channels, height, width = self.shapes[x]
        (kh, kw), (sh, sw) = pair(kernel), pair(stride)
        top, left, bottom, right = pads = sides(pad)
        shape = (
            channels,
            pool_size(height, kh, sh, top, bottom, ceil),
            pool_size(width, kw, sw, left, right, ceil),
        )
        return self.node(
            op_type,
            [x],
            name,
            shape,
            kernel_shape=(kh, kw),
            strides=(sh, sw),
            pads=pads,
            ceil_mode=int(ceil),
        )

    def global_pool(self, name: str, x: str) -> str:
        return self.node("GlobalAveragePool", [x], name, (self.shapes[x][0], 1, 1))

    def add(self, name: str, a: str, b: str) -> str:
        return self.node("Add", [a, b], name, self.shapes[a])

    def subtract(self, name: str, a: str, b: str) -> str:
        return self.node("Sub", [a, b], name, self.shapes[a])

    def multiply(self, name: str, a: str, b: str) -> str:
        return self.node("Mul", [a, b], name, self.shapes[a])

    def concat(self, name: str, xs: Sequence[str]) -> str:
        """Along channels. Raises InputError where rows or columns differ."""
        sizes = {x: self.shapes[x][1:] for x in xs}
        if len(set(sizes.values())) > 1:
            maps = ", ".join(f"{x} is {'x'.join(map(str, size))}" for x, size in sizes.items())
            raise self.misfit(f"does not fit: {name} joins maps of different sizes: {maps}")
        return self.node(
            "Concat",
            xs,
            name,
            (sum(self.shapes[x][0] for x in xs), *self.shapes[xs[0]][1:]),
            axis=1,
        )

    def split(self, x: str, index: int, parts: int) -> str:
        """One of so many equal parts of the channels."""
        channels, height, width = self.shapes[x]
        return self.slice(
            f"{x}.part{index}",
            x,
            (index * channels // parts, 0, 0),
            (channels // parts, height, width),
        )

    def crop(self, name: str, x: str, top: int, left: int, like: str) -> str:
        """Rows and columns of x from (top, left) on, as many as another tensor has."""
        return self.slice(name, x, (0, top, left), (self.shapes[x][0], *self.shapes[like][1:]))

    def slice(self, name: str, x: str, start: Shape, shape: Shape) -> str:
        """The part of x of that shape that starts there."""
        axes = [a for a, size in enumerate(self.shapes[x]) if (start[a], shape[a]) != (0, size)]
        if not axes:
            return x
        bounds = [[start[a] for a in axes], [start[a] + shape[a] for a in axes]]
        if any(end > self.shapes[x][a] for a, end in zip(axes, bounds[1], strict=True)):
            raise self.misfit(f"does not fit: {name} is {shape} from {start} of {self.shapes[x]}")
        parameters = [
            self.constant(f"{name}.{what}", np.array(values))
            for what, values in zip(
                ("starts", "ends", "axes"), (*bounds, [a + 1 for a in axes]), strict=True
            )
        ]
        return self.node("Slice", [x, *parameters], name, shape)

    def pad(self, name: str, x: str, before: Shape, after: Shape, mode: str = "constant") -> str:
        """Pads (channels, rows, columns) before and after x: zeros, or "reflect"."""
        shape = [b + n + a for b, n, a in zip(before, self.shapes[x], after, strict=True)]
        pads = self.constant(f"{name}.pads", np.array([0, *before, 0, *after]))
        return self.node("Pad", [x, pads], name, shape, mode=mode)

    def upsample(self, name: str, x: str, factor: int) -> str:
        """Each pixel repeated in rows and columns."""
        channels, height, width = self.shapes[x]
        scales = self.constant(f"{name}.scales", np.array([1, 1, factor, factor], np.float32))
        return self.node(
            "Resize",
            [x, "", scales],
            name,
            (channels, height * factor, width * factor),
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )

    def depth_to_space(self, name: str, x: str, block: int) -> str:
        """Channel c * block**2 + i * block + j becomes the pixel (i, j) of a block of channel c."""
        channels, height, width = self.shapes[x]
        shape = channels // block**2, height * block, width * block
        return self.node("DepthToSpace", [x], name, shape, blocksize=block, mode="CRD")

    def reshape(self, name: str, x: str, shape: Shape) -> str:
        """The same values in another shape."""
        target = self.constant(f"{name}.shape", np.array([1, *shape]))
        return self.node("Reshape", [x, target], name, shape)

    def transpose(self, name: str, x: str, axes: Shape) -> str:
        """Axes in another order; axis 0 is the first behind the batch."""
        shape = [self.shapes[x][a] for a in axes]
        return self.node("Transpose", [x], name, shape, perm=[0, *(a + 1 for a in axes)])

    def flatten(self, x: str) -> str:
        return self.node("Flatten", [x], f"{x}.flat", (math.prod(self.shapes[x]),), axis=1)

    def dropout(self, x: str) -> str:
        return self.node("Dropout", [x], f"{x}.dropout", self.shapes[x])

    def softmax(self, x: str, name: str = "probabilities", axis: int = -1) -> str:
        """Probabilities of classes; axis counts the batch."""
        return self.node("Softmax", [x], name, self.shapes[x], axis=axis)
