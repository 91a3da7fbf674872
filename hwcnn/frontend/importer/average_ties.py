"""Averages that lie halfway between two steps (ties) where no mantissa holds their divisor.

QuantizeLinear rounds ties to even. A sixth of a sum is a tie now and then, but m / 2**s never
equals 1/6: the mantissa below rounds every tie towards zero, the one above away from zero. Half the
sum of both results is the average itself, and at a tie it is that tie again, which a shift by one
rounds to even.
"""

from collections.abc import Callable, Mapping
from fractions import Fraction

from hwcnn import ir
from hwcnn.fixedpoint import INT8_MAX, INT8_MIN, MANT_BITS

from .builder import IrBuilder
from .requant import scalar_ratio

#: Elements of an int8 map less its zero point are at most this.
_LARGEST = INT8_MAX - INT8_MIN

#: (mantissa, shift) by key: the number of taps of a window, or 0.
Multipliers = dict[int, tuple[int, int]]
#: (name, result tensor, multipliers, lower clamp, upper clamp) to the operation.
Make = Callable[[str, ir.Tensor, Multipliers, int, int], ir.Op]


def with_exact_ties(
    builder: IrBuilder,
    name: str,
    y: ir.Tensor,
    averages: Mapping[int, tuple[Fraction, int]],
    low: int,
    high: int,
    make: Make,
) -> ir.Op:
    """The last operation of those that give ``clamp(zero + sum * ratio)``, each result rounded half
    to even; those before it are added to the builder.

    name : of the node; y : the result. averages : key to (exact ratio, greatest sum of weights).
    make : gives one operation. Raises ValueError as `requant.ratio` does.
    """
    nearest = {key: scalar_ratio(float(exact)) for key, (exact, _) in averages.items()}
    inexact = {
        key
        for key, (exact, taps) in averages.items()
        if _has_ties(exact, taps) and exact != _value(*nearest[key])
    }
    if not inexact:
        return make(name, y, nearest, low, high)
    sides: list[str] = []
    for side, up in (("below", 0), ("above", 1)):
        multipliers = {
            key: _beside(averages[key][0], m[1], up) if key in inexact else m
            for key, m in nearest.items()
        }
        tensor = builder.new_tensor(f"{y.name}/{side}", y.shape, y.scale, y.zero)
        builder.ops.append(make(f"{name}/{side}", tensor, multipliers, INT8_MIN, INT8_MAX))
        sides.append(tensor.name)
    a, b = sides
    return ir.Eltwise(name, a, b, y.name, "add", -y.zero, -y.zero, 1, 1, 0, 1, y.zero, low, high)


def mean_ratio(x: ir.Tensor, y: ir.Tensor, divisor: int) -> Fraction:
    """What a sum of steps of tensor x is multiplied by to be an average in steps of y."""
    return Fraction(x.scale) / Fraction(y.scale) / divisor


def _has_ties(exact: Fraction, taps: int) -> bool:
    """True where a sum of so many elements, times the ratio, can lie halfway between two steps."""
    return exact.denominator % 2 == 0 and exact.denominator <= 2 * _LARGEST * taps


def _value(mantissa: int, shift: int) -> Fraction:
    return Fraction(mantissa, 1 << shift)


def _beside(exact: Fraction, shift: int, up: int) -> tuple[int, int]:
    """(mantissa, shift) next to `exact` on one side."""
    while exact.numerator * (1 << shift) // exact.denominator + 1 >= 1 << MANT_BITS:
        shift -= 1
    return exact.numerator * (1 << shift) // exact.denominator + up, shift
