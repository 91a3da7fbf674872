"""Inputs of channels last, as TensorFlow's exporters make them, with channels first."""

from collections.abc import Iterator

import onnx

from .edit import add_constant
from .onnx_index import OnnxIndex, shape_of

#: Channels of pictures: grey, colour, colour with opacity.
_PICTURES = (1, 3, 4)
_TO_CHANNELS_FIRST = (0, 3, 1, 2)
#: Operators that work on each value alone, which may stand between an input and its transposition.
_ELEMENT_WISE = {
    *("Add", "Cast", "Clip", "DequantizeLinear", "Div", "Identity", "Mul", "Neg"),
    *("QuantizeLinear", "Sub"),
}


def channels_first(model: onnx.ModelProto) -> None:
    """Give [N, C, H, W] to inputs that are [N, H, W, C], in place: those that the model itself
    transposes to that before anything but element-wise operations with constants reads them.

    A shape that says otherwise, [N, 3, H, W] say, stays as it is, since such a Transpose may be a
    part of the network; so does one whose H, W and C are equal, as nobody could tell in which order
    an array for it is.
    """
    index = OnnxIndex(model.graph)
    for value in model.graph.input:
        dims = shape_of(value)
        nodes = list(_until_transposed(index, value.name)) if _channels_last(dims) else []
        if not nodes or None in nodes:
            continue
        for dim, axis in zip(value.type.tensor_type.shape.dim, _TO_CHANNELS_FIRST, strict=True):
            dim.dim_value = dims[axis]
        for node in nodes:
            if node is not None:
                _reorder(model, index, node)


def _channels_last(dims: tuple[int, ...]) -> bool:
    """Whether [N, H, W, C] may be meant."""
    return (
        len(dims) == 4
        and len(set(dims[1:])) > 1
        and (dims[1] not in _PICTURES or dims[3] in _PICTURES)
    )


def _until_transposed(index: OnnxIndex, name: str) -> Iterator[onnx.NodeProto | None]:
    """The nodes from a value to its transpositions; None where there is another reader, or where
    the value is an output.
    """
    readers = index.readers.get(name, [])
    if name in index.outputs or not readers:
        yield None
    for node in readers:
        if node.op_type == "Transpose":
            perm = [tuple(a.ints) for a in node.attribute if a.name == "perm"]
            yield node if perm == [_TO_CHANNELS_FIRST] else None
        elif node.op_type in _ELEMENT_WISE and all(
            i in ("", name) or i in index.constants for i in node.input
        ):
            yield node
            yield from _until_transposed(index, node.output[0])
        else:
            yield None


def _reorder(model: onnx.ModelProto, index: OnnxIndex, node: onnx.NodeProto) -> None:
    """Let a node work on channels first."""
    if node.op_type == "Transpose":
        node.op_type = "Identity"
        del node.attribute[:]
        return
    for attribute in node.attribute:
        if attribute.name == "axis":  # of scales, one a channel
            attribute.i = _TO_CHANNELS_FIRST.index(attribute.i % 4)
    if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
        return
    for i, name in enumerate(node.input):
        if name in index.constants and 1 <= len(index.constants[name].dims) <= 4:
            array = index.array(name)
            array = array.reshape((1,) * (4 - array.ndim) + array.shape)
            array = array.transpose(_TO_CHANNELS_FIRST)
            node.input[i] = add_constant(model, f"{name}/{node.output[0]}", array)
