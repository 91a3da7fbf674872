"""Real multipliers to the integers of the hardware: signed mantissas of 18 bits with a shift, constants of 32 bits."""

import numpy as np

from ..fixedpoint import INT8_MAX, INT8_MIN, MANT_BITS, MAX_SHIFT

#: Largest size of a signed mantissa, and of a constant.
MANT_MAX, CONST_MAX = (1 << MANT_BITS) - 1, (1 << 31) - 1


def common_shift(*reals, constants=()):
    """The largest shift up to MAX_SHIFT at which all reals fit 18 signed bits and all constants 32. Raises ValueError if none does."""
    shift = MAX_SHIFT
    for values, limit in ((reals, MANT_MAX), (constants, CONST_MAX)):
        for real in values:
            if not np.isfinite(real):
                raise ValueError(f"{real} is not a finite multiplier")
            while shift >= 0 and abs(np.rint(np.ldexp(real, shift))) > limit:
                shift -= 1
    if shift < 0:
        raise ValueError("the ratio of scales is too large")
    return shift


def scaled(real, shift):
    """``real * 2**shift`` rounded to an int."""
    return int(np.rint(np.ldexp(real, shift)))


def affine(gain, offset):
    """(mantissa, c, shift), int64 [C]: ``y = gain*x + offset`` as ``(x*mantissa + c) / 2**shift``, each channel with its own shift."""
    shift = np.array([common_shift(g, constants=[o]) for g, o in zip(gain, offset, strict=True)], np.int64)
    return (np.rint(np.ldexp(gain, shift)).astype(np.int64), np.rint(np.ldexp(offset, shift)).astype(np.int64), shift)


def quantised_clamp(scale, zero, low, high):
    """The int8 clamps of real bounds: rounding is monotone, so clamping after it equals clamping before."""
    def q(real, default):
        if not np.isfinite(real):
            return default
        return int(np.clip(np.rint(np.float32(real) / np.float32(scale)) + zero, INT8_MIN, INT8_MAX))
    return q(low, INT8_MIN), q(high, INT8_MAX)
