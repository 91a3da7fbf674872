"""Layers that move elements: concatenations, slices, shuffles, pads, resampling and other shapes of
the same elements.
"""

import math

import numpy as np

from .layers import divisors, layer, spatial
from .net import Invalid


@layer("concat", operands=3)
def concat(net, pick, *xs):
    return [net.node("Concat", xs[: pick("parts", (2, 3, 1), (3, 2, 0.3))], axis=1)]


@layer("joined")
def joined(net, pick, x):
    """A map and another of the same size behind it, or some of its rows or columns."""
    rank = len(net.shapes[x])
    axis = pick("axis", range(2, rank)) if rank > 2 else 1
    parts = [x, net.node(pick("op", ("Relu", "Sigmoid", "Neg")), [x])]
    return [net.node("Concat", parts[:: pick("order", (1, -1))], axis=axis)]


@layer("Expand", "Tile")
def repeated(net, pick, name, x):
    n, *rest = net.shapes[x]
    axis = pick("axis", range(len(rest)))
    times = [pick("times", (2, 3)) if i == axis else 1 for i in range(len(rest))]
    if name == "Tile":
        return [net.node(name, [x, net.const([1, *times], np.int64)])]
    if rest[axis] > 1:
        raise Invalid("no axis of one")
    shape = [n, *(size * t for size, t in zip(rest, times, strict=True))]
    return [net.node(name, [x, net.const(shape, np.int64)])]


@layer("split")
def split(net, pick, x):
    axis = pick("axis", [1, *range(2, len(net.shapes[x]))], [3] + [1] * (len(net.shapes[x]) - 2))
    size = net.shapes[x][axis]
    if size < 2:
        raise Invalid("nothing to split")
    first = pick("first", range(1, size))
    return net.node("Split", [x, net.const([first, size - first], np.int64)], outputs=2, axis=axis)


@layer("slice")
def slice_(net, pick, x):
    axis = pick("axis", range(1, len(net.shapes[x])))
    size = net.shapes[x][axis]
    start, step = pick("start", range(size)), pick("step", (1, 2, 3, -1), (4, 2, 1, 0.5))
    end = -size - 1 if step < 0 else pick("end", range(size, start, -1))
    return [net.node("Slice", [x, *(net.const([v], np.int64) for v in (start, end, axis, step))])]


@layer("gather")
def gather(net, pick, x):
    axis = pick("axis", range(1, len(net.shapes[x])))
    size = net.shapes[x][axis]
    count = pick("count", range(1, size + 1))
    order = net.rng.permutation(size)[:count]
    return [
        net.node(
            "Gather",
            [x, net.const(order if pick("shuffled", (True, False)) else np.sort(order), np.int64)],
            axis=axis,
        )
    ]


@layer("pad")
def pad(net, pick, x):
    dims = spatial(net, x)
    mode = pick("mode", ("constant", "edge", "reflect", "wrap"), (3, 1, 1, 1))
    sizes = [
        [pick(f"{side}{i}", (0, 1, 2, 3, -1), (3, 3, 2, 1, 0.5)) for i in range(len(dims))]
        for side in ("before", "after")
    ]
    value = [net.const(pick("value", (0.0, 1.0, -0.7), (3, 1, 1)))] if mode == "constant" else []
    channels = [
        pick(f"{side}_channels", (0, 1, 4, -1), (9, 1, 1, 1)) for side in ("before", "after")
    ]
    pads = [0, channels[0], *sizes[0], 0, channels[1], *sizes[1]]
    return [net.node("Pad", [x, net.const(pads, np.int64), *value], mode=mode)]


@layer("resize")
def resize(net, pick, x):
    dims = spatial(net, x)
    mode = pick("mode", ("nearest", "linear"))
    transform = pick(
        "transform", ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners")
    )
    factors = [pick(f"factor{i}", (2, 1, 3, 4, 5), (5, 2, 2, 1, 1)) for i in range(len(dims))]
    attributes = dict(mode=mode, coordinate_transformation_mode=transform)
    if mode == "nearest":
        attributes["nearest_mode"] = pick(
            "rounding", ("floor", "round_prefer_floor", "ceil", "round_prefer_ceil")
        )
    if pick("by_size", (False, True)):
        sizes = [*net.shapes[x][:2], *(n * f for n, f in zip(dims, factors, strict=True))]
        return [net.node("Resize", [x, "", "", net.const(sizes, np.int64)], **attributes)]
    return [net.node("Resize", [x, "", net.const([1, 1, *factors])], **attributes)]


@layer("DepthToSpace", "SpaceToDepth")
def blocks(net, pick, name, x):
    mode = {"mode": pick("mode", ("DCR", "CRD"))} if name == "DepthToSpace" else {}
    size, shape = pick("blocksize", (2, 3)), net.shapes[x]
    if (
        len(shape) != 4 or shape[1] % size**2
        if name == "DepthToSpace"
        else any(n % size for n in spatial(net, x))
    ):
        raise Invalid("blocks do not divide it")
    return [net.node(name, [x], blocksize=size, **mode)]


@layer("shuffle")
def shuffle(net, pick, x):
    n, c, *dims = net.shapes[x]
    spatial(net, x)
    groups = pick("groups", divisors(c))
    y = net.node("Reshape", [x, net.const([n, groups, c // groups, *dims], np.int64)])
    y = net.node("Transpose", [y], perm=[0, 2, 1, *range(3, 3 + len(dims))])
    return [net.node("Reshape", [y, net.const([n, c, *dims], np.int64)])]


@layer("flatten")
def flatten(net, pick, x):
    return [net.node("Flatten", [x], axis=1)]


@layer("reshape")
def reshape(net, pick, x):
    n, *rest = net.shapes[x]
    size = math.prod(rest)
    shape = pick("shape", ("vector", "map", "rows"))
    if shape == "vector":
        return [net.node("Reshape", [x, net.const([0, -1], np.int64)])]
    c = pick("c", divisors(size))
    shape = [n, c, 1, size // c] if shape == "map" else [n, c, size // c]
    return [net.node("Reshape", [x, net.const(shape, np.int64)])]


@layer("transpose")
def transpose(net, pick, x):
    """There, through a function, and back: the network's maps stay channels first."""
    rank = len(net.shapes[x])
    perm = pick("perm", ([0, *range(2, rank), 1], [0, 1, *range(rank - 1, 1, -1)]))
    y = net.node("Transpose", [x], perm=perm)
    if pick("back", (True, False), (3, 1)):
        y = net.node(pick("between", ("Relu", "Sigmoid", "Identity")), [y])
        y = net.node("Transpose", [y], perm=[int(i) for i in np.argsort(perm)])
    return [y]


@layer("squeeze")
def squeeze(net, pick, x):
    ones = [i for i, n in enumerate(net.shapes[x]) if n == 1 and i]
    if not ones:
        raise Invalid("no axis of one")
    return [net.node("Squeeze", [x, net.const([pick("axis", ones)], np.int64)])]


@layer("unsqueeze")
def unsqueeze(net, pick, x):
    if len(net.shapes[x]) > 3:
        raise Invalid("four axes")
    return [
        net.node("Unsqueeze", [x, net.const([pick("axis", (2, len(net.shapes[x])))], np.int64)])
    ]
