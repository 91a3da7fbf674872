"""Averages that lie halfway between two steps where no mantissa holds their divisor.

QuantizeLinear rounds halves to even. A sixth of a sum is such a half now and then, but m / 2**s
never equals 1/6: the mantissa below rounds every half towards zero, the one above away from zero.
Half the sum of both results is the average itself, and at a half it is that half again, which a
shift by one rounds to even.
"""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, MANT_BITS

from .requant import ratio

#: Elements of an int8 map less its zero point are at most this.
_LARGEST = INT8_MAX - INT8_MIN


def with_exact_ties(ctx, name, y, averages, low, high, make):
    """The last operation of those that give ``clamp(zero + sum * ratio)``, each result rounded half
    to even.

    name : of the node; y : the result's ir.Tensor. averages : key to (exact ratio, greatest sum of
    weights).
    make : (name, tensor, {key: (mantissa, shift)}, low, high) -> ir operation. Raises ValueError as
    `requant.ratio` does.
    """
    nearest = {n: tuple(int(v) for v in ratio(float(exact))) for n, (exact, _) in averages.items()}
    inexact = {
        n
        for n, (exact, taps) in averages.items()
        if _has_ties(exact, taps) and exact != _value(*nearest[n])
    }
    if not inexact:
        return make(name, y, nearest, low, high)
    sides = []
    for side, up in (("below", 0), ("above", 1)):
        multipliers = {
            n: _beside(averages[n][0], m[1], up) if n in inexact else m for n, m in nearest.items()
        }
        sides.append(ctx.new_tensor(f"{y.name}/{side}", y.shape, y.scale, y.zero))
        ctx.ops.append(make(f"{name}/{side}", sides[-1], multipliers, INT8_MIN, INT8_MAX))
    a, b = (t.name for t in sides)
    return ir.Eltwise(name, a, b, y.name, "add", -y.zero, -y.zero, 1, 1, 0, 1, y.zero, low, high)


def conv_with_exact_ties(ctx, node, x, conv, divisor):
    """A `PendingConv` of the tensor named x, whose weights of one and 1/divisor make it an average,
    that rounds halves to even.
    """

    def emit(y, low, high, gain, offset):
        if np.any(np.not_equal(gain, 1)) or np.any(offset):
            return conv.emit(y, low, high, gain, offset)

        def make(name, y, multipliers, low, high):
            plain = conv.emit(y, low, high, gain, offset)
            mantissa, shift = (np.full(len(plain.weight), v, np.int64) for v in multipliers[0])
            return replace(plain, name=name, mantissa=mantissa, shift=shift)

        return with_exact_ties(
            ctx,
            node.name,
            y,
            {0: (mean_ratio(ctx.tensors[x], y, divisor), divisor)},
            low,
            high,
            make,
        )

    return replace(conv, emit=emit)


def mean_ratio(x, y, divisor):
    """What a sum of steps of tensor x is multiplied by to be an average in steps of y."""
    return Fraction(x.scale) / Fraction(y.scale) / divisor


def _has_ties(exact, taps):
    return exact.denominator % 2 == 0 and exact.denominator <= 2 * _LARGEST * taps


def _value(mantissa, shift):
    return Fraction(mantissa, 1 << shift)


def _beside(exact, shift, up):
    """(mantissa, shift) next to `exact` on one side."""
    while exact.numerator * (1 << shift) // exact.denominator + 1 >= 1 << MANT_BITS:
        shift -= 1
    return exact.numerator * (1 << shift) // exact.denominator + up, shift
