"""Maps repeated along an axis: one channel to many, one row or column to many."""

from dataclasses import replace

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.registry import Unsupported, operator
from hwcnn.frontend.importer.values import Const, Linear, Table

from .reshape import restate

_LIMITS = "constant shape; to more rows or columns than 16 only as an operand of [N, C, 1, 1]"


@operator("Expand", limits=_LIMITS, runs_on="array")
def expand(ctx: Context, node: onnx.NodeProto, x: Value, shape: Value) -> Value:
    """ONNX Expand, opset 8-13: x of any shape. Unsupported: a computed shape."""
    if not isinstance(shape, Const):
        raise Unsupported("its shape is computed, not constant")
    return restate(ctx, node, x, lambda i: np.broadcast_to(i, ctx.result_shape(node)))


@operator("Tile", limits=_LIMITS, runs_on="array")
def tile(ctx: Context, node: onnx.NodeProto, x: Value, repeats: Value) -> Value:
    """ONNX Tile, opset 6-13: x of any shape. Unsupported: computed repeats."""
    if not isinstance(repeats, Const):
        raise Unsupported("its repeats are computed, not constant")
    return restate(ctx, node, x, lambda i: np.tile(i, repeats.array.reshape(-1)))


def broadcast(ctx: Context, a: Linear, b: Linear) -> tuple[Linear, Linear]:
    """Both operands of an element-wise operation in the shape that they have together, but for a
    second one of [N, C, 1, 1], which hardware repeats itself.

    a : the one of more pixels. Raises Unsupported where no operation repeats them so.
    """
    if len(a.shape) != len(b.shape) or a.shape[0] != b.shape[0]:
        raise Unsupported(
            f"shapes {list(a.shape)} and {list(b.shape)}: expected as many dimensions and images"
        )
    shape = np.broadcast_shapes(a.shape, b.shape)
    ones = (1,) * len(shape[2:])
    pixels = ones if b.shape[2:] == ones else shape[2:]
    return _repeated(ctx, a, shape), _repeated(ctx, b, (*shape[:2], *pixels))


def once(ctx: Context, value: Value) -> Value:
    """The value without the repetition of a tensor of [N, C, 1, 1] over rows and columns."""
    if not isinstance(value, Linear) or value.index is None:
        return value
    n, c, *pixels = ctx.tensor(value).shape
    first = np.arange(n * c).reshape(n, c, *(1,) * len(value.shape[2:]))
    if pixels != [1, 1] or value.shape[:2] != (n, c) or (value.index != first).any():
        return value
    return replace(value, shape=first.shape, index=None)


def merged(ctx: Context, value: Value) -> Value:
    """A value whose axes between images and rows are all channels, in order, as a map of [N, C, H,
    W]; others as they are.
    """
    if not isinstance(value, Linear | Table) or value.index is not None:
        return value
    shape = ctx.tensor(value).shape
    same = value.shape[:1] == shape[:1] and value.shape[-2:] == shape[2:]
    return replace(value, shape=shape) if same and len(value.shape) > 4 else value


def of_one_pixel(ctx: Context, a: Value, b: Value) -> tuple[Value, Value]:
    """Two views of one shape as [N, C, 1, 1] where their maps have one pixel and their elements are
    in different order, or on more than four axes; others as they are.
    """
    if not isinstance(a, Linear) or not isinstance(b, Linear) or a.shape != b.shape:
        return a, b
    usual = len(a.shape) <= 4 and a.index is None and b.index is None
    if usual or any(ctx.tensor(v).shape[2:] != (1, 1) for v in (a, b)):
        return a, b
    shape = ctx.tensor(a).shape[0], -1, 1, 1
    flat = [np.arange(np.prod(a.shape)) if v.index is None else v.index for v in (a, b)]
    flat = [index.reshape(shape) for index in flat]
    return (
        replace(a, shape=flat[0].shape, index=None if a.index is None else flat[0]),
        replace(b, shape=flat[1].shape, index=None if b.index is None else flat[1]),
    )


def _repeated(ctx: Context, x: Linear, shape: tuple[int, ...]) -> Linear:
    for step in ((*x.shape[:2], *shape[2:]), shape):  # few channels are cheaper to repeat
        if x.shape != step:
            index = np.broadcast_to(np.arange(np.prod(x.shape)).reshape(x.shape), step)
            x = ctx.materialise(replace(x, shape=step, index=index), "an operand")
    return x
