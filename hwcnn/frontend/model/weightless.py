"""Models without the bulk of their weights: what shape inference, checks and onnxruntime need, at a
fraction of the copying.
"""

import math
from collections.abc import Callable

import onnx
from onnx import TensorProto, helper

#: Constants with more elements than this are left out.
SMALL = 4096
_WEIGHT_TYPES = {
    TensorProto.FLOAT,
    TensorProto.FLOAT16,
    TensorProto.DOUBLE,
    TensorProto.INT8,
    TensorProto.UINT8,
}


def is_large(tensor: onnx.TensorProto) -> bool:
    """True of an initialiser whose data a weightless model leaves out."""
    return tensor.data_type in _WEIGHT_TYPES and math.prod(tensor.dims) > SMALL


def without_weights(
    model: onnx.ModelProto, as_inputs: Callable[[onnx.TensorProto], bool] = lambda tensor: False
) -> onnx.ModelProto:
    """A copy of `model` with the nodes and values of the original, in which large initialisers have
    no data.

    They are marked as external, or become graph inputs where ``as_inputs(tensor)`` holds.
    """
    copy = onnx.ModelProto(ir_version=max(model.ir_version, 4), producer_name=model.producer_name)
    copy.opset_import.extend(model.opset_import)
    copy.functions.extend(model.functions)
    copy.graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(copy.graph, field).extend(getattr(model.graph, field))
    for tensor in model.graph.initializer:
        if not is_large(tensor):
            copy.graph.initializer.append(tensor)
        elif as_inputs(tensor):
            copy.graph.input.append(
                helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            )
        else:
            copy.graph.initializer.append(placeholder(tensor))
    return copy


def placeholder(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """`tensor` without its data, marked as external."""
    result = TensorProto(
        name=tensor.name,
        data_type=tensor.data_type,
        dims=tensor.dims,
        data_location=TensorProto.EXTERNAL,
    )
    entry = result.external_data.add()
    entry.key, entry.value = "location", "left-out"
    return result


def is_placeholder(tensor: onnx.TensorProto) -> bool:
    """True of what `placeholder` gives."""
    return tensor.data_location == TensorProto.EXTERNAL
