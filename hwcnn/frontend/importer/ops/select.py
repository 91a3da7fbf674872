"""Operators that pick or rearrange elements: they cost nothing where a fully connected layer reads
the result, or where the map stays the same; elsewhere the array computes them (see `relayout`).
"""

import numpy as np
import onnx

from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host

from .reshape import Move, restate

_LIMITS = "constant positions; rows and columns keep their order"


def _selected(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    move: Move,
    shape: tuple[int, ...] | None = None,
) -> Value:
    if isinstance(x, Host):
        raise Unsupported("it takes part of what the host computes (softmax)")
    return restate(ctx, node, x, move, shape)


def _integers(value: Value | None, default: list[int], what: str) -> list[int]:
    if value is None:
        return default
    if not isinstance(value, Const):
        raise Unsupported(f"its {what} are computed, not constant")
    return [int(i) for i in value.array.reshape(-1)]


@operator("Slice", attributes=("axes", "ends", "starts", "steps"), limits=_LIMITS, runs_on="array")
def slice_(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    starts: Value,
    ends: Value,
    axes: Value | None = None,
    steps: Value | None = None,
) -> Value:
    """ONNX Slice, opset 10-13: x of any shape, positions constant. Unsupported: computed positions,
    an empty result, parts of what the host computes.
    """
    first, last = _integers(starts, [], "positions"), _integers(ends, [], "positions")
    at = _integers(axes, list(range(len(first))), "positions")
    by = _integers(steps, [1] * len(first), "positions")
    slices = [slice(None)] * len(x.shape)
    for axis, start, end, step in zip(at, first, last, by, strict=True):
        beyond = step < 0 and end < -x.shape[axis]
        slices[axis] = slice(start, None if beyond else end, step)
    if 0 in np.empty(x.shape, bool)[tuple(slices)].shape:
        raise Unsupported("its result is empty")
    return _selected(ctx, node, x, lambda index: index[tuple(slices)])


@operator("Split", attributes=("axis", "num_outputs"), limits=_LIMITS, runs_on="array")
def split(
    ctx: Context, node: onnx.NodeProto, x: Value, sizes: Value | None = None
) -> tuple[Value, ...]:
    """ONNX Split, opset 1-18: x of any shape, sizes constant. Unsupported: computed sizes, parts of
    what the host computes.
    """
    if not (sizes is None or isinstance(sizes, Const)):
        raise Unsupported("its sizes are computed, not constant")
    axis, start = attributes(node).get("axis", 0) % len(x.shape), 0
    results: list[Value] = []
    for output in node.output:
        shape = ctx.shapes[output]
        taken = range(start, start + shape[axis])
        results.append(_selected(ctx, node, x, lambda i, taken=taken: i.take(taken, axis), shape))
        start += shape[axis]
    return tuple(results)


@operator("Gather", attributes=("axis",), limits=_LIMITS, runs_on="array")
def gather(ctx: Context, node: onnx.NodeProto, x: Value, positions: Value) -> Value:
    """ONNX Gather, opset 1-13: x of any shape, positions constant. Unsupported: computed positions,
    parts of what the host computes.
    """
    if not isinstance(positions, Const):
        raise Unsupported("its positions are computed, not constant")
    axis, at = attributes(node).get("axis", 0) % len(x.shape), positions.array.astype(np.int64)
    return _selected(ctx, node, x, lambda index: index.take(at, axis))


@operator("DepthToSpace", attributes=("blocksize", "mode"), runs_on="array")
def depth_to_space(ctx: Context, node: onnx.NodeProto, x: Value) -> Value:
    """ONNX DepthToSpace, opset 1-28: x [N, C, H, W], modes DCR, CRD. Unsupported: other ranks."""
    a = attributes(node)
    r, (n, c, h, w) = int(a["blocksize"]), _four(x)
    deep, order = (n, r, r, c // r**2, h, w), (0, 3, 4, 1, 5, 2)
    if a.get("mode", "DCR") == "CRD":
        deep, order = (n, c // r**2, r, r, h, w), (0, 1, 4, 2, 5, 3)
    wide = n, c // r**2, h * r, w * r
    return _selected(ctx, node, x, lambda i: i.reshape(deep).transpose(order).reshape(wide))


@operator("SpaceToDepth", attributes=("blocksize", "mode"), runs_on="array")
def space_to_depth(ctx: Context, node: onnx.NodeProto, x: Value) -> Value:
    """ONNX SpaceToDepth, opset 1-28: x [N, C, H, W], modes DCR, CRD. Unsupported: other ranks."""
    a = attributes(node)
    r, (n, c, h, w) = int(a["blocksize"]), _four(x)
    order = (0, 3, 5, 1, 2, 4) if a.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)
    wide, deep = (n, c, h // r, r, w // r, r), (n, c * r * r, h // r, w // r)
    return _selected(ctx, node, x, lambda i: i.reshape(wide).transpose(order).reshape(deep))


def _four(x: Value) -> tuple[int, int, int, int]:
    if len(x.shape) != 4:
        raise Unsupported(f"its input has {len(x.shape)} dimensions, expected 4")
    n, c, h, w = x.shape
    return n, c, h, w
