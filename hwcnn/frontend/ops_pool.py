"""Pooling: windows and whole maps."""

import numpy as np

from .. import ir
from ..fixedpoint import multiplier
from .registry import Unsupported, attributes, operator
from .values import Padded, Pending, map_shape
from .windows import pair, window

_WINDOW = ("auto_pad", "ceil_mode", "kernel_shape", "pads", "strides")


@operator("MaxPool", attributes=_WINDOW, limits="1-D and 2-D; no dilation; no Indices output")
def max_pool(ctx, node, x):
    if len(node.output) > 1 and node.output[1]:
        raise Unsupported("its Indices output is used")
    x, g = _geometry(ctx, node, x)
    if isinstance(x, Padded) and x.value > -ctx.tensor(x).scale * (ctx.tensor(x).zero + 128):
        raise Unsupported(f"it reads a map padded with {x.value}, which can exceed the map's own values")
    shape = ctx.shapes[node.output[0]]
    return Pending(shape, map_shape(shape), _emit(ctx, node, x, "max", g.kernel, g.stride, g.pads, {0: 1}))


@operator("AveragePool", attributes=(*_WINDOW, "count_include_pad"), limits="1-D and 2-D; no dilation")
def average_pool(ctx, node, x):
    x, g = _geometry(ctx, node, x)
    include = attributes(node).get("count_include_pad", 0)
    if isinstance(x, Padded):
        if x.value != 0:
            raise Unsupported(f"it reads a map padded with {x.value}, only 0 can be fused")
        if not include and any(attributes(node).get("pads") or ()):
            raise Unsupported("it pads without counting its pads a map that is padded already")
        include = 1
    shape = ctx.shapes[node.output[0]]
    divisors = _divisors(g, ctx.tensor(x).shape[2:], include)
    return Pending(shape, map_shape(shape), _emit(ctx, node, x, "average", g.kernel, g.stride, g.pads, divisors))


@operator("GlobalAveragePool", "GlobalMaxPool", limits="1-D and 2-D maps")
def global_pool(ctx, node, x):
    kind = "max" if node.op_type == "GlobalMaxPool" else "average"
    return whole_map(ctx, node, ctx.map(x), kind, ctx.shapes[node.output[0]])


@operator("ReduceMean", "ReduceMax", attributes=("axes", "keepdims"), limits="over all of rows and columns")
def reduce_mean(ctx, node, x, axes=None):
    x = ctx.map(x)
    given = attributes(node).get("axes") if axes is None else axes.array.reshape(-1)
    rank = len(x.shape)
    if given is None or sorted(int(a) % rank for a in given) != list(range(2, rank)) or rank < 3:
        raise Unsupported(
            f"axes {None if given is None else list(map(int, given))}: only the mean over rows and columns is supported"
        )
    kind = "max" if node.op_type == "ReduceMax" else "average"
    return whole_map(ctx, node, x, kind, ctx.shapes[node.output[0]])


def whole_map(ctx, node, x, kind, shape):
    """A pool whose window is the map of x; `shape`: of the ONNX result."""
    if isinstance(x, Padded):
        raise Unsupported("it reads a padded map")
    n, c, h, w = ctx.tensor(x).shape
    divisors = {0: 1} if kind == "max" else {h * w: h * w}
    return Pending(shape, (n, c, 1, 1), _emit(ctx, node, x, kind, (h, w), (1, 1), (0, 0, 0, 0), divisors))


def _geometry(ctx, node, x):
    x = ctx.map(x)
    a = attributes(node)
    if len(x.shape) < 3:
        raise Unsupported(f"its input has {len(x.shape)} dimensions")
    if any(d != 1 for d in a.get("dilations", ())):
        raise Unsupported(f"dilations {list(a['dilations'])}")
    kernel = pair(a["kernel_shape"], 1)
    g = window(a, kernel, ctx.tensor(x).shape[2:], x.pads if isinstance(x, Padded) else (0, 0, 0, 0))
    if g.out != map_shape(ctx.shapes[node.output[0]])[2:]:
        raise Unsupported(
            "with ceil_mode, a window of it starts beyond the map: onnx and onnxruntime define different sizes then"
        )
    if min(t.min() for t in _taps(g, ctx.tensor(x).shape[2:])) <= 0:
        raise Unsupported("a window of it lies wholly in the padding")
    return x, g


def _emit(ctx, node, x, kind, kernel, stride, pads, divisors):
    """divisors: number of taps inside the map to what their sum is divided by."""
    x = ctx.tensor(x)

    def emit(y, low, high):
        multipliers = {n: tuple(int(v) for v in multiplier(x.scale / y.scale / d)) for n, d in divisors.items()}
        return ir.Pool(node.name, x.name, y.name, kind, kernel, stride, pads, multipliers, x.zero, y.zero, low, high)

    return emit


def _taps(g, size):
    """For each row and for each column of windows, the taps inside the map."""
    first = [np.arange(g.out[axis]) * g.stride[axis] - g.pads[axis] for axis in (0, 1)]
    return [np.minimum(f + k, n) - np.maximum(f, 0) for f, k, n in zip(first, g.kernel, size, strict=True)]


def _divisors(g, size, include):
    """Number of taps inside the map to the divisor, for every number that occurs in the window's positions."""
    counted = []
    for axis in (0, 1):
        first = np.arange(g.out[axis]) * g.stride[axis] - g.pads[axis]
        counted.append(np.minimum(first + g.kernel[axis], size[axis] + g.pads[axis + 2]) - first)
    taps = np.multiply.outer(*_taps(g, size)).reshape(-1)
    divisor = np.multiply.outer(*counted).reshape(-1) if include else taps
    result = dict(zip(taps.tolist(), divisor.tolist(), strict=True))
    if any(result[t] != d for t, d in zip(taps.tolist(), divisor.tolist(), strict=True)):
        raise Unsupported("with count_include_pad and ceil_mode, equal windows have different divisors")
    return result
