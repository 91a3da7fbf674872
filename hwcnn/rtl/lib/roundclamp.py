"""Shift right, round half to even, add the zero point, clamp: the last step of every
requantisation.
"""

import itertools
from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .delay import delay

#: The coarse step shifts by multiples of 8, the fine one by the rest.
_STEP = 8
#: The largest coarse step, in multiples: the fine one does the other 8 of a shift of 48.
_COARSE = 5
#: What the coarse step keeps: 9 bits more than the fine step shifts out, a signed factor of one
#: hardware multiplier.
_WINDOW = 9 + _STEP
#: The value, extended to what the largest coarse step reaches.
_VALUE = _COARSE * _STEP + _WINDOW
#: A shift as steps of the coarse one and the rest: 0 for a shift of 0, otherwise 1 to 8.
SHIFT_LAYOUT = data.StructLayout({"fine": range(_STEP + 1), "coarse": range(_COARSE + 1)})


def split_shift(shift: Value) -> Value:
    """The bits of `SHIFT_LAYOUT` for a shift of 0 to 48."""
    whole = (shift[:3] == 0) & shift[3:].any()
    return Cat(shift[:3], whole, (shift[3:] - whole)[:3])


def _chosen(choices: Sequence[Value], index: Value) -> Value:
    """One of the choices: a tree of multiplexers, which takes fewer LUTs than a shift, for what is
    beyond the last is open.
    """
    for bit in index:
        pairs = itertools.zip_longest(choices[::2], choices[1::2])
        choices = [low if high is None else Mux(bit, high, low) for low, high in pairs]
    return choices[0]


class RoundClamp(wiring.Component):
    """``result = clamp(zero + round_half_even(value / 2**shift), low, high)``, exact for every
    value and low <= high.

    A free-running pipeline: the inputs are sampled together in every cycle, but for the shift,
    which comes `SHIFT_AHEAD` cycles before them: it often is out of a block RAM. `result` follows
    `LATENCY` cycles after the value.

    Of the value, shifted by a multiple of 8, a window of 17 bits is kept: where the rest does not
    fit, ``|value / 2**shift| >= 256`` and the result is `low` or `high` whatever the zero point. A
    multiplier block shifts the window by the rest and gives the distance from `high`, ``high - zero
    - value / 2**shift``, rounded half up, or, where ``high - zero`` is odd or ones were shifted out
    before, half down. So the distance after a tie is right but for its lowest bit, which must be
    that of ``high - zero``.

    Parameters
    ----------
    width : bits of the signed value, at most 56.

    Members
    -------
    value : signed(width). shift : `split_shift` of 0 to 48. zero, low, high : signed(8). result :
    signed(8).
    """

    LATENCY = 5
    SHIFT_AHEAD = 1

    def __init__(self, width: int) -> None:
        if not 2 <= width <= 56:
            raise ValueError(f"expected a width from 2 to 56, not {width!r}")
        self.width = width
        super().__init__(
            {
                "value": In(signed(width)),
                "shift": In(SHIFT_LAYOUT),
                "zero": In(signed(8)),
                "low": In(signed(8)),
                "high": In(signed(8)),
                "result": Out(signed(8)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        shift = Signal(SHIFT_LAYOUT, reset_less=True)
        m.d.sync += shift.eq(self.shift)
        window, lost, over, sign = self._coarse(m, shift.coarse)
        offset, span = Signal(signed(9), reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [offset.eq(self.high - self.zero), span.eq(self.high - self.low)]
        scaled = self._fine(m, window, shift.fine, offset, lost)
        odd, lost, over, sign = (
            delay(m, bit, 2, name)
            for bit, name in ((offset[0], "odd"), (lost, "lost"), (over, "over"), (sign, "sign"))
        )

        distance = Signal(8, reset_less=True)
        tie, negative = Signal(), Signal()
        above, below = Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            tie.eq(~lost & (scaled[:_STEP] == odd.replicate(_STEP))),
            negative.eq(Mux(over, ~sign, scaled[-1])),
        ]
        m.d.sync += [
            distance.eq(Cat(Mux(tie, odd, scaled[_STEP]), scaled[_STEP + 1 : _STEP + 8])),
            above.eq(negative),
            below.eq(~negative & (over | scaled[_STEP + 8 : -1].any())),
        ]

        span, high = delay(m, span, 3, "span"), delay(m, self.high, 4, "high")
        result = Signal(signed(8), reset_less=True)
        m.d.sync += result.eq(high - Mux(above, 0, Mux(below | (distance > span), span, distance)))
        m.d.comb += self.result.eq(result)
        return m

    def _coarse(self, m: Module, coarse: Value) -> tuple[Signal, Signal, Signal, Signal]:
        """(window, a one bit was shifted out, a bit above the window differs from the sign, sign),
        a cycle after the value.
        """
        value, sign = Signal(signed(_VALUE)), self.value[-1]
        window = Signal(signed(_WINDOW), reset_less=True)
        lost, over, sign1 = (Signal(name=n, reset_less=True) for n in ("lost", "over", "sign1"))
        m.d.comb += value.eq(self.value)
        # Of every part of the value of as many bits as a step: whether it is lost if it is shifted
        # out, or over if not.
        parts = [value[k * _STEP : (k + 1) * _STEP] for k in range(_COARSE)]
        above = [
            value[k * _STEP + _WINDOW - 1 : (k + 1) * _STEP + _WINDOW - 1] for k in range(_COARSE)
        ]
        m.d.sync += [
            window.eq(
                _chosen(
                    [value[k * _STEP : k * _STEP + _WINDOW] for k in range(_COARSE + 1)], coarse
                )
            ),
            lost.eq(Cat((coarse > k) & part.any() for k, part in enumerate(parts)).any()),
            over.eq(
                Cat(
                    (coarse <= k) & (part ^ sign.replicate(_STEP)).any()
                    for k, part in enumerate(above)
                ).any()
            ),
            sign1.eq(sign),
        ]
        return window, lost, over, sign1

    def _fine(self, m: Module, window: Value, fine: Value, offset: Value, lost: Value) -> Signal:
        """``(offset - window / 2**fine) * 2**8`` and the rounding constant, 2 cycles after the
        window; one multiplier block.
        """
        low, power = Signal(_STEP, reset_less=True), Signal(signed(_STEP + 2))
        m.d.sync += low.eq(Const(-1 << _STEP, signed(2 * _STEP)) >> fine)
        m.d.comb += power.eq(Cat(low, Const(0b11, 2)))
        product = Signal(signed(_WINDOW + _STEP + 1), reset_less=True)
        scaled = Signal(signed(_WINDOW + _STEP + 1), reset_less=True)
        addend = Signal(signed(_STEP + 9), reset_less=True)
        half = Signal()
        m.d.comb += half.eq(~(offset[0] | lost))
        m.d.sync += [
            product.eq(window * power),
            addend.eq(Cat((~half).replicate(_STEP - 1), half, offset)),
            scaled.eq(product + addend),
        ]
        return scaled
