"""Small changes of ONNX graphs, in place."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper, shape_inference

from .weightless import without_weights


def infer_shapes(model: onnx.ModelProto, strict: bool = False) -> None:
    """Infer the shape of every value, in place. strict : raise shape_inference.InferenceError where
    a node's inputs do not fit, instead of leaving its shapes out.
    """
    inferred = shape_inference.infer_shapes(
        without_weights(model), strict_mode=strict, data_prop=True
    ).graph
    for field in ("value_info", "output"):
        replace(getattr(model.graph, field), getattr(inferred, field))


def constants_to_initialisers(model: onnx.ModelProto) -> None:
    """Make initialisers of Constant nodes that hold numbers, in place."""
    kept: list[onnx.NodeProto] = []
    for node in model.graph.node:
        array = _constant(node) if node.op_type == "Constant" else None
        if array is None:
            kept.append(node)
        else:
            model.graph.initializer.append(numpy_helper.from_array(array, node.output[0]))
    if len(kept) < len(model.graph.node):
        replace(model.graph.node, kept)


def _constant(node: onnx.NodeProto) -> np.ndarray | None:
    """What a Constant gives, None of text and sparse tensors."""
    (attribute,) = node.attribute
    value = onnx.helper.get_attribute_value(attribute)
    if attribute.name == "value":
        return numpy_helper.to_array(value)
    kinds = {"value_int": np.int64, "value_ints": np.int64}
    kinds |= {"value_float": np.float32, "value_floats": np.float32}
    return np.array(value, kinds[attribute.name]) if attribute.name in kinds else None


def name_nodes(model: onnx.ModelProto) -> None:
    """Give every node a unique name, in place: its own, or the name of its first output."""
    seen: set[str] = set()
    for node in model.graph.node:
        name = base = node.name or node.output[0]
        count = 1
        while name in seen:
            count += 1
            name = f"{base}_{count}"
        node.name = name
        seen.add(name)


def replace(field: Any, items: Iterable[Any]) -> None:
    """Let a repeated field of a protobuf message hold `items`, which may be of the field itself."""
    copies = [type(item).FromString(item.SerializeToString()) for item in items]
    del field[:]
    field.extend(copies)


def add_constant(model: onnx.ModelProto, name: str, array: np.ndarray) -> str:
    """Append a float32 initialiser; returns its name."""
    model.graph.initializer.append(
        numpy_helper.from_array(np.ascontiguousarray(array, np.float32), name)
    )
    return name
