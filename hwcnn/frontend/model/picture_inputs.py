"""Inputs of pictures as [N, C, H, W]: of channels last, as TensorFlow's exporters make them, and
without a batch dimension, as torchvision's detectors take them.
"""

from collections.abc import Callable, Iterator

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
        nodes = _until(index, value.name, _transposes) if _channels_last(dims) else None
        if nodes is None:
            continue
        for dim, axis in zip(value.type.tensor_type.shape.dim, _TO_CHANNELS_FIRST, strict=True):
            dim.dim_value = dims[axis]
        for node in nodes:
            _reorder(model, index, node)


def batched(model: onnx.ModelProto) -> None:
    """Give [1, C, H, W] to inputs of pictures that are [C, H, W], in place: those to which the
    model itself adds a first dimension before anything but element-wise operations reads them.
    """
    index = OnnxIndex(model.graph)
    for value in model.graph.input:
        dims = shape_of(value)
        picture = len(dims) == 3 and dims[0] in _PICTURES
        nodes = _until(index, value.name, lambda n: _adds_first(index, n)) if picture else None
        if nodes is None:
            continue
        shape = value.type.tensor_type.shape
        del shape.dim[:]
        for size in (1, *dims):
            shape.dim.add().dim_value = size
        for node in nodes:
            if node.op_type == "Unsqueeze":
                _drop(node)
            for attribute in node.attribute:
                if attribute.name == "axis":  # of scales, one a channel
                    attribute.i = attribute.i % 3 + 1


def _adds_first(index: OnnxIndex, node: onnx.NodeProto) -> bool:
    axes = [list(a.ints) for a in node.attribute if a.name == "axes"]
    axes += [index.array(name).tolist() for name in node.input[1:] if name in index.constants]
    return node.op_type == "Unsqueeze" and axes in ([[0]], [[-4]])


def _transposes(node: onnx.NodeProto) -> bool:
    perm = [tuple(a.ints) for a in node.attribute if a.name == "perm"]
    return node.op_type == "Transpose" and perm == [_TO_CHANNELS_FIRST]


def _drop(node: onnx.NodeProto) -> None:
    node.op_type = "Identity"
    del node.input[1:], node.attribute[:]


def _channels_last(dims: tuple[int, ...]) -> bool:
    """Whether [N, H, W, C] may be meant."""
    return (
        len(dims) == 4
        and len(set(dims[1:])) > 1
        and (dims[1] not in _PICTURES or dims[3] in _PICTURES)
    )


def _until(
    index: OnnxIndex, name: str, ends: Callable[[onnx.NodeProto], bool]
) -> list[onnx.NodeProto] | None:
    """The nodes from a value to those for which `ends` holds, with these; None where there is
    another reader, or where a value is an output.
    """
    nodes = list(_walk(index, name, ends))
    found = [node for node in nodes if node is not None]
    return found if len(found) == len(nodes) else None


def _walk(
    index: OnnxIndex, name: str, ends: Callable[[onnx.NodeProto], bool]
) -> Iterator[onnx.NodeProto | None]:
    readers = index.readers.get(name, [])
    if name in index.outputs or not readers:
        yield None
    for node in readers:
        if ends(node):
            yield node
        elif node.op_type in _ELEMENT_WISE and all(
            i in ("", name) or i in index.constants for i in node.input
        ):
            yield node
            yield from _walk(index, node.output[0], ends)
        else:
            yield None


def _reorder(model: onnx.ModelProto, index: OnnxIndex, node: onnx.NodeProto) -> None:
    """Let a node work on channels first."""
    if node.op_type == "Transpose":
        _drop(node)
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
