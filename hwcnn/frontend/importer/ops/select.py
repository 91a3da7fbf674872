"""Operators that pick or rearrange elements: they cost nothing where a fully connected layer reads
the result, or where the map stays the same; elsewhere the array computes them (see `relayout`).
"""

import numpy as np

from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host

from .reshape import restate

_LIMITS = "constant positions; rows and columns keep their order"


def _picked(ctx, node, x, move, shape=None):
    if isinstance(x, Host):
        raise Unsupported("it takes part of what the host computes (softmax)")
    return restate(ctx, node, x, move, shape)


@operator("Slice", attributes=("axes", "ends", "starts", "steps"), limits=_LIMITS, runs_on="array")
def slice_(ctx, node, x, starts, ends, axes=None, steps=None):
    if not all(v is None or isinstance(v, Const) for v in (starts, ends, axes, steps)):
        raise Unsupported("its positions are computed, not constant")
    starts, ends = ([int(i) for i in v.array.reshape(-1)] for v in (starts, ends))
    axes = range(len(starts)) if axes is None else [int(i) for i in axes.array.reshape(-1)]
    steps = [1] * len(starts) if steps is None else [int(i) for i in steps.array.reshape(-1)]
    parts = [slice(None)] * len(x.shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        size = x.shape[axis]
        if step < 0 and end < -size:
            end = None
        parts[axis] = slice(start, end, step)
    if 0 in np.empty(x.shape, bool)[tuple(parts)].shape:
        raise Unsupported("its result is empty")
    return _picked(ctx, node, x, lambda index: index[tuple(parts)])


@operator("Split", attributes=("axis", "num_outputs"), limits=_LIMITS, runs_on="array")
def split(ctx, node, x, sizes=None):
    if not (sizes is None or isinstance(sizes, Const)):
        raise Unsupported("its sizes are computed, not constant")
    axis, parts, start = attributes(node).get("axis", 0) % len(x.shape), [], 0
    for output in node.output:
        shape = tuple(ctx.shapes[output])
        part = range(start, start + shape[axis])
        parts.append(_picked(ctx, node, x, lambda index, part=part: index.take(part, axis), shape))
        start += shape[axis]
    return tuple(parts)


@operator("Gather", attributes=("axis",), limits=_LIMITS, runs_on="array")
def gather(ctx, node, x, positions):
    if not isinstance(positions, Const):
        raise Unsupported("its positions are computed, not constant")
    axis = attributes(node).get("axis", 0) % len(x.shape)
    return _picked(ctx, node, x, lambda index: index.take(positions.array.astype(np.int64), axis))


@operator("DepthToSpace", attributes=("blocksize", "mode"), runs_on="array")
def depth_to_space(ctx, node, x):
    a = attributes(node)
    r, (n, c, h, w) = a["blocksize"], _four(x)

    def move(index):
        if a.get("mode", "DCR") == "DCR":
            return (
                index.reshape(n, r, r, c // r**2, h, w)
                .transpose(0, 3, 4, 1, 5, 2)
                .reshape(n, c // r**2, h * r, w * r)
            )
        return (
            index.reshape(n, c // r**2, r, r, h, w)
            .transpose(0, 1, 4, 2, 5, 3)
            .reshape(n, c // r**2, h * r, w * r)
        )

    return _picked(ctx, node, x, move)


@operator("SpaceToDepth", attributes=("blocksize", "mode"), runs_on="array")
def space_to_depth(ctx, node, x):
    a = attributes(node)
    r, (n, c, h, w) = a["blocksize"], _four(x)
    order = (0, 3, 5, 1, 2, 4) if a.get("mode", "DCR") == "DCR" else (0, 1, 3, 5, 2, 4)

    def move(index):
        return (
            index.reshape(n, c, h // r, r, w // r, r)
            .transpose(order)
            .reshape(n, c * r * r, h // r, w // r)
        )

    return _picked(ctx, node, x, move)


def _four(x):
    if len(x.shape) != 4:
        raise Unsupported(f"its input has {len(x.shape)} dimensions, expected 4")
    return x.shape
