"""Inputs of an ONNX model: static shapes, types that the accelerator takes. All change the model in
place.
"""

from collections.abc import Mapping, Sequence

import onnx
from onnx import TensorProto

from hwcnn.errors import InputError

from .edit import replace
from .onnx_index import OnnxIndex

_INPUT_TYPES = {TensorProto.FLOAT, TensorProto.INT8, TensorProto.UINT8}


def drop_constant_inputs(model: onnx.ModelProto) -> None:
    """Take initialisers out of the inputs, among which models of an IR version before 4 list them:
    they are constants here.
    """
    constants = OnnxIndex(model.graph).constants
    model.ir_version = max(model.ir_version, 4)
    replace(model.graph.input, [i for i in model.graph.input if i.name not in constants])


def float_inputs(model: onnx.ModelProto) -> None:
    """Give float32 to inputs of integers that nothing but a Cast to float32 reads, such as the
    pixels of a detector, and drop these Casts.
    """
    index = OnnxIndex(model.graph)
    casts: list[onnx.NodeProto] = []
    for value in model.graph.input:
        readers = index.readers.get(value.name, [])
        kind = value.type.tensor_type
        if kind.elem_type != TensorProto.FLOAT and readers and all(map(_to_float, readers)):
            kind.elem_type = TensorProto.FLOAT
            casts += readers
    for node in casts:
        node.op_type = "Identity"
        del node.attribute[:]


def _to_float(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(
        a.name == "to" and a.i == TensorProto.FLOAT for a in node.attribute
    )


def fix_inputs(model: onnx.ModelProto, source: str, shapes: Mapping[str, Sequence[int]]) -> None:
    """Make the inputs' shapes static.

    shapes : of inputs with dimensions that are not fixed, by name; a first dimension that is not
    fixed and not given becomes 1. source : the model's name in messages. Raises InputError where a
    shape stays open or contradicts the model, and for other types than float32, int8 and uint8.
    """
    inputs = [i.name for i in model.graph.input]
    if unknown := sorted(set(shapes) - set(inputs)):
        raise InputError(
            f"{source}: no input is named {unknown[0]!r}: its inputs are {', '.join(inputs)}"
        )
    for value in model.graph.input:
        _check_type(value, source)
        _fix_shape(value, source, shapes.get(value.name))
    if any(not s.dim_value for o in model.graph.output for s in o.type.tensor_type.shape.dim):
        for value in model.graph.output:
            value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]


def _check_type(value: onnx.ValueInfoProto, source: str) -> None:
    if value.type.tensor_type.elem_type not in _INPUT_TYPES:
        kind = TensorProto.DataType.Name(value.type.tensor_type.elem_type).lower()
        raise InputError(
            f"{source}: input {value.name!r} is of type {kind}: expected float32, or int8 of a "
            "quantised model; convert the model to float32"
        )


def _fix_shape(value: onnx.ValueInfoProto, source: str, given: Sequence[int] | None) -> None:
    """given : the shape that the user gave, if any."""
    what, shape = f"{source}: input {value.name!r}", value.type.tensor_type.shape
    if given is not None:
        if value.type.tensor_type.HasField("shape") and len(given) != len(shape.dim):
            raise InputError(
                f"{what} has {len(shape.dim)} dimensions, but the shape given is {list(given)}"
            )
        while len(shape.dim) < len(given):
            shape.dim.add()
    elif shape.dim and shape.dim[0].dim_value < 1:
        shape.dim[0].dim_value = 1
    for i, dim in enumerate(shape.dim):
        fixed = dim.dim_value if dim.dim_value > 0 else None
        if given is not None and fixed not in (None, int(given[i])):
            raise InputError(
                f"{what} is {fixed} in dimension {i}, but the shape given is {list(given)}"
            )
        if given is not None:
            dim.dim_value = int(given[i])
    if not shape.dim or min(dim.dim_value for dim in shape.dim) < 1:
        raise InputError(_open_dimensions(value, what))


def _open_dimensions(value: onnx.ValueInfoProto, what: str) -> str:
    """The message for a shape that is not fixed, with the option that fixes it."""
    dims = value.type.tensor_type.shape.dim
    sizes = [dim.dim_value if dim.dim_value > 0 else 224 for dim in dims] or [1, 3, 224, 224]
    option = f"--shape {value.name}={','.join(map(str, sizes))} (shapes= in Python)"
    if not dims:
        return f"{what} has no shape: give it, for example {option}"
    names = [
        f"{i} ({dim.dim_param or 'unnamed'})" for i, dim in enumerate(dims) if dim.dim_value < 1
    ]
    several = len(names) > 1
    return (
        f"{what}: dimension{'s' * several} {' and '.join(names)} {'are' if several else 'is'} not "
        f"fixed: give its shape, for example {option}"
    )
