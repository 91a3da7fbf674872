"""Operators that only restate a layout."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Pending
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host, Linear, Table

#: From the positions of elements, in the operand's shape, to those in the result's.
Move = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]

_LIMITS = (
    "free before a fully connected layer, at an output, or where the map stays the same; "
    "else rows and columns keep order"
)


def restate(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    move: Move | None = None,
    shape: tuple[int, ...] | None = None,
) -> Linear | Table | Pending | Host:
    """x in the ONNX shape of the node's (first) result, or in `shape`.

    move: applied to its array of element positions; None keeps their order. Raises Unsupported
    where x cannot be taken so.
    """
    shape = ctx.result_shape(node) if shape is None else shape
    if isinstance(x, Host):
        if move is not None and not _in_order(move(_positions(x.shape))):
            raise Unsupported("it changes the order of what the host computes (softmax)")
        return replace(x, shape=shape)
    if not isinstance(x, Linear | Table | Pending):
        x = ctx.materialise(x)
    index = x.index
    if move is not None:
        index = move(_positions(x.shape) if index is None else index)
        if index.size == _size(ctx, x) and _in_order(index):
            index = None
    elif index is not None:
        index = index.reshape(shape)
    return replace(x, shape=shape, index=index)


def _positions(shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
    return np.arange(np.prod(shape)).reshape(shape)


def _in_order(index: npt.NDArray[np.int64]) -> bool:
    return bool((index.reshape(-1) == np.arange(index.size)).all())


def _size(ctx: Context, x: Linear | Table | Pending) -> int:
    """Elements of the tensor behind x."""
    return int(np.prod(x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape))


@operator(
    "Flatten",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    attributes=("allowzero", "axes", "axis"),
    limits=_LIMITS,
    runs_on="nothing",
)
def reshape(ctx: Context, node: onnx.NodeProto, x: Value, _: Value | None = None) -> Value:
    """ONNX Flatten, Reshape, Squeeze and Unsqueeze, opset 1-25: x of any shape to the inferred
    one.
    """
    return restate(ctx, node, x)


@operator("Transpose", attributes=("perm",), limits=_LIMITS, runs_on="nothing")
def transpose(ctx: Context, node: onnx.NodeProto, x: Value) -> Value:
    """ONNX Transpose, opset 1-25: x of any shape. Unsupported: the order of what the host
    computes.
    """
    perm = attributes(node).get("perm") or list(range(len(x.shape)))[::-1]
    return restate(ctx, node, x, lambda index: index.transpose(perm))


@operator("Identity", "Dropout", "Cast", limits="inference only; Cast to float", runs_on="nothing")
def identity(ctx: Context, node: onnx.NodeProto, x: Value, *more: Value | None) -> Value:
    """ONNX Identity, opset 1-25, Dropout, opset 1-22, and Cast, opset 1-28: x itself. Unsupported:
    a Cast to another type than float, a mask that is used, training.
    """
    if node.op_type == "Cast" and attributes(node)["to"] != 1:
        raise Unsupported("a Cast to another type than float")
    if len(node.output) > 1 and node.output[1]:
        raise Unsupported("its mask output is used")
    training = more[1] if node.op_type == "Dropout" and len(more) > 1 else None
    if training is not None and not (isinstance(training, Const) and not training.array.any()):
        raise Unsupported("training mode: export the network for inference")
    return x
