"""Padding of channels, rows and columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx

from hwcnn.frontend.importer import relayout
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const, Host, Padded

from .reshape import restate


@operator(
    "Pad",
    attributes=("mode", "pads", "value"),
    runs_on="array",
    limits="channels, rows and columns; constant, edge, reflect or wrap; rows and columns by 0 "
    "before a convolution or a pool cost nothing",
)
def pad(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    pads: Value | None = None,
    value: Value | None = None,
    axes: Value | None = None,
) -> Value:
    """ONNX Pad, opset 1-25: x [N, C, H, W], [N, C, L] or [N, C]; pads, value and axes constant
    (attributes before opset 11). Negative pads crop.

    Unsupported: computed pads, padded images, negative pads in other modes than
    constant. int8 of the map must hold the constant, unless a window operator follows.
    """
    a, rank = attributes(node), len(x.shape)
    before, after = _pads(a, rank, pads, axes)
    constant = _constant(a, value)
    given = [*before, *after]
    if not any(given):
        return x
    if not 2 <= rank <= 4 or before[0] or after[0]:
        raise Unsupported(f"pads {given}: only channels, rows and columns can be padded")
    mode = a.get("mode", "constant")
    if mode != "constant":
        if min(given) < 0 or isinstance(x, Host):
            raise Unsupported(f"mode {mode!r} with pads {given}")
        widths = list(zip(before, after, strict=True))
        return restate(ctx, node, x, lambda index: np.pad(index, widths, mode))
    if min(given) < 0:
        x = _cropped(ctx, node, x, before, after)
        before, after = [max(p, 0) for p in before], [max(p, 0) for p in after]
    mapped = ctx.as_map(x)
    if isinstance(mapped, Padded):
        mapped = ctx.materialise(mapped)
    if before[1] or after[1]:
        widths = before[1], after[1]
        mapped = relayout.padded_channels(ctx, node.name, ctx.materialise(mapped), widths, constant)
    if not any(before[2:] + after[2:]):
        return mapped
    top, bottom = (0, 0) if rank == 3 else (before[2], after[2])
    widths = top, before[-1], bottom, after[-1]
    return Padded(mapped.tensor, ctx.result_shape(node), widths, constant)


def _pads(
    a: dict[str, Any], rank: int, pads: Value | None, axes: Value | None
) -> tuple[list[int], list[int]]:
    """(before, after) of each axis."""
    if any(v is not None and not isinstance(v, Const) for v in (pads, axes)):
        raise Unsupported("its pads are computed, not constant")
    given = [int(v) for v in (pads.array if isinstance(pads, Const) else a["pads"])]
    on = [int(v) % rank for v in axes.array] if isinstance(axes, Const) else range(rank)
    before, after = [0] * rank, [0] * rank
    for i, axis in enumerate(on):
        before[axis], after[axis] = given[i], given[i + len(given) // 2]
    return before, after


def _constant(a: dict[str, Any], value: Value | None) -> float:
    if value is None:
        return a.get("value", 0.0)
    if not isinstance(value, Const):
        raise Unsupported("its pads are computed, not constant")
    return float(value.array.reshape(-1)[0]) if value.array.size else 0.0


def _cropped(
    ctx: Context, node: onnx.NodeProto, x: Value, before: Sequence[int], after: Sequence[int]
) -> Value:
    """x without the rows and columns that negative pads take off."""
    slices = tuple(
        slice(max(0, -b), n - max(0, -a)) for b, a, n in zip(before, after, x.shape, strict=True)
    )
    shape = tuple(s.stop - s.start for s in slices)
    if min(shape) < 1:
        raise Unsupported("its pads leave nothing of the map")
    return restate(ctx, node, x, lambda index: index[slices], shape)
