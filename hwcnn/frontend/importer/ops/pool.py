"""Pooling over windows."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
import numpy.typing as npt
import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MIN
from hwcnn.frontend.importer.average_ties import Multipliers, mean_ratio, with_exact_ties
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import Emit, Pending, PendingOp
from hwcnn.frontend.importer.pending_conv import PendingForwardConv
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Linear, Padded
from hwcnn.frontend.importer.window_geometry import Window, pair, window

from .dilated_max import dilated_max
from .unary import absolute

_WINDOW = ("auto_pad", "ceil_mode", "kernel_shape", "pads", "strides")


@operator("MaxPool", attributes=(*_WINDOW, "dilations"), limits="1-D and 2-D; no Indices output")
def max_pool(ctx: Context, node: onnx.NodeProto, x: Value) -> Pending:
    """ONNX MaxPool, opset 1-22: x [N, C, H, W] or [N, C, L]. Unsupported: Indices that are used,
    windows wholly in the padding, geometries of which onnx and onnxruntime differ.
    """
    if len(node.output) > 1 and node.output[1]:
        raise Unsupported("its Indices output is used")
    mapped = ctx.as_map(x)
    tensor = ctx.tensor(mapped)
    lowest = -tensor.scale * (tensor.zero - INT8_MIN)
    if isinstance(mapped, Padded) and mapped.value > lowest:
        mapped = ctx.materialise(mapped)
    mapped, g = _geometry(ctx, node, mapped)
    if g.dilation != (1, 1):
        return dilated_max(ctx, node, mapped, g)
    return _pending_pool(ctx, node, mapped, "max", g, {0: 1})


@operator(
    "AveragePool", attributes=(*_WINDOW, "count_include_pad", "dilations"), limits="1-D and 2-D"
)
def average_pool(ctx: Context, node: onnx.NodeProto, x: Value) -> Pending:
    """ONNX AveragePool, opset 1-22: x [N, C, H, W] or [N, C, L]. Unsupported: windows wholly in
    padding that does not count, dilations with pads that do not count, geometries of which onnx and
    onnxruntime differ.

    Padding that counts, in front of the pool too, is none that the pool knows of where windows of
    equal taps have different divisors: it is computed then.
    """
    mapped, include = ctx.as_map(x), bool(attributes(node).get("count_include_pad", 0))
    if isinstance(mapped, Padded) and mapped.value != 0:
        mapped = ctx.materialise(mapped)
    mapped, g = _geometry(ctx, node, mapped, include)
    if isinstance(mapped, Padded):
        if not include and g.pads != mapped.pads:
            mapped, g = _geometry(ctx, node, ctx.materialise(mapped))
        else:
            include = True
    size = ctx.tensor(mapped).shape[2:]
    if g.dilation != (1, 1):
        if (any(g.pads) and not include) or _beyond(g, size):
            raise Unsupported(
                "dilations with pads that do not count, or with windows that reach beyond them "
                "(ceil_mode)"
            )
        return _dilated_average(ctx, node, mapped, g)
    divisors = _divisors(g, size, include)
    if divisors is None:
        mapped, g = _computed_pads(ctx, mapped, g)
        divisors = _divisors(g, ctx.tensor(mapped).shape[2:], include)
    assert divisors is not None
    return _pending_pool(ctx, node, mapped, "average", g, divisors)


@operator("LpPool", attributes=(*_WINDOW, "p"), limits="p = 1; 1-D and 2-D; no dilations")
def lp_pool(ctx: Context, node: onnx.NodeProto, x: Value) -> Pending:
    """ONNX LpPool, opset 1-22, with p = 1: the sum of the absolute values of a window of x [N, C,
    H, W] or [N, C, L]. Unsupported: other p, dilations, and what AveragePool refuses of windows.
    """
    check_power(node)
    _, g = _geometry(ctx, node, mapped := ctx.materialise(x))
    if g.dilation != (1, 1):
        raise Unsupported("dilations")
    rows, columns = _taps(g, ctx.tensor(mapped).shape[2:])
    divisors = {int(taps): 1 for taps in np.unique(np.multiply.outer(rows, columns))}
    return _pending_pool(ctx, node, absolute(ctx, node, mapped), "average", g, divisors)


def check_power(node: onnx.NodeProto) -> None:
    """Raise Unsupported unless p of an LpPool or GlobalLpPool is 1: squares of int8 have twice the
    bits, and small ones would be lost in 8.
    """
    if (p := attributes(node).get("p", 2)) != 1:
        raise Unsupported(f"p = {p}: only sums of absolute values, p = 1")


def _beyond(g: Window, size: tuple[int, int]) -> bool:
    """True where a window reaches beyond the pads, as with ceil_mode."""
    return any(
        (out - 1) * s + d * (k - 1) + 1 > n + before + after
        for out, s, d, k, n, before, after in zip(
            g.out, g.stride, g.dilation, g.kernel, size, g.pads[:2], g.pads[2:], strict=True
        )
    )


def _dilated_average(
    ctx: Context, node: onnx.NodeProto, x: Linear | Padded, g: Window
) -> PendingForwardConv:
    """A depthwise convolution with weights of one."""
    tensor, taps = ctx.tensor(x), int(np.prod(g.kernel))
    channels = tensor.shape[1]
    return PendingForwardConv(
        ctx.result_shape(node),
        ctx.result_map_shape(node),
        node.name,
        tensor,
        np.ones((channels, 1, *g.kernel), np.int8),
        np.full(channels, 1 / taps),
        np.zeros(channels),
        stride=g.stride,
        dilation=g.dilation,
        groups=channels,
        moves=True,
        pads=g.pads,
        divisor=taps,
    )


def _computed_pads(ctx: Context, x: Linear | Padded, g: Window) -> tuple[Linear | Padded, Window]:
    """The map with all pads of the windows as zeros of its own, and the same windows on it."""
    top, left, bottom, right = g.pads
    n, c, h, w = ctx.tensor(x).shape
    shape = (n, c, h + top + bottom, w + left + right)
    shape = shape if len(x.shape) == 4 else (n, c, shape[3])
    padded = Padded(x.tensor, shape, g.pads, 0.0)
    return ctx.materialise(padded), replace(g, pads=(0, 0, 0, 0))


def _geometry(
    ctx: Context, node: onnx.NodeProto, x: Linear | Padded, counted: bool = False
) -> tuple[Linear | Padded, Window]:
    """(x, its padding computed where windows lie wholly in it; the geometry of the windows).
    counted : the node's own pads are elements like others, zeros.
    """
    a = attributes(node)
    if len(x.shape) < 3:
        raise Unsupported(f"its input has {len(x.shape)} dimensions")
    size, extra = ctx.tensor(x).shape[2:], x.pads if isinstance(x, Padded) else (0, 0, 0, 0)
    g = window(a, pair(a["kernel_shape"], 1), size, extra)
    if g.dilation != (1, 1) and a.get("auto_pad", "NOTSET").startswith("SAME"):
        raise Unsupported(
            "auto_pad with dilations: onnx and onnxruntime define different sizes; write the pads "
            "instead"
        )
    if g.out != ctx.result_map_shape(node)[2:]:
        raise Unsupported(
            "with ceil_mode, a window of it starts beyond the map: onnx and onnxruntime define "
            "different sizes then"
        )
    if min(t.min() for t in _taps(g, size)) <= 0:
        if isinstance(x, Padded):
            return _geometry(ctx, node, ctx.materialise(x), counted)
        if counted:
            return _computed_pads(ctx, x, g)
        raise Unsupported("a window of it lies wholly in the padding")
    return x, g


def _pending_pool(
    ctx: Context,
    node: onnx.NodeProto,
    x: Linear | Padded,
    kind: Literal["max", "average"],
    g: Window,
    divisors: Mapping[int, int],
) -> PendingOp:
    emit = pool_of(ctx, node, x, kind, g.kernel, g.stride, g.pads, divisors)
    return PendingOp(ctx.result_shape(node), ctx.result_map_shape(node), emit)


def pool_of(
    ctx: Context,
    node: onnx.NodeProto,
    x: Linear | Padded,
    kind: Literal["max", "average"],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    pads: tuple[int, int, int, int],
    divisors: Mapping[int, int],
) -> Emit:
    """What `PendingOp` emits for a pool. divisors: number of taps inside the map (of max: 0) to
    what their sum is divided by.
    """
    tensor = ctx.tensor(x)

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Op:
        def make(name: str, y: ir.Tensor, multipliers: Multipliers, low: int, high: int) -> ir.Pool:
            return ir.Pool(
                name,
                tensor.name,
                y.name,
                kind,
                kernel,
                stride,
                pads,
                multipliers,
                tensor.zero,
                y.zero,
                low,
                high,
            )

        averages = {n: (mean_ratio(tensor, y, d), max(n, 1)) for n, d in divisors.items()}
        return with_exact_ties(ctx, node.name, y, averages, low, high, make)

    return emit


def _taps(g: Window, size: tuple[int, int]) -> list[npt.NDArray[np.int64]]:
    """For each row and for each column of windows, the taps inside the map."""
    inside: list[npt.NDArray[np.int64]] = []
    for axis in (0, 1):
        first = np.arange(g.out[axis]) * g.stride[axis] - g.pads[axis]
        taps = first[:, None] + g.dilation[axis] * np.arange(g.kernel[axis])
        inside.append(((taps >= 0) & (taps < size[axis])).sum(axis=1))
    return inside


def _divisors(g: Window, size: tuple[int, int], include: bool) -> dict[int, int] | None:
    """Number of taps inside the map to the divisor, for every number that occurs in the window's
    positions; None where one number has several. include : pads count.
    """
    counted: list[npt.NDArray[np.int64]] = []
    for axis in (0, 1):
        first = np.arange(g.out[axis]) * g.stride[axis] - g.pads[axis]
        counted.append(np.minimum(first + g.kernel[axis], size[axis] + g.pads[axis + 2]) - first)
    taps = np.multiply.outer(*_taps(g, size)).reshape(-1)
    divisor = np.multiply.outer(*counted).reshape(-1) if include else taps
    result = dict(zip(taps.tolist(), divisor.tolist(), strict=True))
    same = all(result[t] == d for t, d in zip(taps.tolist(), divisor.tolist(), strict=True))
    return result if same else None
