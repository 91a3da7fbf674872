"""Pooling over windows."""

import numpy as np
import onnx

from hwcnn import ir
from hwcnn.frontend.importer.average_ties import conv_with_exact_ties, mean_ratio, with_exact_ties
from hwcnn.frontend.importer.context import Context
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Linear, Padded, Pending, map_shape
from hwcnn.frontend.importer.window_geometry import pair, window

from .dilated_max import dilated_max
from .unary import absolute
from .weights import pending

_WINDOW = ("auto_pad", "ceil_mode", "kernel_shape", "pads", "strides")


@operator("MaxPool", attributes=(*_WINDOW, "dilations"), limits="1-D and 2-D; no Indices output")
def max_pool(ctx, node, x):
    if len(node.output) > 1 and node.output[1]:
        raise Unsupported("its Indices output is used")
    x = ctx.as_map(x)
    if isinstance(x, Padded) and x.value > -ctx.tensor(x).scale * (ctx.tensor(x).zero + 128):
        x = ctx.materialise(x)
    x, g = _geometry(ctx, node, x)
    if g.dilation != (1, 1):
        return dilated_max(ctx, node, x, g)
    shape = ctx.shapes[node.output[0]]
    return Pending(
        shape, map_shape(shape), pool_of(ctx, node, x, "max", g.kernel, g.stride, g.pads, {0: 1})
    )


@operator(
    "AveragePool", attributes=(*_WINDOW, "count_include_pad", "dilations"), limits="1-D and 2-D"
)
def average_pool(ctx, node, x):
    x = ctx.as_map(x)
    if isinstance(x, Padded) and x.value != 0:
        x = ctx.materialise(x)
    x, g = _geometry(ctx, node, x)
    include = attributes(node).get("count_include_pad", 0)
    if isinstance(x, Padded):
        if not include and any(attributes(node).get("pads") or ()):
            raise Unsupported("it pads without counting its pads a map that is padded already")
        include = 1
    shape = ctx.shapes[node.output[0]]
    if g.dilation != (1, 1):
        if (any(g.pads) and not include) or _beyond(g, ctx.tensor(x).shape[2:]):
            raise Unsupported(
                "dilations with pads that do not count, or with windows that reach beyond them (ceil_mode)"
            )
        return _dilated_average(ctx, node, x, g)
    divisors = _divisors(g, ctx.tensor(x).shape[2:], include)
    return Pending(
        shape,
        map_shape(shape),
        pool_of(ctx, node, x, "average", g.kernel, g.stride, g.pads, divisors),
    )


@operator("LpPool", attributes=(*_WINDOW, "p"), limits="p = 1; 1-D and 2-D; no dilations")
def lp_pool(ctx: Context, node: onnx.NodeProto, x: Linear | Padded) -> Pending:
    """The sum of the absolute values of a window (ONNX LpPool-22 with p = 1)."""
    check_power(node)
    x, g = _geometry(ctx, node, ctx.materialise(x))
    if g.dilation != (1, 1):
        raise Unsupported("dilations")
    rows, columns = _taps(g, ctx.tensor(x).shape[2:])
    divisors = {int(taps): 1 for taps in np.unique(np.multiply.outer(rows, columns))}
    x = absolute(ctx, node, x)
    shape = ctx.shapes[node.output[0]]
    emit = pool_of(ctx, node, x, "average", g.kernel, g.stride, g.pads, divisors)
    return Pending(shape, map_shape(shape), emit)


def check_power(node: onnx.NodeProto) -> None:
    """Raise Unsupported unless p of an LpPool or GlobalLpPool is 1: squares of int8 have twice the
    bits, and small ones would be lost in 8.
    """
    if (p := attributes(node).get("p", 2)) != 1:
        raise Unsupported(f"p = {p}: only sums of absolute values, p = 1")


def _beyond(g, size):
    """True where a window reaches beyond the pads, as with ceil_mode."""
    return any(
        (out - 1) * s + d * (k - 1) + 1 > n + before + after
        for out, s, d, k, n, before, after in zip(
            g.out, g.stride, g.dilation, g.kernel, size, g.pads[:2], g.pads[2:], strict=True
        )
    )


def _dilated_average(ctx, node, x, g):
    channels, shape = ctx.tensor(x).shape[1], ctx.shapes[node.output[0]]
    ones, scale = (
        np.ones((channels, 1, *g.kernel), np.int8),
        np.full(channels, 1 / np.prod(g.kernel)),
    )
    geometry = {
        "stride": g.stride,
        "pads": g.pads,
        "dilation": g.dilation,
        "groups": channels,
        "moves": True,
    }
    result = pending(ctx, node, x.tensor, shape, ones, scale, np.zeros(channels), **geometry)
    return conv_with_exact_ties(ctx, node, x.tensor, result, int(np.prod(g.kernel)))


def _geometry(ctx, node, x):
    a = attributes(node)
    if len(x.shape) < 3:
        raise Unsupported(f"its input has {len(x.shape)} dimensions")
    kernel = pair(a["kernel_shape"], 1)
    g = window(
        a, kernel, ctx.tensor(x).shape[2:], x.pads if isinstance(x, Padded) else (0, 0, 0, 0)
    )
    if g.dilation != (1, 1) and a.get("auto_pad", "NOTSET").startswith("SAME"):
        raise Unsupported(
            "auto_pad with dilations: onnx and onnxruntime define different sizes; write the pads instead"
        )
    if g.out != map_shape(ctx.shapes[node.output[0]])[2:]:
        raise Unsupported(
            "with ceil_mode, a window of it starts beyond the map: onnx and onnxruntime define different sizes then"
        )
    if min(t.min() for t in _taps(g, ctx.tensor(x).shape[2:])) <= 0:
        if isinstance(x, Padded):
            return _geometry(ctx, node, ctx.materialise(x))
        raise Unsupported("a window of it lies wholly in the padding")
    return x, g


def pool_of(ctx, node, x, kind, kernel, stride, pads, divisors):
    """What `Pending` emits for a pool. divisors: number of taps inside the map (of max: 0) to what
    their sum is divided by.
    """
    x = ctx.tensor(x)

    def emit(y, low, high):
        def make(name, y, multipliers, low, high):
            return ir.Pool(
                name,
                x.name,
                y.name,
                kind,
                kernel,
                stride,
                pads,
                multipliers,
                x.zero,
                y.zero,
                low,
                high,
            )

        averages = {n: (mean_ratio(x, y, d), max(n, 1)) for n, d in divisors.items()}
        return with_exact_ties(ctx, node.name, y, averages, low, high, make)

    return emit


def _taps(g, size):
    """For each row and for each column of windows, the taps inside the map."""
    first = [np.arange(g.out[axis]) * g.stride[axis] - g.pads[axis] for axis in (0, 1)]
    inside = []
    for f, k, d, n in zip(first, g.kernel, g.dilation, size, strict=True):
        taps = f[:, None] + d * np.arange(k)
        inside.append(((taps >= 0) & (taps < n)).sum(axis=1))
    return inside


def _divisors(g, size, include):
    """Number of taps inside the map to the divisor, for every number that occurs in the window's
    positions.
    """
    counted = []
    for axis in (0, 1):
        first = np.arange(g.out[axis]) * g.stride[axis] - g.pads[axis]
        counted.append(np.minimum(first + g.kernel[axis], size[axis] + g.pads[axis + 2]) - first)
    taps = np.multiply.outer(*_taps(g, size)).reshape(-1)
    divisor = np.multiply.outer(*counted).reshape(-1) if include else taps
    result = dict(zip(taps.tolist(), divisor.tolist(), strict=True))
    if any(result[t] != d for t, d in zip(taps.tolist(), divisor.tolist(), strict=True)):
        raise Unsupported(
            "with count_include_pad and ceil_mode, equal windows have different divisors"
        )
    return result
