"""Constant weights and biases of what runs on the array, and the requantisation of its sums."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN
from hwcnn.frontend.importer.registry import Unsupported
from hwcnn.frontend.importer.requant import ratio
from hwcnn.frontend.importer.values import Const, PendingConv, map_shape

#: Steps of its result by which rounding a bias may move a channel: above the first, its weights are
#: made larger where they can be; above the second, the layer is refused.
FINE, MOST_LOST = 2.0**-10, 0.5


def weights(ctx, value, axis):
    """(int8 weights, scale [Cout]) of a quantised constant whose output channels are on `axis`.
    Raises Unsupported.

    In a dry_run run, weights that are still to be quantised are all zero.
    """
    if not isinstance(value, Const):
        raise Unsupported("its weights are computed, not constant")
    if value.q is None and ctx.dry_run:
        return np.zeros(value.shape, np.int8), np.ones(value.shape[axis])
    if value.q is None:
        raise Unsupported(
            "its weights are not quantised: give them a DequantizeLinear, or import the float model"
        )
    if value.q.min(initial=0) < -128 or value.q.max(initial=0) > 127:
        raise Unsupported(
            "its weights less their zero point do not fit int8: quantise them symmetrically"
        )
    channels = value.q.shape[axis]
    if value.scale.size > 1 and value.axis % value.q.ndim != axis:
        raise Unsupported(
            f"its weights have scales along axis {value.axis}: expected the output channels' axis {axis}"
        )
    return value.q.astype(np.int8, copy=False), np.broadcast_to(
        value.scale.astype(np.float64).reshape(-1), channels
    )


def bias_of(value, channels):
    """Real bias [Cout], float64, of a constant that broadcasts along the channels; None gives
    zeros.
    """
    if value is None:
        return np.zeros(channels)
    if not isinstance(value, Const):
        raise Unsupported("its bias is computed, not constant")
    array = value.real
    rows = (
        np.broadcast_to(array, np.broadcast_shapes(array.shape, (channels,)))
        .reshape(-1, channels)
        .astype(np.float64)
    )
    if (rows != rows[0]).any():
        raise Unsupported("its bias differs from row to row")
    return rows[0]


def pending(ctx, node, x, shape, weight, w_scale, bias, **geometry):
    """A `PendingConv` of the tensor named x. w_scale [Cout]; bias: real, [Cout]; geometry: the
    other fields of ir.Conv.
    """
    x = ctx.tensors[x]

    def emit(y, low, high, gain, offset):
        unit = x.scale * w_scale * gain
        if (unit <= 0).any():
            raise Unsupported("a channel is multiplied by zero or less after it")
        step = np.inf if ctx.dry_run else y.scale
        taps, biases, unit = fit_accumulator(
            weight, (bias * gain + offset) / unit, unit, x.zero, step
        )
        mantissa, shift = ratio(unit / y.scale)
        return ir.Conv(
            node.name,
            x.name,
            y.name,
            taps,
            biases,
            mantissa,
            shift,
            y.zero,
            low,
            high,
            pad_value=x.zero,
            **geometry,
        )

    return PendingConv(shape, map_shape(shape), emit)


def fit_accumulator(weight, bias, unit, zero, step):
    """(weight int8, bias int32 with the input's zero point folded in, unit) such that no sum can
    exceed 32 bits.

    bias : real, in units of a sum, [Cout]; unit : their size, [Cout]; step : of the result.
    A channel whose bias is too large for that (its weights are almost nothing) is halved until it
    fits: what its weights lose is below 2**-16 of the largest sum. One whose unit is too coarse for
    its bias is doubled as far as its weights fit int8. Raises Unsupported where rounding the bias
    could still move a result by more than one step.
    """
    weight, bias, unit = _refined(weight, bias, np.array(unit), step)
    lost = np.abs(bias - np.rint(bias)) * unit / step
    if lost.max() > MOST_LOST:
        raise Unsupported(
            f"its bias does not fit: rounded to a whole number of units of its sums (x_scale * w_scale), it moves results by "
            f"{lost.max():.3g} steps of y_scale; quantise the bias to int32, or give its result a scale nearer to that unit"
        )
    for _ in range(31):
        rows = weight.reshape(len(weight), -1)
        folded = np.rint(bias) - zero * rows.sum(axis=1, dtype=np.int64)
        over = np.abs(folded) + 128 * 128 * rows.shape[1] >= 2.0**31
        over[over] = (
            np.abs(folded[over]) + 128 * np.abs(rows[over].astype(np.int64)).sum(axis=1) >= 2.0**31
        )
        if not over.any():
            return weight, folded.astype(np.int32), unit
        weight = weight.copy()
        weight[over] = np.rint(weight[over] / 2)
        bias = np.where(over, bias / 2, bias)
        unit[over] *= 2
    raise Unsupported("its bias is out of range")


def _refined(weight, bias, unit, step):
    """(weight, bias, unit) with channels doubled, exactly, while rounding their bias moves results
    noticeably.
    """
    coarse = np.flatnonzero(np.abs(bias - np.rint(bias)) * unit / step > FINE)
    if not coarse.size:
        return weight, bias, unit
    weight, bias = weight.copy(), np.array(bias, np.float64)
    rows = weight.reshape(len(weight), -1)
    for channel in coarse:
        low, high = min(int(rows[channel].min()), -1), max(int(rows[channel].max()), 1)
        while abs(bias[channel] - np.rint(bias[channel])) * unit[channel] / step > FINE:
            if rows[channel].any() and not INT8_MIN <= 2 * low < 2 * high <= INT8_MAX:
                break
            rows[channel] *= 2
            low, high, bias[channel], unit[channel] = (
                2 * low,
                2 * high,
                2 * bias[channel],
                unit[channel] / 2,
            )
    return weight, bias, unit
