"""Real multipliers to the integers of the hardware: signed mantissas of 18 bits with a shift,
constants of 32 bits.
"""

import numpy as np

from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, MANT_BITS, MAX_SHIFT, multiplier

#: Bits of a constant, without its sign.
CONST_BITS = 31


def shifts(real, bits):
    """The largest right shifts up to MAX_SHIFT at which ``rint(real * 2**shift)`` fits `bits` bits
    and a sign. Raises ValueError.
    """
    real = np.abs(np.asarray(real, np.float64))
    if not np.isfinite(real).all():
        raise ValueError("a multiplier is not finite")
    exponent = np.frexp(real)[1]
    shift = np.minimum(np.where(real > 0, bits - exponent, MAX_SHIFT), MAX_SHIFT)
    shift = np.where(np.rint(np.ldexp(real, shift)) >= 1 << bits, shift - 1, shift)
    if (shift < 0).any():
        raise ValueError("the ratio of scales is too large")
    return shift.astype(np.int64)


#: Times this, any integer but 0 is beyond int8 in whatever zero point.
SATURATES = 2.0**16


def ratio(real):
    """`fixedpoint.multiplier` of what integers are multiplied by: beyond `SATURATES`, all are the
    same.
    """
    return multiplier(np.minimum(real, SATURATES))


def common_shift(*reals):
    """The largest shift at which all reals fit 18 signed bits. Raises ValueError if none does."""
    return int(shifts(reals, MANT_BITS).min())


def saturating(a, b, summed):
    """The gains of two operands of an element-wise operation, each no larger than what matters, so
    that the other keeps its bits.

    An operand that differs from 0 by one is beyond int8 with a gain of 512, whatever is subtracted
    from it: if it is added (`summed`), less than 256 times the other's gain.
    """
    limits = (512 + 256 * abs(other) * summed for other in (b, a))
    return tuple(
        float(np.clip(gain, -limit, limit)) for gain, limit in zip((a, b), limits, strict=True)
    )


def scaled(real, shift):
    """``real * 2**shift`` rounded to an int."""
    return int(np.rint(np.ldexp(real, shift)))


def affine(gain, offset):
    """(mantissa, c, shift), int64 [C]: ``y = gain*x + offset`` as ``(x*mantissa + c) / 2**shift``,
    each channel with its own shift.
    """
    shift = np.minimum(shifts(gain, MANT_BITS), shifts(offset, CONST_BITS))
    return (
        np.rint(np.ldexp(gain, shift)).astype(np.int64),
        np.rint(np.ldexp(offset, shift)).astype(np.int64),
        shift,
    )


def quantised_clamp(scale, zero, low, high):
    """The int8 clamps of real bounds: rounding is monotone, so clamping after it equals clamping
    before.
    """

    def q(real, default):
        if not np.isfinite(real):
            return default
        return int(
            np.clip(np.rint(np.float32(real) / np.float32(scale)) + zero, INT8_MIN, INT8_MAX)
        )

    return q(low, INT8_MIN), q(high, INT8_MAX)
