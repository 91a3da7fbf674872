"""Shift right, round half to even, add the zero point, clamp: the last step of every requantisation."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delay

#: The coarse step shifts by multiples of 16, the fine one by the rest.
_STEP = 16
#: What the coarse step keeps: a signed factor of one hardware multiplier, 9 bits more than the fine step shifts out.
_WINDOW = 9 + _STEP
#: The value, extended to what the largest coarse step reaches.
_VALUE = 2 * _STEP + _WINDOW


class RoundClamp(wiring.Component):
    """``result = clamp(zero + round_half_even(value / 2**shift), low, high)``, exact for every value and low <= high.

    A free-running pipeline: all inputs are sampled together in every cycle, `result` follows `LATENCY` cycles later.

    Of the value, shifted by 0, 16 or 32, a window of 25 bits is kept: where the rest does not fit, ``|value / 2**shift| >= 256``
    and the result is `low` or `high` whatever the zero point. A multiplier block shifts the window by the rest and gives
    the distance from `high`, ``high - zero - value / 2**shift``, rounded half up, or, where ``high - zero`` is odd or ones
    were shifted out before, half down. So the distance after a tie is right but for its lowest bit, which must be that of
    ``high - zero``.

    Parameters
    ----------
    width : bits of the signed value, at most 56.

    Members
    -------
    value : signed(width). shift : 0 to 48. zero, low, high : signed(8). result : signed(8).
    """

    LATENCY = 5

    def __init__(self, width):
        if not 2 <= width <= 56:
            raise ValueError(f"expected a width from 2 to 56, not {width!r}")
        self.width = width
        super().__init__({
            "value": In(signed(width)), "shift": In(6),
            "zero": In(signed(8)), "low": In(signed(8)), "high": In(signed(8)),
            "result": Out(signed(8)),
        })

    def elaborate(self, platform):
        m = Module()
        window, lost, over, sign = self._coarse(m)
        offset, span = Signal(signed(9), reset_less=True), Signal(8, reset_less=True)
        m.d.sync += [offset.eq(self.high - self.zero), span.eq(self.high - self.low)]
        scaled = self._fine(m, window, offset, lost)
        odd, lost, over, sign = (delay(m, bit, 2, name) for bit, name in (
            (offset[0], "odd"), (lost, "lost"), (over, "over"), (sign, "sign")))

        distance = Signal(8, reset_less=True)
        tie, negative = Signal(), Signal()
        above, below = Signal(reset_less=True), Signal(reset_less=True)
        m.d.comb += [
            tie.eq(~lost & (scaled[:_STEP] == odd.replicate(_STEP))),
            negative.eq(Mux(over, ~sign, scaled[-1])),
        ]
        m.d.sync += [
            distance.eq(Cat(Mux(tie, odd, scaled[_STEP]), scaled[_STEP + 1:_STEP + 8])),
            above.eq(negative), below.eq(~negative & (over | scaled[_STEP + 8:-1].any())),
        ]

        span, high = delay(m, span, 3, "span"), delay(m, self.high, 4, "high")
        result = Signal(signed(8), reset_less=True)
        m.d.sync += result.eq(high - Mux(above, 0, Mux(below | (distance > span), span, distance)))
        m.d.comb += self.result.eq(result)
        return m

    def _coarse(self, m):
        """(window, a one bit was shifted out, a bit above the window differs from the sign, sign), a cycle after the value."""
        value, sign = Signal(signed(_VALUE)), self.value[-1]
        once, twice = Signal(), Signal()
        near, far = (value[at:at + _STEP] for at in (_WINDOW - 1, _WINDOW - 1 + _STEP))
        window = Signal(signed(_WINDOW), reset_less=True)
        lost, over, sign1 = (Signal(name=n, reset_less=True) for n in ("lost", "over", "sign1"))
        m.d.comb += [
            value.eq(self.value), once.eq((self.shift > _STEP) & (self.shift <= 2 * _STEP)), twice.eq(self.shift > 2 * _STEP),
        ]
        m.d.sync += [
            window.eq(Mux(twice, value[2 * _STEP:], Mux(once, value[_STEP:], value))),
            lost.eq(((once | twice) & value[:_STEP].any()) | (twice & value[_STEP:2 * _STEP].any())),
            over.eq(~twice & ((~once & (near ^ sign.replicate(_STEP)).any()) | (far ^ sign.replicate(_STEP)).any())),
            sign1.eq(sign),
        ]
        return window, lost, over, sign1

    def _fine(self, m, window, offset, lost):
        """``(offset - window / 2**fine) * 2**16`` and the rounding constant, 2 cycles after the window; one multiplier block."""
        power = Signal(signed(_STEP + 2), reset_less=True)
        fine = Cat(self.shift[:4], (self.shift[:4] == 0) & (self.shift != 0))  # 0 for a shift of 0, otherwise 1 to 16
        m.d.sync += power.eq(Const(-1 << _STEP, signed(_STEP + 2)) >> fine)
        product = Signal(signed(_WINDOW + _STEP + 1), reset_less=True)
        scaled = Signal(signed(_WINDOW + _STEP + 1), reset_less=True)
        addend = Signal(signed(_STEP + 9), reset_less=True)
        half = Signal()
        m.d.comb += half.eq(~(offset[0] | lost))
        m.d.sync += [
            product.eq(window * power), addend.eq(Cat((~half).replicate(_STEP - 1), half, offset)),
            scaled.eq(product + addend),
        ]
        return scaled
