"""Weights and biases such that sums fit the 32-bit accumulator and rounding a bias moves nothing
that matters.
"""

import numpy as np
import numpy.typing as npt

from hwcnn.fixedpoint import INT8_MAX, INT8_MIN

from .registry import Unsupported

#: Steps of its result by which rounding a bias may move a channel: above the first, its weights are
#: made larger where they can be; above the second, the layer is refused.
FINE, MOST_LOST = 2.0**-10, 0.5

Int8Array = npt.NDArray[np.int8]
FloatArray = npt.NDArray[np.float64]


def fit_accumulator(
    weight: Int8Array, bias: FloatArray, unit: FloatArray, zero: int, step: float
) -> tuple[Int8Array, npt.NDArray[np.int32], FloatArray]:
    """(weight int8, bias int32 with the input's zero point folded in, unit) such that no sum can
    exceed 32 bits.

    weight : [Cout, ...]; bias : real, in units of a sum, [Cout]; unit : their size, [Cout]; zero :
    the input's; step : of the result, in which the unit is real. A channel whose bias is too large
    for that (its weights are almost nothing) is halved until it fits: what its weights lose is
    below 2**-16 of the largest sum. One whose unit is too coarse for its bias is doubled as far as
    its weights fit int8. Raises Unsupported where rounding the bias could still move a result by
    more than one step.
    """
    weight, bias, unit = _refined(weight, bias, np.array(unit), step)
    lost = np.abs(bias - np.rint(bias)) * unit / step
    if lost.max() > MOST_LOST:
        raise Unsupported(
            "its bias does not fit: rounded to a whole number of units of its sums (x_scale * "
            f"w_scale), it moves results by {lost.max():.3g} steps of y_scale; quantise the bias "
            "to int32, or give its result a scale nearer to that unit"
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


def _refined(
    weight: Int8Array, bias: FloatArray, unit: FloatArray, step: float
) -> tuple[Int8Array, FloatArray, FloatArray]:
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
            low, high = 2 * low, 2 * high
            bias[channel], unit[channel] = 2 * bias[channel], unit[channel] / 2
    return weight, bias, unit
