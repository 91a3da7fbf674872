"""Rounding, shifting and saturating, defined once for golden, the ISA engine and the RTL generator.

Everything is exact integer arithmetic on int64 arrays.
"""

import numpy as np
import numpy.typing as npt

#: Bits of the unsigned mantissa of a requantisation multiplier. With the sign it is an 18-bit
#: operand, what one hardware multiplier takes; its relative error of at most 2**-17 moves about one
#: int8 result in 10,000.
MANT_BITS = 17
#: The largest right shift; 6 bits of shift amount.
MAX_SHIFT = 48
INT8_MIN, INT8_MAX = -128, 127

Int8Array = npt.NDArray[np.int8]
Int64Array = npt.NDArray[np.int64]


def round_shift(value: npt.ArrayLike, shift: npt.ArrayLike) -> Int64Array:
    """``value / 2**shift`` rounded half to even, as ONNX QuantizeLinear rounds (opset 10-25).

    value : integers of at most 62 bits; shift : integers from 0 to 48, broadcast against value.
    """
    value, shift = np.asarray(value, np.int64), np.asarray(shift, np.int64)
    half = np.int64(1) << shift >> 1  # 0 where there is nothing to round
    rounds = half > 0
    # A half rounds up only where the quotient below it is odd.
    return value + ((value >> shift & rounds) + (half - rounds)) >> shift


def saturate(value: npt.ArrayLike, low: int = INT8_MIN, high: int = INT8_MAX) -> Int8Array:
    """Clamp to [low, high] and narrow to int8."""
    return np.clip(np.asarray(value), low, high).astype(np.int8)


def multiplier(real: npt.ArrayLike, bits: int = MANT_BITS) -> tuple[Int64Array, Int64Array]:
    """The (mantissa, shift) nearest to each non-negative real: ``real ~ mantissa / 2**shift``.

    The mantissa is in [2**(bits-1), 2**bits) except where that would need a shift over MAX_SHIFT
    (it is then smaller, down to 0). Raises ValueError for a real of 2**bits or more.
    """
    real = np.asarray(real, np.float64)
    if np.any(real < 0) or np.any(real >= 2.0**bits) or not np.all(np.isfinite(real)):
        raise ValueError(f"expected multipliers in [0, 2**{bits}), not {real!r}")
    _, exponent = np.frexp(real)
    shift = np.clip(bits - exponent, 0, MAX_SHIFT)
    mantissa = np.rint(np.ldexp(real, shift)).astype(np.int64)
    over = mantissa >= 1 << bits
    mantissa = np.where(over, mantissa >> 1, mantissa)
    shift = np.where(over, shift - 1, shift)
    if np.any(shift < 0):
        raise ValueError(f"expected multipliers below 2**{bits} after rounding, not {real!r}")
    return mantissa, shift.astype(np.int64)


def requantise(
    value: npt.ArrayLike,
    mantissa: npt.ArrayLike,
    shift: npt.ArrayLike,
    zero: npt.ArrayLike,
    low: int = INT8_MIN,
    high: int = INT8_MAX,
) -> Int8Array:
    """``clamp(zero + round_half_even(value * mantissa / 2**shift), low, high)`` as int8.

    value : accumulators of at most 33 bits; mantissa : signed, at most 18 bits; shift, zero :
    broadcast against value.
    """
    product = np.asarray(value, np.int64) * np.asarray(mantissa, np.int64)
    return saturate(round_shift(product, shift) + np.asarray(zero), low, high)
