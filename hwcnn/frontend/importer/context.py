"""State of one import: what an operator's handler asks for and adds to."""

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.model.onnx_index import OnnxIndex

from . import relayout, requant
from .builder import IrBuilder
from .pending import Pending
from .registry import Unsupported
from .values import Const, Host, Input, Linear, MapShape, Padded, Table, Unknown, map_shape

#: What the name of an ONNX value stands for.
Value = Const | Input | Linear | Table | Padded | Pending | Host | Unknown

#: int8 and uint8, by onnx.TensorProto.DataType.
INTEGERS: dict[int, np.dtype] = {
    TensorProto.INT8: np.dtype(np.int8),
    TensorProto.UINT8: np.dtype(np.uint8),
}
#: Steps beyond which a table's result is surely clamped.
_FAR = 1e6


class Context(IrBuilder):
    """The IR in the making, and the ONNX graph that it is made of.

    index : of the graph, with the shape of every value. types : numpy type of int8 and uint8
    values, by name. node : name of the node that is being imported.
    """

    def __init__(self, graph: onnx.GraphProto, dry_run: bool = False):
        super().__init__(dry_run)
        self.index = OnnxIndex(graph)
        self.types = {
            v.name: INTEGERS[kind]
            for v in graph.input
            if (kind := v.type.tensor_type.elem_type) in INTEGERS
        }
        self.node = ""
        #: Of a dry run: a tensor to the one that it is a function of, element by element.
        self.sources: dict[str, str] = {}
        self._made: dict[Any, tuple[Value, Linear | Padded]] = {}  # the value is kept for its id()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """ONNX shape of every value."""
        return self.index.shapes

    def result_shape(self, node: onnx.NodeProto) -> tuple[int, ...]:
        """ONNX shape of the node's first result."""
        return self.shapes[node.output[0]]

    def result_map_shape(self, node: onnx.NodeProto) -> MapShape:
        """[N, C, H, W] of the node's first result. Raises Unsupported where it has more dimensions
        than four.
        """
        shape = map_shape(self.result_shape(node))
        if shape is None:
            raise Unsupported(f"its result has {len(self.result_shape(node))} dimensions")
        return shape

    def source(self, tensor: str) -> str:
        """The first tensor that one is a function of; itself where its scale is known."""
        return self.sources.get(tensor, tensor)

    def tensor(self, value: Linear | Table | Padded | Host) -> ir.Tensor:
        """The ir.Tensor behind a value."""
        return self.tensors[value.tensor]

    def as_map(self, value: Value, what: str = "the input") -> Linear | Padded:
        """The value as an int8 map whose ONNX shape is that of its tensor; a view is computed.

        what : the value in messages. Raises Unsupported where it is none.
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
                f"{what} is not quantised: a QuantizeLinear and DequantizeLinear are missing "
                "before it"
            )
        if value.index is not None or map_shape(value.shape) != self.tensor(value).shape:
            key = "layout", value.tensor, value.shape, id(value.index)
            if key not in self._made:
                self._made[key] = value, relayout.rearranged(self, self.node, value, what)
            return self._made[key][1]
        return value

    def materialise(self, value: Value, what: str = "the input") -> Linear:
        """The value as an int8 map that has its padding, if any. Raises Unsupported."""
        mapped = self.as_map(value, what)
        if not isinstance(mapped, Padded):
            return mapped
        if id(mapped) not in self._made:
            self._made[id(mapped)] = mapped, relayout.padded(self, self.node, mapped)
        made = self._made[id(mapped)][1]
        assert isinstance(made, Linear)
        return made

    def quantise(
        self, node_name: str, value: Value, name: str, scale: float, zero: int
    ) -> Linear | Padded:
        """`value` as an int8 tensor of that scale and zero point: raw.

        node_name : of the operation, name : of the tensor, if one is made. Asked again for the
        same, it gives the same tensor. Raises Unsupported or ValueError where it cannot be made.
        """
        key = (id(value), scale, zero)
        if key not in self._made:
            self._made[key] = value, self._quantise(node_name, value, name, scale, zero)
        return self._made[key][1]

    def _quantise(
        self, node_name: str, value: Value, name: str, scale: float, zero: int
    ) -> Linear | Padded:
        if getattr(value, "index", None) is not None:
            # the map that the value's elements come from: not the one that ONNX calls so
            name = f"{name}/unmoved"
        if isinstance(value, Input):
            return self._input(value, scale, zero)
        if isinstance(value, Padded) and self._same(value, scale, zero):
            constant = np.clip(np.rint(value.value / scale) + zero, INT8_MIN, INT8_MAX)
            return replace(value, raw=True, value=float((constant - zero) * scale))
        if isinstance(value, Padded):
            value = self.materialise(value)
        if isinstance(value, Linear):
            return self._linear(node_name, value, name, scale, zero)
        if isinstance(value, Table):
            return self._table(node_name, value, name, scale, zero)
        if isinstance(value, Pending):
            return self._pending(node_name, value, name, scale, zero)
        raise Unsupported("QuantizeLinear of a value that the accelerator does not hold")

    def _same(self, value: Linear | Padded, scale: float, zero: int) -> bool:
        tensor = self.tensor(value)
        return tensor.scale == scale and tensor.zero == zero

    def _input(self, value: Input, scale: float, zero: int) -> Linear:
        shape = map_shape(value.shape)
        if shape is None:
            raise Unsupported(
                f"input {value.name!r} has {len(value.shape)} dimensions: 1 to 4 are supported"
            )
        if value.name in self.inputs:
            raise Unsupported(f"input {value.name!r} is quantised twice, with different scales")
        y = self.new_tensor(value.name, shape, scale, zero)
        self.tensors[y.name] = replace(y, normalise=value.normalise)
        self.inputs.append(y.name)
        return Linear(y.name, value.shape, raw=True)

    def _linear(self, node_name: str, value: Linear, name: str, scale: float, zero: int) -> Linear:
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

    def _table(self, node_name: str, value: Table, name: str, scale: float, zero: int) -> Linear:
        if np.isnan(value.values).any() and not self.dry_run:
            raise Unsupported("the function is not defined for every value that its input can take")
        x = self.tensor(value)
        y = self.new_tensor(name, x.shape, scale, zero)
        steps = np.rint(_in_steps(value.values, scale)) + zero
        table = np.clip(steps, INT8_MIN, INT8_MAX).astype(np.int8)
        self.ops.append(ir.Lut(node_name, x.name, y.name, table))
        return Linear(y.name, value.shape, index=value.index, raw=True)

    def _pending(
        self, node_name: str, value: Pending, name: str, scale: float, zero: int
    ) -> Linear:
        y = self.new_tensor(name, value.y_shape, scale, zero)
        low, high = requant.quantised_clamp(scale, zero, value.low, value.high)
        try:
            op = value.finish(self, y, low, high)
        except (ValueError, Unsupported) as e:
            del self.tensors[y.name]
            raise (e if node_name == self.node else type(e)(f"layer {node_name!r}: {e}")) from e
        self.ops.append(op)
        return Linear(y.name, value.shape, index=value.index, raw=True)


def _in_steps(values: npt.NDArray[np.float32], scale: float) -> npt.NDArray[np.float32]:
    """values / scale in float32, at most `_FAR` in size: larger ones are bounded before the
    division, which could overflow. What is not a number counts as 0.
    """
    bound = np.float32(min(_FAR * scale, float(np.finfo(np.float32).max)))
    steps = np.clip(np.nan_to_num(values), -bound, bound) / np.float32(scale)
    return np.where(np.isinf(values), np.copysign(np.float32(_FAR), values), steps)
