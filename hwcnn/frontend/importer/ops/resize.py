"""Resampling of rows and columns, nearest and linear: exact where the positions repeat after some
pixels.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer.average_ties import Multipliers, mean_ratio, with_exact_ties
from hwcnn.frontend.importer.context import Context, Value
from hwcnn.frontend.importer.pending import PendingOp
from hwcnn.frontend.importer.registry import Unsupported, attributes, operator
from hwcnn.frontend.importer.values import Const
from hwcnn.resampling import MAX_CONVOLUTIONS, MAX_WEIGHT, runs

#: A scale factor is taken as the ratio with the smallest denominator up to this that float32 cannot
#: tell from it.
MAX_DENOMINATOR = 1024
#: Kinds of rows or columns at most where these are taken one after the other; of both together
#: where that is exact.
MAX_KINDS = 1024
#: (index, weight, divisor) of one axis: int64 [results, 2] each, and what weights are divided by.
Taps = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]
#: coordinate_transformation_mode to: (result's index, factor, size, result's size) -> position.
POSITIONS: dict[str, Callable[[int, Fraction, int, int], Fraction]] = {
    "half_pixel": lambda o, scale, size, out: (o + Fraction(1, 2)) / scale - Fraction(1, 2),
    "pytorch_half_pixel": lambda o, scale, size, out: (
        (o + Fraction(1, 2)) / scale - Fraction(1, 2) if out > 1 else Fraction(0)
    ),
    "half_pixel_symmetric": lambda o, scale, size, out: (
        Fraction(size, 2) * (1 - out / (scale * size))
        + (o + Fraction(1, 2)) / scale
        - Fraction(1, 2)
    ),
    "asymmetric": lambda o, scale, size, out: o / scale,
    "align_corners": lambda o, scale, size, out: (
        Fraction(o * (size - 1), out - 1) if out > 1 else Fraction(0)
    ),
}
_ROUNDINGS: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda at: ceil(at - Fraction(1, 2)),
    "round_prefer_ceil": lambda at: floor(at + Fraction(1, 2)),
    "floor": floor,
    "ceil": ceil,
}


@operator(
    "Resize",
    attributes=("axes", "coordinate_transformation_mode", "mode", "nearest_mode"),
    limits="rows and columns; nearest and linear; linear by more than 8 in both, or where rows and "
    "columns have many different positions, rows are rounded before columns: one result in six is "
    "a step off",
    runs_on="array",
)
def resize(
    ctx: Context,
    node: onnx.NodeProto,
    x: Value,
    roi: Value | None = None,
    scales: Value | None = None,
    sizes: Value | None = None,
) -> PendingOp:
    """ONNX Resize, opset 10-19: rows and columns of x [N, C, H, W], columns of [N, C, L]; scales or
    sizes constant. Unsupported: computed sizes, other axes, cubic, antialias, exclude_outside,
    tf_crop_and_resize, keep_aspect_ratio_policy, positions that do not repeat.
    """
    a = attributes(node)
    mode, transform = (
        a.get("mode", "nearest"),
        a.get("coordinate_transformation_mode", "half_pixel"),
    )
    nearest = a.get("nearest_mode", "round_prefer_floor")
    _check(a, mode, transform)
    if not (scales is None or isinstance(scales, Const)) or not (
        sizes is None or isinstance(sizes, Const)
    ):
        raise Unsupported("its scales or sizes are computed, not constant")
    mapped, shape = ctx.materialise(x), ctx.result_shape(node)
    factors = _factors(a, mapped.shape, shape, scales)
    if shape[:2] != mapped.shape[:2]:
        raise Unsupported(
            f"it changes [N, C] from {list(mapped.shape[:2])} to {list(shape[:2])}: only rows and "
            "columns can be resized"
        )
    tensor = ctx.tensor(mapped)
    axes = list(zip(tensor.shape[2:], ctx.result_map_shape(node)[2:], factors, strict=True))
    if transform == "align_corners" and any(size * f != out for size, out, f in axes):
        raise Unsupported(
            "align_corners with scales that are not the ratio of its sizes: onnx and onnxruntime "
            "differ; give sizes"
        )
    rows, cols = (
        _taps([POSITIONS[transform](o, f, size, out) for o in range(out)], size, mode, nearest)
        for size, out, f in axes
    )
    return _resampled(ctx, node, tensor, rows, cols)


def _check(a: Mapping[str, Any], mode: str, transform: str) -> None:
    if mode not in ("nearest", "linear"):
        raise Unsupported(f"mode {mode!r}: nearest and linear are supported")
    if transform not in POSITIONS:
        raise Unsupported(
            f"coordinate_transformation_mode {transform!r}: one of {', '.join(POSITIONS)} is "
            "supported"
        )
    if a.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise Unsupported("keep_aspect_ratio_policy: give the sizes that it leads to, and stretch")
    if mode == "linear" and (a.get("antialias", 0) or a.get("exclude_outside", 0)):
        raise Unsupported("antialias or exclude_outside")


def _factors(
    a: Mapping[str, Any], before: Sequence[int], after: Sequence[int], scales: Const | None
) -> list[Fraction]:
    """[rows, columns]: exact scale factors."""
    factors = [Fraction(n, m) for n, m in zip(after, before, strict=True)]
    if scales is not None and scales.array.size:
        axes = a.get("axes") or range(len(before))
        for axis, scale in zip(axes, scales.array.reshape(-1).tolist(), strict=True):
            factors[axis % len(before)] = _fraction(scale)
    spatial = factors[2:]
    return [Fraction(1)] * (2 - len(spatial)) + spatial


def _fraction(scale: float) -> Fraction:
    """The ratio of small numbers that float32 cannot tell from it."""
    for limit in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, MAX_DENOMINATOR):
        factor = Fraction(scale).limit_denominator(limit)
        if factor > 0 and abs(float(factor) - scale) <= 1e-7 * scale:
            return factor
    raise Unsupported(f"the scale {scale:g} is no ratio of small numbers: give sizes")


def _taps(positions: Sequence[Fraction], size: int, mode: str, nearest: str) -> Taps:
    """What each result is made of. positions : of the results; size : of the axis."""
    if mode == "nearest":
        index = np.array([min(max(_ROUNDINGS[nearest](at), 0), size - 1) for at in positions])
        return np.stack([index, index], 1), np.tile([1, 0], (len(index), 1)), 1
    positions = [min(max(at, Fraction(0)), Fraction(size - 1)) for at in positions]
    divisor = lcm(*(at.denominator for at in positions))
    low = np.array([floor(at) for at in positions])
    high = (
        np.array([int((at - floor(at)) * divisor) for at in positions], np.int64)
        if divisor <= MAX_WEIGHT
        else None
    )
    if high is None:
        raise Unsupported(
            f"linear weights in {divisor}ths, more than {MAX_WEIGHT}: use whole factors, and "
            "half_pixel or asymmetric"
        )
    return (
        np.stack([low, np.minimum(low + 1, size - 1)], 1),
        np.stack([divisor - high, high], 1),
        divisor,
    )


def _resampled(
    ctx: Context, node: onnx.NodeProto, x: ir.Tensor, rows: Taps, cols: Taps
) -> PendingOp:
    """One operation where weights are small and convolutions few enough; otherwise rows first, then
    columns, rounded in between.
    """
    counts = [len(runs(index, weight)) for index, weight, _ in (rows, cols)]
    largest = int(rows[1].max() * cols[1].max())
    most = MAX_KINDS if rows[2] == 1 else MAX_CONVOLUTIONS  # rows taken unchanged are not rounded
    together = largest <= MAX_WEIGHT and counts[0] * counts[1] <= most
    if not together and max(counts) > MAX_KINDS:
        raise Unsupported(
            f"its positions do not repeat: {max(counts)} kinds of rows or columns, at most "
            f"{MAX_KINDS}; use whole factors, and half_pixel or asymmetric"
        )

    def emit(y: ir.Tensor, low: int, high: int) -> ir.Op:
        if together:
            return _operation(ctx, node.name, x, y, rows, cols, low, high)
        middle = ctx.new_tensor(
            f"{y.name}/rows", (*x.shape[:2], len(rows[0]), x.shape[3]), x.scale, x.zero
        )
        ctx.ops.append(_operation(ctx, f"{node.name}/rows", x, middle, rows, _same(x.shape[3])))
        return _operation(ctx, node.name, middle, y, _same(middle.shape[2]), cols, low, high)

    return PendingOp(ctx.result_shape(node), ctx.result_map_shape(node), emit)


def _same(size: int) -> Taps:
    """Every row or column as it is."""
    index = np.arange(size)
    return np.stack([index, index], 1), np.tile([1, 0], (size, 1)), 1


def _operation(
    ctx: Context,
    name: str,
    x: ir.Tensor,
    y: ir.Tensor,
    rows: Taps,
    cols: Taps,
    low: int = INT8_MIN,
    high: int = INT8_MAX,
) -> ir.Op:
    def make(name: str, y: ir.Tensor, multipliers: Multipliers, low: int, high: int) -> ir.Resize:
        return ir.Resize(
            name,
            x.name,
            y.name,
            rows[:2],
            cols[:2],
            *multipliers[0],
            x.zero,
            y.zero,
            low,
            high,
        )

    divisor = rows[2] * cols[2]
    return with_exact_ties(ctx, name, y, {0: (mean_ratio(x, y, divisor), divisor)}, low, high, make)
