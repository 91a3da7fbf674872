"""Operators that only restate a layout."""

from dataclasses import replace

import numpy as np

from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host, Linear, Pending, Table

_LIMITS = "free before a fully connected layer, at an output, or where the map stays the same; else rows and columns keep order"


def restate(ctx, node, x, move=None, shape=None):
    """x in the ONNX shape of the node's (first) result, or in `shape`. move: applied to its array
    of element positions; None keeps their order.
    """
    shape = tuple(ctx.shapes[node.output[0]]) if shape is None else shape
    if isinstance(x, Host):
        if (
            move is not None
            and (
                move(np.arange(np.prod(x.shape)).reshape(x.shape)).reshape(-1)
                != np.arange(np.prod(x.shape))
            ).any()
        ):
            raise Unsupported("it changes the order of what the host computes (softmax)")
        return replace(x, shape=shape)
    if not isinstance(x, Linear | Table | Pending):
        x = ctx.materialise(x)
    if isinstance(x, Linear) and (np.ndim(x.mul) or np.ndim(x.add)):
        raise Unsupported(
            "it reads a value scaled channel by channel without QuantizeLinear between"
        )
    index = x.index
    if move is not None:
        index = np.arange(np.prod(x.shape)).reshape(x.shape) if index is None else index
        index = move(index)
        if index.size == _size(ctx, x) and (index.reshape(-1) == np.arange(index.size)).all():
            index = None
    elif index is not None:
        index = index.reshape(shape)
    return replace(x, shape=shape, index=index)


def _size(ctx, x):
    """Elements of the tensor behind x."""
    return np.prod(x.y_shape if isinstance(x, Pending) else ctx.tensor(x).shape)


@operator(
    "Flatten",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    attributes=("allowzero", "axes", "axis"),
    limits=_LIMITS,
    runs_on="nothing",
)
def reshape(ctx, node, x, _=None):
    return restate(ctx, node, x)


@operator("Transpose", attributes=("perm",), limits=_LIMITS, runs_on="nothing")
def transpose(ctx, node, x):
    perm = attributes(node).get("perm") or list(range(len(x.shape)))[::-1]
    return restate(ctx, node, x, lambda index: index.transpose(perm))


@operator("Identity", "Dropout", "Cast", limits="inference only; Cast to float", runs_on="nothing")
def identity(ctx, node, x, *more):
    if node.op_type == "Cast" and attributes(node)["to"] != 1:
        raise Unsupported("a Cast to another type than float")
    if len(node.output) > 1 and node.output[1]:
        raise Unsupported("its mask output is used")
    if (
        node.op_type == "Dropout"
        and len(more) > 1
        and more[1] is not None
        and not (isinstance(more[1], Const) and not more[1].array.any())
    ):
        raise Unsupported("training mode")
    return x
