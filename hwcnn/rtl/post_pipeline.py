"""Requantisation of accumulators and the second stage: the arithmetic of the post engine."""

from amaranth import Cat, Module, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from .accumulators import Accumulators
from .delay import delay
from .layouts import PARAM_LAYOUT
from .roundclamp import RoundClamp

_FIELDS = {f.name: signed(f.bits) if f.signed else unsigned(f.bits) for f in isa.POST.fields}
#: What a vector needs to know of its instruction.
CONTROL_LAYOUT = data.StructLayout({n: _FIELDS[n] for n in (
    "group", "zero", "low", "high", "ma", "mb", "c", "shift", "zero2", "low2", "high2")})
PARAM_BITS = PARAM_LAYOUT.size
#: Bits of the first stage's sum: int32 + int32.
_SUM = 33
#: The sum is multiplied in two parts, each what one hardware multiplier takes.
_LOW = 17


class PostPipeline(wiring.Component):
    """``q = clamp(zero + rhe((acc + bias) * mantissa / 2**shift), low, high)`` and then
    ``result = clamp(zero2 + rhe((q*ma + r*mb + c) / 2**shift2), low2, high2)`` in P lanes.

    Free running, a vector a cycle; `result` follows `LATENCY` cycles after `control` and `residual`; `accumulators`
    and `params` of the vector come `Accumulators.READ_LATENCY` cycles after those. Without a second stage give it
    the identity: ma = 1, others 0, limits -128 and 127.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    control : `CONTROL_LAYOUT`; ``group``: the lanes of `accumulators` and `params` are group*P to group*P + P - 1.
    accumulators : C * 32 bits. params : C * 56 bits (`layouts.PARAM_LAYOUT`). residual, result : P bytes.
    """

    _SUMMED = Accumulators.READ_LATENCY + 1
    _MULTIPLIED = _SUMMED + 2
    _FIRST = _MULTIPLIED + RoundClamp.LATENCY
    _SECOND = _FIRST + 3
    LATENCY = _SECOND + RoundClamp.LATENCY

    def __init__(self, config):
        self.config = config
        super().__init__({
            "control": In(CONTROL_LAYOUT),
            "accumulators": In(32 * config.cols), "params": In(PARAM_BITS * config.cols),
            "residual": In(8 * config.post_lanes), "result": Out(8 * config.post_lanes),
        })

    def elaborate(self, platform):
        m = Module()
        lanes = self.config.post_lanes
        at = self._control(m)
        group = at("group", self._SUMMED - 1)
        accumulators, params = self.accumulators, self.params
        if self.config.cols > lanes:
            accumulators = accumulators.word_select(group, 32 * lanes)
            params = params.word_select(group, PARAM_BITS * lanes)
        residual = delay(m, self.residual, self._FIRST, "residual")
        results = []
        for lane in range(lanes):
            m.submodules[f"first_{lane}"] = first = RoundClamp(_SUM + 18)
            m.submodules[f"second_{lane}"] = second = RoundClamp(33)
            accumulator = accumulators.word_select(lane, 32).as_signed()
            self._first(m, lane, accumulator, params.word_select(lane, PARAM_BITS), first)
            self._second(m, lane, first.result, residual.word_select(lane, 8).as_signed(), second, at)
            for clamp, cycle, names in ((first, self._MULTIPLIED, ("zero", "low", "high")),
                                        (second, self._SECOND, ("zero2", "low2", "high2"))):
                m.d.comb += [port.eq(at(n, cycle)) for port, n in zip((clamp.zero, clamp.low, clamp.high), names)]
            results.append(second.result)
        m.d.comb += self.result.eq(Cat(results))
        return m

    def _control(self, m):
        """A function: a control field, so many cycles after it came in."""
        made = {}

        def at(name, cycle):
            for n in range(cycle + 1):
                if (name, n) not in made:
                    made[name, n] = self.control[name] if n == 0 else delay(m, made[name, n - 1], 1, f"{name}_{n}")
            return made[name, cycle]
        return at

    def _first(self, m, lane, accumulator, raw, clamp):
        """Bias and multiplier; 3 cycles to `clamp`."""
        param = data.View(PARAM_LAYOUT, raw)
        total = Signal(signed(_SUM), name=f"sum_{lane}", reset_less=True)
        low = Signal(signed(_LOW + 18), name=f"low_{lane}", reset_less=True)
        high = Signal(signed(_SUM - _LOW + 18), name=f"high_{lane}", reset_less=True)
        product = Signal(signed(_SUM + 18), name=f"product_{lane}", reset_less=True)
        mantissa = delay(m, param.mantissa, 1, f"mantissa_{lane}")
        m.d.sync += [
            total.eq(param.bias + accumulator),
            low.eq(total[:_LOW] * mantissa), high.eq(total[_LOW:].as_signed() * mantissa),
            product.eq(Cat(low[:_LOW], high + low[_LOW:].as_signed())),
        ]
        m.d.comb += [clamp.value.eq(product), clamp.shift.eq(delay(m, param.shift, 3, f"shift_{lane}"))]

    def _second(self, m, lane, q, residual, clamp, at):
        """The scaled sum, 3 cycles to `clamp`; each product and its sum are one multiplier block."""
        scaled = Signal(signed(26), name=f"scaled_{lane}", reset_less=True)
        scaled_residual = Signal(signed(26), name=f"scaled_residual_{lane}", reset_less=True)
        offset = Signal(signed(33), name=f"offset_{lane}", reset_less=True)
        total = Signal(signed(33), name=f"total_{lane}", reset_less=True)  # |q*ma| + |r*mb| <= 2**25, |c| <= 2**31
        m.d.sync += [
            scaled_residual.eq(residual * at("mb", self._FIRST)),
            scaled.eq(delay(m, q, 1, f"q_{lane}") * at("ma", self._FIRST + 1)),
            offset.eq(scaled_residual + at("c", self._FIRST + 1)),
            total.eq(scaled + offset),
        ]
        m.d.comb += [clamp.value.eq(total), clamp.shift.eq(at("shift", self._SECOND))]
