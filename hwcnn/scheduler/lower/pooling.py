"""Pooling on the vector engine."""

import itertools

import numpy as np

from hwcnn import isa, limits
from hwcnn.errors import InputError

from .conv_geometry import span
from .conv_plan import split
from .vector_tiles import VectorLayer, need


def lower_pool(low, op):
    layer = VectorLayer(low, op)
    if (
        op.kernel == (1, 1)
        and layer.x.shape == layer.y.shape
        and not any(op.pads)
        and op.kind == "max"
    ):
        ((mantissa, shift),) = set(op.multipliers.values())
        values = dict(
            ca=-op.x_zero, ma=mantissa, shift=shift, zero=op.zero, low=op.low, high=op.high
        )
        for _ in layer.map_tiles(values):
            pass
        return
    need(low, op, "pool")
    _check_window(op, low.config, layer.y.shape[3])
    for image in range(layer.x.shape[0]):
        for part in layer.parts():
            _pool_part(layer, op, image, part)


def _check_window(op, config, out_cols):
    columns = min(out_cols, max(1, limits.max_pool_cols(config, op.kernel[0], op.stride[0])))
    if reason := limits.pool_reason(config, op.kernel, op.stride, columns, op.kind == "average"):
        raise InputError(f"layer {op.name!r}: the vector engine cannot do {reason}")


def _pool_part(layer, op, image, part):
    (kh, kw), (sh, sw), (top, left, _, _) = op.kernel, op.stride, op.pads
    _, _, h, w = layer.x.shape
    _, _, out_h, out_w = layer.y.shape
    exact = op.kind == "average" and len(set(op.multipliers.values())) > 1
    widest = max(1, limits.max_pool_cols(layer.low.config, kh, sh))
    col_ranges = [
        ((c0 + p, c0 + q), taps)
        for c0, c1, taps in _segments(out_w, kw, sw, left, w, exact)
        for p, q in split(c1 - c0, widest)
    ]
    for r0, r1, row_taps in _segments(out_h, kh, sh, top, h, exact):
        for out_rows, blocks in layer.tiles(part, (r0, r1), kh, sh, top):
            rows, _ = span(out_rows[0] * sh - top, (out_rows[1] - out_rows[0] - 1) * sh + kh, h)
            for out_cols, col_taps in col_ranges:
                cols, _ = span(
                    out_cols[0] * sw - left, (out_cols[1] - out_cols[0] - 1) * sw + kw, w
                )
                values, pad = _window(op, row_taps * col_taps)
                layer.emit(image, blocks, part, out_rows, out_cols, rows, cols, values, pad)


def _segments(count, kernel, stride, pad, size, exact):
    """[(first, end, valid taps)] of outputs along an axis that see the same number of taps; one (0
    taps) if not `exact`.
    """
    if not exact:
        return [(0, count, 0)]
    starts = np.arange(count) * stride - pad
    taps = np.minimum(starts + kernel, size) - np.maximum(starts, 0)
    segments, first = [], 0
    for value, run in itertools.groupby(taps):
        n = len(list(run))
        segments.append((first, first + n, int(value)))
        first += n
    return segments


def _window(op, taps):
    """(fields, pad value) of a window. Pads of a sum count x_zero each, so that they cancel."""
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
