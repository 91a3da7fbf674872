"""Models in float16, bfloat16 or double as models in float32, which holds what the narrower types
do.
"""

from collections.abc import Iterable

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from .edit import infer_shapes, replace
from .onnx_index import OnnxIndex

_OTHERS = {TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
#: Attributes that hold an element type.
_TYPES = ("to", "dtype", "output_dtype")


def to_float32(model: onnx.ModelProto) -> None:
    """Give float32 to all that is computed from the inputs and all weights, in place. What follows
    from constants alone, such as shapes, keeps its type and is cast where it is used.
    """
    if not any(tensor_type in _OTHERS for tensor_type in _element_types(model.graph)):
        return
    infer_shapes(model)
    graph, types = model.graph, OnnxIndex(model.graph).types
    for value in [*graph.input, *graph.output, *graph.value_info]:
        _float(value.type.tensor_type)
    constant = _constants(graph)
    types |= {tensor.name: tensor.data_type for tensor in graph.initializer}
    converted: dict[str, str] = {}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if not set(node.output) <= constant:
            for i, name in enumerate(node.input):
                if name in constant and types.get(name) in _OTHERS:
                    if name not in converted:
                        converted[name] = f"{name}/float32"
                        nodes += _converted(graph, name, converted[name])
                    node.input[i] = converted[name]
            _convert_attributes(node)
        nodes.append(node)
    replace(graph.node, nodes)
    unused = set(converted) - set(_reads(graph))
    replace(graph.initializer, [t for t in graph.initializer if t.name not in unused])
    del graph.value_info[:]


def _element_types(graph: onnx.GraphProto) -> Iterable[int]:
    for value in [*graph.input, *graph.output, *graph.value_info]:
        yield value.type.tensor_type.elem_type
    for tensor in graph.initializer:
        yield tensor.data_type
    for node in graph.node:
        for attribute in node.attribute:
            yield from (attribute.i,) if attribute.name in _TYPES else ()
            yield from (attribute.t.data_type,) if attribute.HasField("t") else ()
            yield from _element_types(attribute.g) if attribute.HasField("g") else ()


def _reads(graph: onnx.GraphProto) -> Iterable[str]:
    """Names that nodes or outputs refer to, those of graphs within nodes too."""
    yield from (value.name for value in graph.output)
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            yield from _reads(attribute.g) if attribute.HasField("g") else ()


def _constants(graph: onnx.GraphProto) -> set[str]:
    """Names of values that follow from constants, or from the shapes of others."""
    known = {tensor.name for tensor in graph.initializer} | {""}
    for node in graph.node:
        inner = any(attribute.HasField("g") for attribute in node.attribute)
        if node.op_type in ("Shape", "Size") or (known.issuperset(node.input) and not inner):
            known |= set(node.output)
    return known - {""}


def _converted(graph: onnx.GraphProto, name: str, result: str) -> list[onnx.NodeProto]:
    """The nodes that give a constant in float32: none for an initialiser, which is added."""
    for tensor in graph.initializer:
        if tensor.name == name:
            graph.initializer.append(_float_tensor(tensor, result))
            return []
    return [helper.make_node("Cast", [name], [result], name=result, to=TensorProto.FLOAT)]


def _float_tensor(tensor: onnx.TensorProto, name: str) -> onnx.TensorProto:
    array = np.asarray(numpy_helper.to_array(tensor), np.float32)
    return numpy_helper.from_array(np.ascontiguousarray(array), name)


def _convert_attributes(node: onnx.NodeProto) -> None:
    """Types and constants that a node's attributes hold, graphs within them too."""
    for attribute in node.attribute:
        if attribute.name in _TYPES and attribute.i in _OTHERS:
            attribute.i = TensorProto.FLOAT
        if attribute.HasField("t") and attribute.t.data_type in _OTHERS:
            attribute.t.CopyFrom(_float_tensor(attribute.t, attribute.t.name))
        if attribute.HasField("g"):
            _convert_graph(attribute.g)


def _convert_graph(graph: onnx.GraphProto) -> None:
    for value in [*graph.input, *graph.output, *graph.value_info]:
        _float(value.type.tensor_type)
    replace(
        graph.initializer,
        [_float_tensor(t, t.name) if t.data_type in _OTHERS else t for t in graph.initializer],
    )
    for node in graph.node:
        _convert_attributes(node)


def _float(tensor_type: onnx.TypeProto.Tensor) -> None:
    if tensor_type.elem_type in _OTHERS:
        tensor_type.elem_type = TensorProto.FLOAT
