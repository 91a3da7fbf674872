"""State of one import: what each ONNX name stands for, and the operations and tensors made so far."""

from dataclasses import replace

import numpy as np
from onnx import TensorProto

from hwcnn import ir

from . import relayout, requant
from .registry import Unsupported
from .values import Const, Host, Input, Linear, Padded, Pending, Table, map_shape

_INTEGERS = {TensorProto.INT8: np.dtype(np.int8), TensorProto.UINT8: np.dtype(np.uint8)}


class Context:
    """graph: ONNX, with the shape of every value. dry_run: a float model is only tried, with made-up
    scales.

    shapes, producers, types : of a value, its shape, the name of the node that computes it, and its
    integer type.
    """

    def __init__(self, graph, dry_run=False):
        self.dry_run = dry_run
        values = [*graph.value_info, *graph.input, *graph.output]
        self.shapes = {
            v.name: tuple(d.dim_value for d in v.type.tensor_type.shape.dim) for v in values
        }
        self.producers = {o: n.name for n in graph.node for o in n.output}
        self.types = {
            v.name: _INTEGERS[k]
            for v in graph.input
            if (k := v.type.tensor_type.elem_type) in _INTEGERS
        }
        self.tensors, self.ops, self.inputs, self.host = {}, [], [], []
        self.node = ""  # the one that is being imported
        self._made = {}

    def tensor(self, value):
        """The ir.Tensor behind a value."""
        return self.tensors[value.tensor]

    def as_map(self, value, what="the input"):
        """The value as an int8 map: a `Linear` or `Padded` whose ONNX shape is that of its tensor.
        Raises Unsupported otherwise.
        """
        if isinstance(value, Const):
            raise Unsupported(f"{what} is a constant")
        if isinstance(value, Input):
            raise Unsupported(f"{what} is a float input without QuantizeLinear")
        if isinstance(value, Host):
            raise Unsupported(
                f"{what} is computed by the host (softmax): only outputs can follow that"
            )
        if isinstance(value, Padded):
            return value
        if not isinstance(value, Linear) or not value.is_identity:
            raise Unsupported(
                f"{what} is not quantised: a QuantizeLinear and DequantizeLinear are missing before it"
            )
        if value.index is not None or map_shape(value.shape) != self.tensor(value).shape:
            key = "layout", value.tensor, value.shape, id(value.index)
            if key not in self._made:
                self._made[key] = (value, relayout.rearranged(self, value, what))
            return self._made[key][1]
        return value

    def materialise(self, value, what="the input"):
        """The value as an int8 map that has its padding, if any: a `Linear`. Raises Unsupported."""
        value = self.as_map(value, what)
        if not isinstance(value, Padded):
            return value
        if id(value) not in self._made:
            self._made[id(value)] = (value, relayout.padded(self, value))
        return self._made[id(value)][1]

    def new_tensor(self, name, shape, scale, zero):
        """A tensor of a name of its own (`name`, with a number where that is taken)."""
        unique, count = name, 1
        while unique in self.tensors:
            count += 1
            unique = f"{name}_{count}"
        self.tensors[unique] = ir.Tensor(unique, tuple(shape), scale, zero)
        return self.tensors[unique]

    def quantise(self, node_name, value, name, scale, zero):
        """`value` as an int8 tensor of that scale and zero point: a raw `Linear`. name: of the
        tensor, if one is made.

        Asked again for the same, it gives the same tensor.
        """
        key = (id(value), scale, zero)
        if key not in self._made:
            self._made[key] = (value, self._quantise(node_name, value, name, scale, zero))
        return self._made[key][1]

    def _quantise(self, node_name, value, name, scale, zero):
        if getattr(value, "index", None) is not None:
            # the map that the value's elements come from: not the one that ONNX calls so
            name = f"{name}/unmoved"
        if isinstance(value, Input):
            return self._input(value, scale, zero)
        if isinstance(value, Padded) and self._same(value, scale, zero):
            constant = np.clip(np.rint(value.value / scale) + zero, -128, 127)
            return replace(value, raw=True, value=float((constant - zero) * scale))
        if isinstance(value, Padded):
            value = self.materialise(value)
        if isinstance(value, Linear):
            return self._linear(node_name, value, name, scale, zero)
        if isinstance(value, Table):
            return self._table(node_name, value, name, scale, zero)
        if isinstance(value, Pending):
            y = self.new_tensor(name, value.y_shape, scale, zero)
            try:
                op = value.finish(y, *requant.quantised_clamp(scale, zero, value.low, value.high))
            except (ValueError, Unsupported) as e:
                del self.tensors[y.name]
                raise (e if node_name == self.node else type(e)(f"layer {node_name!r}: {e}")) from e
            self.ops.append(op)
            return Linear(y.name, value.shape, index=value.index, raw=True)
        raise Unsupported("QuantizeLinear of a value that the accelerator does not hold")

    def _same(self, value, scale, zero):
        tensor = self.tensor(value)
        return tensor.scale == scale and tensor.zero == zero

    def _input(self, value, scale, zero):
        shape = map_shape(value.shape)
        if shape is None:
            raise Unsupported(
                f"input {value.name!r} has {len(value.shape)} dimensions: 1 to 4 are supported"
            )
        if value.name in self.inputs:
            raise Unsupported(f"input {value.name!r} is quantised twice, with different scales")
        y = self.new_tensor(value.name, shape, scale, zero)
        self.inputs.append(y.name)
        return Linear(y.name, value.shape, raw=True)

    def _linear(self, node_name, value, name, scale, zero):
        if value.is_identity and self._same(value, scale, zero):
            return replace(value, raw=True)
        x = self.tensor(value)
        channels = x.shape[1]
        gain = np.broadcast_to(np.asarray(value.mul, np.float64) * x.scale / scale, channels)
        added = np.broadcast_to(np.asarray(value.add, np.float64) / scale, channels)
        small = np.abs(added) < requant.SATURATES / 2
        gain = np.where(small, np.clip(gain, -requant.SATURATES, requant.SATURATES), gain)
        offset = added - gain * x.zero
        y = self.new_tensor(name, x.shape, scale, zero)
        mantissa, c, shift = requant.affine(gain, offset)
        low, high = requant.quantised_clamp(scale, zero, value.low, value.high)
        self.ops.append(ir.Affine(node_name, x.name, y.name, mantissa, c, shift, zero, low, high))
        return Linear(y.name, value.shape, index=value.index, raw=True)

    def _table(self, node_name, value, name, scale, zero):
        if np.isnan(value.values).any() and not self.dry_run:
            raise Unsupported("the function is not defined for every value that its input can take")
        x = self.tensor(value)
        y = self.new_tensor(name, x.shape, scale, zero)
        steps = np.clip(
            np.rint(np.clip(np.nan_to_num(value.values) / np.float32(scale), -1e6, 1e6)) + zero,
            -128,
            127,
        )
        self.ops.append(ir.Lut(node_name, x.name, y.name, steps.astype(np.int8)))
        return Linear(y.name, value.shape, index=value.index, raw=True)
