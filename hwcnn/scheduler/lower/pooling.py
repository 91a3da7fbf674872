"""Pooling on the vector engine."""

import itertools

import numpy as np

from hwcnn import ir, isa, limits
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError

from .lowering import Lowering
from .ranges import Range, span, split
from .vector_tiles import VectorLayer, VectorTile, require_feature


def lower_pool(lowering: Lowering, op: ir.Pool) -> None:
    """Emit a max or average pooling.

    Raises InputError where the vector engine cannot do its window.
    """
    layer = VectorLayer(lowering, op)
    one_tap = op.kernel == (1, 1) and not any(op.pads)
    if one_tap and layer.x.shape == layer.y.shape and op.kind == "max":
        ((mantissa, shift),) = set(op.multipliers.values())
        layer.map_tiles(
            dict(ca=-op.x_zero, ma=mantissa, shift=shift, zero=op.zero, low=op.low, high=op.high)
        )
        return
    require_feature(lowering, op, "pool")
    _check_window(op, lowering.config, layer.y.shape[3])
    for image in range(layer.x.shape[0]):
        for blocks in layer.block_ranges():
            _pool_range(layer, op, image, blocks)


def _check_window(op: ir.Pool, config: AccelConfig, out_cols: int) -> None:
    columns = min(out_cols, max(1, limits.max_pool_cols(config, op.kernel[0], op.stride[0])))
    if reason := limits.pool_reason(config, op.kernel, op.stride, columns, op.kind == "average"):
        raise InputError(f"layer {op.name!r}: the vector engine cannot do {reason}")


def _pool_range(layer: VectorLayer, op: ir.Pool, image: int, blocks: Range) -> None:
    """Emit the tiles of a range of blocks of an image."""
    (kh, kw), (sh, sw), (top, left, _, _) = op.kernel, op.stride, op.pads
    _, _, h, w = layer.x.shape
    _, _, out_h, out_w = layer.y.shape
    by_taps = op.kind == "average" and len(set(op.multipliers.values())) > 1
    widest = max(1, limits.max_pool_cols(layer.lowering.config, kh, sh))
    col_ranges = [
        ((first + a, first + b), taps)
        for first, end, taps in _segments(out_w, kw, sw, left, w, by_taps)
        for a, b in split(end - first, widest)
    ]
    for first, end, row_taps in _segments(out_h, kh, sh, top, h, by_taps):
        for rows, some in layer.tiles(blocks, (first, end), kh, sh, top):
            in_rows, _ = span(rows[0] * sh - top, (rows[1] - rows[0] - 1) * sh + kh, h)
            for cols, col_taps in col_ranges:
                in_cols, _ = span(cols[0] * sw - left, (cols[1] - cols[0] - 1) * sw + kw, w)
                tile = VectorTile(image, blocks[0], some, rows, cols, in_rows, in_cols)
                values, pad_value = _window(op, row_taps * col_taps)
                layer.emit(tile, values, pad_value)


def _segments(
    count: int, kernel: int, stride: int, pad: int, size: int, by_taps: bool
) -> list[tuple[int, int, int]]:
    """[(first, end, valid taps)] of results along an axis that see the same number of taps; all of
    them, with 0 taps, if not `by_taps`.
    """
    if not by_taps:
        return [(0, count, 0)]
    starts = np.arange(count) * stride - pad
    taps = np.minimum(starts + kernel, size) - np.maximum(starts, 0)
    segments: list[tuple[int, int, int]] = []
    first = 0
    for value, run in itertools.groupby(taps.tolist()):
        n = len(list(run))
        segments.append((first, first + n, value))
        first += n
    return segments


def _window(op: ir.Pool, taps: int) -> tuple[dict[str, int], int]:
    """(fields, pad value) of windows with so many valid taps; 0: any number.

    Pads of a sum count x_zero each, so that they cancel.
    """
    (kh, kw), (sh, sw) = op.kernel, op.stride
    average = op.kind == "average"
    mantissa, shift = op.multipliers[taps] if taps else next(iter(op.multipliers.values()))
    values = dict(
        reduce=isa.REDUCE_SUM if average else isa.REDUCE_MAX,
        kh=kh,
        kw=kw,
        sh=sh,
        sw=sw,
        ca=-kh * kw * op.x_zero if average else -op.x_zero,
        ma=mantissa,
        shift=shift,
        zero=op.zero,
        low=op.low,
        high=op.high,
    )
    return values, op.x_zero if average else -128
