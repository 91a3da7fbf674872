"""Shift right, round half to even, add the zero point, clamp: the last step of every requantisation."""

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

#: Bits of the shifted value that matter: beyond 9 signed bits any zero point leads to a clamped result.
_FLOOR = 9
#: The coarse step shifts by multiples of 4; its window also holds the guard bit and what the fine step may shift out.
_WINDOW = _FLOOR + 1 + 3


class RoundClamp(wiring.Component):
    """``result = clamp(zero + round_half_even(value / 2**shift), low, high)``, exact for every value and low <= high.

    A free-running pipeline: all inputs are sampled together in every cycle, `result` follows `LATENCY` cycles later.

    The value is shifted by a multiple of 4, then by 0 to 3, and only 9 bits of the integer part are kept: where the
    rest does not fit, ``|value / 2**shift| >= 256`` and the result is `low` or `high` whatever the zero point.

    Parameters
    ----------
    width : bits of the signed value, at most 56.

    Members
    -------
    value : signed(width). shift : 0 to 48. zero, low, high : signed(8). result : signed(8).
    """

    LATENCY = 3

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
        limits = [[Signal(signed(8), name=f"{name}{i}", reset_less=True) for name in ("zero", "low", "high")]
                  for i in (1, 2)]
        for past, now in zip([[self.zero, self.low, self.high], limits[0]], limits):
            m.d.sync += [q.eq(d) for d, q in zip(past, now)]

        window, lost1, over1, sign1 = self._coarse(m)
        fine = Signal(2, reset_less=True)
        m.d.sync += fine.eq(self.shift[:2])

        floor = Signal(signed(_FLOOR), reset_less=True)
        up, over, sign = (Signal(name=n, reset_less=True) for n in ("up", "over", "sign"))
        picked = Signal(_FLOOR + 1)
        rest, tops, mask = Signal(), Signal(), Signal(4)
        m.d.comb += [
            picked.eq(_pick(window, 1, fine, _FLOOR + 1)),
            mask.eq(Const(15, 4) << fine),
            rest.eq((window[:3] & ~mask[:3]).any()),
            # Bits of the window from the sign of the picked integer up.
            tops.eq(((window[_FLOOR:] ^ sign1.replicate(4)) & mask).any()),
        ]
        m.d.sync += [
            floor.eq(picked[1:]), up.eq(picked[0] & (picked[1] | rest | lost1)),
            over.eq(over1 | tops), sign.eq(sign1),
        ]

        zero, low, high = limits[1]
        total = Signal(signed(_FLOOR + 1))  # |floor + up| <= 256 and |zero| <= 128
        below, above = Signal(), Signal()
        m.d.comb += [
            total.eq(floor + zero + up),
            below.eq(Mux(over, sign, total < low)),
            above.eq(Mux(over, ~sign, total > high)),
        ]
        result = Signal(signed(8), reset_less=True)
        m.d.sync += result.eq(Mux(above, high, Mux(below, low, total[:8].as_signed())))
        m.d.comb += self.result.eq(result)
        return m

    def _coarse(self, m):
        """The first stage: (window, a one bit was shifted out, a bit above the window differs from the sign, sign)."""
        sign = self.value[-1]
        extended, mask = Signal(60 + _WINDOW), Signal(60)
        wide = _pick(extended, 16, self.shift[4:], _WINDOW + 12)
        window = Signal(_WINDOW, reset_less=True)
        lost, over, sign1 = (Signal(name=n, reset_less=True) for n in ("lost", "over1", "sign1"))
        m.d.comb += [
            extended.eq(Cat(Const(0, 1), self.value).as_signed()),
            # Bits above the window must be copies of the sign; those below it are lost.
            mask.eq(Const(-1, 60) << Cat(Const(0, 2), self.shift[2:])),
        ]
        m.d.sync += [
            window.eq(_pick(wide, 4, self.shift[2:4], _WINDOW)),
            lost.eq((extended[:48] & ~mask[:48]).any()),
            over.eq(((extended[_WINDOW:] ^ sign.replicate(60)) & mask).any()),
            sign1.eq(sign),
        ]
        return window, lost, over, sign1


def _pick(word, step, select, width):
    """``word[step * select:][:width]`` as a multiplexer of four."""
    a, b, c, d = (word[step * k:step * k + width] for k in range(4))
    return Mux(select[1], Mux(select[0], d, c), Mux(select[0], b, a))
