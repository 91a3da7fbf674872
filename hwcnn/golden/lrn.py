"""Local response normalisation across channels, by a table over the sum of squares."""

import numpy as np
import numpy.typing as npt

from hwcnn import ir
from hwcnn.fixedpoint import MANT_BITS, multiplier, requantise

#: Entries of a table: 7 exact bits, then 64 segments for each further power of two.
TABLE_SIZE = 1024


def lrn_index(total: npt.ArrayLike) -> np.ndarray:
    """The table index of a sum of squares S: S below 128, then ``64*e + (S >> e)`` with e = (its
    top bit) - 6.

    A segment of the table is 2**e values long, at most 1/64 of where it starts; indices rise
    without gaps.
    """
    total = np.asarray(total, np.int64)
    exponent = np.maximum(np.frexp(total.astype(np.float64))[1] - 7, 0)
    return 64 * exponent + (total >> exponent)


def lrn_table(
    size: int, alpha: float, beta: float, bias: float, x_scale: float, y_scale: float
) -> tuple[np.ndarray, int]:
    """``(table, shift)``: int64 [1024] of 17-bit unsigned mantissas, and their right shift.

    The table holds ``(x_scale/y_scale) * (bias + alpha/size * x_scale**2 * S)**-beta * 2**shift``
    for the S of each index, in the middle between the extremes of its segment: for beta <= 1 that
    is within ``beta/128`` of every S, less than one step of an int8 result. S = 0 only occurs with
    a centre of 0, so its entry repeats that of S = 1.
    """
    first = segment_starts()
    last = np.append(first[1:] - 1, first[-1])
    low, high = (bias + alpha / size * x_scale**2 * np.maximum(s, 1.0) for s in (first, last))
    real = x_scale / y_scale * (low**-beta + high**-beta) / 2
    _, shift = multiplier(real.max())
    table = np.minimum(np.rint(np.ldexp(real, int(shift))), (1 << MANT_BITS) - 1).astype(np.int64)
    return table, int(shift)


def segment_starts() -> np.ndarray:
    """The smallest S of each index, int64 [1024]."""
    index = np.arange(TABLE_SIZE, dtype=np.int64)
    exponent = np.maximum(index // 64 - 1, 0)
    return (index - 64 * exponent) << exponent


def lrn(op: ir.Lrn, x: np.ndarray) -> np.ndarray:
    """An `ir.Lrn` on int8 [N, C, H, W]: int8 of the same shape."""
    centred = x.astype(np.int64) - op.x_zero
    half = op.size // 2
    squares = np.pad(centred**2, ((0, 0), (half, half), (0, 0), (0, 0)))
    total = sum(squares[:, k : k + x.shape[1]] for k in range(op.size))
    return requantise(
        centred * np.asarray(op.table, np.int64)[lrn_index(total)], 1, op.shift, op.zero
    )
