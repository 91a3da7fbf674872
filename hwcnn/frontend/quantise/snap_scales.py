"""Scales that the hardware's multipliers hold exactly.

A convolution requantises by x_scale * w_scale / y_scale, rounded to a mantissa of 17 bits. Moving
each weight scale by that rounding, at most 2**-17 of it, leaves nothing to round, so that integers
and QDQ floats agree but for ties. Pools, sums and products move their own result's scale, batch
norms their gamma. A pool whose result shares its scale with others moves that of its operand, where
a convolution made it only for the pool.
"""

import numpy as np
import onnx
from onnx import numpy_helper

from hwcnn.fixedpoint import multiplier
from hwcnn.frontend.importer.requant import common_shift
from hwcnn.frontend.model.onnx_index import OnnxIndex

_CLIPS = {"Relu", "Clip"}
#: Operators whose constants follow from the scales of their operand and result.
_MOVABLE = {"Conv", "Gemm", "MatMul", "BatchNormalization"}
#: How much larger the scale of a sum may become.
_WIDER = 1 + 2.0**-8


def snap_scales(model: onnx.ModelProto) -> None:
    """Move scales and gammas in place. model : QDQ from onnxruntime's quantiser."""
    graph = _Scales(model)
    for node in model.graph.node:
        if node.op_type in ("AveragePool", "GlobalAveragePool"):
            graph.pool(node)
        elif node.op_type in ("Add", "Sub", "Sum"):
            graph.sum(node)
        elif node.op_type == "Mul":
            graph.product(node)
    for node in model.graph.node:  # they follow from the scales of activations
        if node.op_type == "BatchNormalization":
            graph.batch_norm(node)
        elif node.op_type in ("Conv", "Gemm", "MatMul"):
            graph.weights(node)


class _Scales:
    """Each method moves what one node's requantisation depends on, where nothing else does."""

    def __init__(self, model: onnx.ModelProto):
        self.index = OnnxIndex(model.graph)
        self.producers, self.readers = self.index.producers, self.index.readers

    def of_input(self, name: str) -> str | None:
        """Name of the scale with which a value was dequantised, or None."""
        node = self.producers.get(name)
        return node.input[1] if node is not None and node.op_type == "DequantizeLinear" else None

    def of_result(self, node: onnx.NodeProto) -> str | None:
        """Name of the scale with which the node's result is quantised, past one clip, or None."""
        readers = self.readers.get(node.output[0], [])
        if len(readers) == 1 and readers[0].op_type in _CLIPS:
            readers = self.readers.get(readers[0].output[0], [])
        scales = {r.input[1] for r in readers if r.op_type == "QuantizeLinear"}
        return scales.pop() if len(scales) == 1 and len(readers) == 1 else None

    def value(self, name: str) -> np.ndarray:
        return self.index.array(name).astype(np.float64)

    def change(self, name: str, value: np.ndarray) -> None:
        """Let the constant of that name hold `value`, in its own shape."""
        shape = self.index.array(name).shape
        self.index.constants[name].CopyFrom(
            numpy_helper.from_array(np.asarray(value, np.float32).reshape(shape), name)
        )

    def weights(self, node: onnx.NodeProto) -> None:
        """Move the scales of a layer's weights, and that of its bias with them."""
        x, w, y = self.of_input(node.input[0]), self.of_input(node.input[1]), self.of_result(node)
        if x is None or w is None or y is None:
            return
        if len(self.readers[w]) != 1 or len(self.readers[node.input[1]]) != 1:
            return
        unit = self.value(x) / self.value(y)
        real = unit * self.value(w)
        if real.max() >= 2.0**16:
            return
        mantissa, shift = multiplier(real)
        if not mantissa.all():
            return
        self.change(w, np.ldexp(mantissa.astype(np.float64), -shift) / unit)
        bias = self.of_input(node.input[2]) if len(node.input) > 2 else None
        if bias is not None and len(self.readers[bias]) == 1:
            self.change(bias, self.value(x) * self.value(w))

    def pool(self, node: onnx.NodeProto) -> None:
        """Move the scale of an average's result, or of its operand where the result's is shared."""
        x, y = self.of_input(node.input[0]), self.of_result(node)
        if x is None or y is None or x == y:
            return
        kernel = [a.ints for a in node.attribute if a.name == "kernel_shape"] or [
            self.index.shapes[node.input[0]][2:]
        ]
        taps = np.prod([int(k) for k in kernel[0]])
        if not self._shared(y):
            self._one_multiplier(y, self.value(x) / taps)
        elif self._made_for(node, x):
            unit = self.value(y) * taps
            mantissa, shift = multiplier(self.value(x) / unit)
            up = mantissa + (np.ldexp(mantissa.astype(np.float64), -shift) < self.value(x) / unit)
            self.change(x, np.ldexp(up.astype(np.float64), -shift) * unit)

    def _made_for(self, node: onnx.NodeProto, x: str) -> bool:
        """True where a convolution or batch norm computes the node's operand, of the scale named x,
        and nothing else reads it.
        """
        # QuantizeLinear and DequantizeLinear
        alone = len(self.readers[node.input[0]]) == 1 and len(self.readers[x]) == 2
        return alone and any(
            self.of_result(n) == x for n in self.producers.values() if n.op_type in _MOVABLE
        )

    def product(self, node: onnx.NodeProto) -> None:
        """Move the scale of a product of two maps."""
        a, b, y = self.of_input(node.input[0]), self.of_input(node.input[1]), self.of_result(node)
        if a is None or b is None or y is None or y in (a, b):
            return
        if not self._shared(y):
            self._one_multiplier(y, self.value(a) * self.value(b))

    def _one_multiplier(self, y: str, target: np.ndarray) -> None:
        """Enlarge the scale named y until target / y_scale is a mantissa and a shift."""
        real = target / self.value(y)
        if not 0 < real < 2.0**16:
            return
        mantissa, shift = multiplier(real)
        down = np.where(
            np.ldexp(mantissa.astype(np.float64), -shift) > real, mantissa - 1, mantissa
        )
        if down.all():
            self.change(y, target / np.ldexp(down.astype(np.float64), -shift))

    def sum(self, node: onnx.NodeProto) -> None:
        """Of the scales up to `_WIDER` larger, take the one at which both operands' multipliers are
        nearest to integers.
        """
        found, y = [self.of_input(name) for name in node.input], self.of_result(node)
        scales = [name for name in found if name is not None]
        if len(found) != 2 or len(scales) != 2 or y is None or y in scales or self._shared(y):
            return
        large, small = sorted((float(self.value(s).item()) for s in scales), reverse=True)
        now = float(self.value(y).item())
        shift = common_shift(large / now)
        mantissa = np.arange(
            np.floor(np.ldexp(large / now, shift)), np.ldexp(large / now / _WIDER, shift), -1
        )
        rest = np.abs(np.rint(mantissa * small / large) - mantissa * small / large)
        if mantissa.size:
            self.change(y, np.ldexp(large / mantissa[rest.argmin()], shift))

    def batch_norm(self, node: onnx.NodeProto) -> None:
        """Move gamma, one a channel, by what the multiplier would lose."""
        x, y = self.of_input(node.input[0]), self.of_result(node)
        if (
            x is None
            or y is None
            or any(name not in self.index.constants for name in node.input[1:])
            or len(self.readers[node.input[1]]) > 1
        ):
            return
        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        unit = self.value(x) / self.value(y) / np.sqrt(self.value(node.input[4]) + epsilon)
        gain = self.value(node.input[1]) * unit
        mantissa, shift = multiplier(np.abs(gain))
        if mantissa.all():
            self.change(
                node.input[1],
                np.copysign(np.ldexp(mantissa.astype(np.float64), -shift), gain) / unit,
            )

    def _shared(self, name: str) -> bool:
        """Another tensor has this very scale, as the operands of a concatenation do."""
        value = self.value(name)
        others = {n.input[1] for n in self.producers.values() if n.op_type == "QuantizeLinear"} - {
            name
        }
        return any(np.array_equal(self.value(n), value) for n in others)
