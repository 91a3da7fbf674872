"""Scales that the hardware's multipliers hold exactly.

A convolution requantises by x_scale * w_scale / y_scale, rounded to a mantissa of 17 bits. Moving each weight scale by
that rounding, at most 2**-17 of it, leaves nothing to round, so that integers and QDQ floats agree but for ties.
Average pools move their own result's scale.
"""

import numpy as np
from onnx import numpy_helper

from ..fixedpoint import multiplier

_CLIPS = {"Relu", "Clip"}


def exact_scales(model):
    """Move the scales of weights, their biases and average pools' results, in place. model : QDQ from onnxruntime's
    quantiser.
    """
    graph = _Scales(model)
    for node in model.graph.node:
        if node.op_type in ("AveragePool", "GlobalAveragePool"):
            graph.pool(node)
        elif node.op_type in ("Conv", "Gemm", "MatMul"):
            graph.weights(node)


class _Scales:
    def __init__(self, model):
        self.constants = {i.name: i for i in model.graph.initializer}
        self.producer = {o: n for n in model.graph.node for o in n.output}
        self.readers = {}
        for node in model.graph.node:
            for name in node.input:
                self.readers.setdefault(name, []).append(node)
        self.shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in model.graph.value_info}

    def of_input(self, name):
        """Name of the scale with which a value was dequantised, or None."""
        node = self.producer.get(name)
        return node.input[1] if node is not None and node.op_type == "DequantizeLinear" else None

    def of_result(self, node):
        """Name of the scale with which the node's result is quantised, past one clip, or None."""
        readers = self.readers.get(node.output[0], [])
        if len(readers) == 1 and readers[0].op_type in _CLIPS:
            readers = self.readers.get(readers[0].output[0], [])
        scales = {r.input[1] for r in readers if r.op_type == "QuantizeLinear"}
        return scales.pop() if len(scales) == 1 and len(readers) == 1 else None

    def value(self, name):
        return numpy_helper.to_array(self.constants[name]).astype(np.float64)

    def change(self, name, value):
        shape = numpy_helper.to_array(self.constants[name]).shape
        self.constants[name].CopyFrom(numpy_helper.from_array(np.asarray(value, np.float32).reshape(shape), name))

    def weights(self, node):
        x, w, y = self.of_input(node.input[0]), self.of_input(node.input[1]), self.of_result(node)
        if None in (x, w, y) or len(self.readers[w]) != 1 or len(self.readers[node.input[1]]) != 1:
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

    def pool(self, node):
        x, y = self.of_input(node.input[0]), self.of_result(node)
        if None in (x, y) or x == y or self._shared(y):
            return
        taps = [a.ints for a in node.attribute if a.name == "kernel_shape"] or [self.shapes[node.input[0]][2:]]
        target = self.value(x) / np.prod(taps[0])
        mantissa, shift = multiplier(target / self.value(y))
        down = np.where(np.ldexp(mantissa.astype(np.float64), -shift) > target / self.value(y), mantissa - 1, mantissa)
        self.change(y, target / np.ldexp(down.astype(np.float64), -shift))

    def _shared(self, name):
        """Another tensor has this very scale, as the parts of a concatenation do."""
        value = self.value(name)
        others = {n.input[1] for n in self.producer.values() if n.op_type == "QuantizeLinear"} - {name}
        return any(np.array_equal(self.value(n), value) for n in others)
