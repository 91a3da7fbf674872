"""Real multipliers to the integers of the hardware: signed mantissas of 18 bits with a shift,
constants of 32 bits.
"""

import numpy as np
import numpy.typing as npt

from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, MANT_BITS, MAX_SHIFT, multiplier

#: Bits of a constant, without its sign.
CONST_BITS = 31
#: Times this, any integer but 0 is beyond int8 in whatever zero point.
SATURATES = 2.0**16

Int64Array = npt.NDArray[np.int64]


def shifts(real: npt.ArrayLike, bits: int) -> Int64Array:
    """The largest right shifts up to MAX_SHIFT at which ``rint(real * 2**shift)`` fits `bits` bits
    and a sign. Raises ValueError where none does, or a real is not finite.
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


def ratio(real: npt.ArrayLike) -> tuple[Int64Array, Int64Array]:
    """`fixedpoint.multiplier` of what integers are multiplied by: beyond `SATURATES`, all are the
    same.
    """
    return multiplier(np.minimum(real, SATURATES))


def scalar_ratio(real: float) -> tuple[int, int]:
    """`ratio` of one number, as ints."""
    mantissa, shift = ratio(real)
    return int(mantissa), int(shift)


def common_shift(*reals: npt.ArrayLike) -> int:
    """The largest shift at which all reals fit 18 signed bits. Raises ValueError if none does."""
    return int(shifts(np.asarray(reals, np.float64), MANT_BITS).min())


def saturating(a: float, b: float, summed: bool) -> tuple[float, float]:
    """The gains of two operands of an element-wise operation, each no larger than what matters, so
    that the other keeps its bits.

    An operand that differs from 0 by one is beyond int8 with a gain of 512, whatever is subtracted
    from it: if it is added (`summed`), less than 256 times the other's gain.
    """
    limit_a, limit_b = (512 + 256 * abs(other) * summed for other in (b, a))
    return float(np.clip(a, -limit_a, limit_a)), float(np.clip(b, -limit_b, limit_b))


def scaled(real: float, shift: int) -> int:
    """``real * 2**shift`` rounded to an int."""
    return int(np.rint(np.ldexp(real, shift)))


def affine(
    gain: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]
) -> tuple[Int64Array, Int64Array, Int64Array]:
    """(mantissa, c, shift), int64 [C]: ``y = gain*x + offset`` as ``(x*mantissa + c) / 2**shift``,
    each channel with its own shift.
    """
    shift = np.minimum(shifts(gain, MANT_BITS), shifts(offset, CONST_BITS))
    return (
        np.rint(np.ldexp(gain, shift)).astype(np.int64),
        np.rint(np.ldexp(offset, shift)).astype(np.int64),
        shift,
    )


def quantised_clamp(scale: float, zero: int, low: float, high: float) -> tuple[int, int]:
    """The int8 clamps of real bounds: rounding is monotone, so clamping after it equals clamping
    before.
    """

    def q(real: float, default: int) -> int:
        if not np.isfinite(real):
            return default
        steps = np.rint(np.float32(real) / np.float32(scale)) + zero
        return int(np.clip(steps, INT8_MIN, INT8_MAX))

    return q(low, INT8_MIN), q(high, INT8_MAX)
