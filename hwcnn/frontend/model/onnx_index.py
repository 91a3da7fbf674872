"""What is looked up in an ONNX graph by the name of a value: who computes it, who reads it, its
constant, its shape and element type.
"""

from functools import cached_property

import numpy as np
import onnx
from onnx import numpy_helper


class OnnxIndex:
    """An index of a graph, each part made when it is first asked for. It does not follow changes of
    the graph: take a new one after these.
    """

    def __init__(self, graph: onnx.GraphProto):
        self.graph = graph

    @cached_property
    def producers(self) -> dict[str, onnx.NodeProto]:
        """Value to the node that computes it."""
        return {name: node for node in self.graph.node for name in node.output}

    @cached_property
    def readers(self) -> dict[str, list[onnx.NodeProto]]:
        """Value to the nodes that read it, in order; a node that reads it twice stands there twice.
        Values that nobody reads have no entry.
        """
        found: dict[str, list[onnx.NodeProto]] = {}
        for node in self.graph.node:
            for name in node.input:
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def constants(self) -> dict[str, onnx.TensorProto]:
        """Initialisers by name."""
        return {tensor.name: tensor for tensor in self.graph.initializer}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Inputs, outputs and inferred values by name; 0 stands for a dimension that is not known,
        and () for a shape that is not known.
        """
        return {value.name: shape_of(value) for value in self._values}

    @cached_property
    def types(self) -> dict[str, int]:
        """Element type (onnx.TensorProto.DataType) of inputs, outputs and inferred values."""
        return {value.name: value.type.tensor_type.elem_type for value in self._values}

    @cached_property
    def descriptions(self) -> dict[str, onnx.ValueInfoProto]:
        """Inputs, outputs and inferred values whose element type is known, by name."""
        return {v.name: v for v in self._values if v.type.tensor_type.elem_type}

    @cached_property
    def outputs(self) -> set[str]:
        """Names of the graph's outputs."""
        return {value.name for value in self.graph.output}

    @property
    def _values(self) -> list[onnx.ValueInfoProto]:
        return [*self.graph.value_info, *self.graph.input, *self.graph.output]

    def array(self, name: str) -> np.ndarray:
        """The initialiser of that name. Raises KeyError where there is none."""
        return numpy_helper.to_array(self.constants[name])


def shape_of(value: onnx.ValueInfoProto) -> tuple[int, ...]:
    """The dimensions of a value; 0 where one is not known."""
    return tuple(d.dim_value for d in value.type.tensor_type.shape.dim)
