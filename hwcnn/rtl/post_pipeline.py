"""Requantisation of accumulators and the second stage: the arithmetic of the post engine."""

from amaranth import Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from .accumulators import Accumulators
from .delay import delay
from .roundclamp import RoundClamp
from .slots import FACTOR_LAYOUT, SHIFT_BITS, ParamSlots

_FIELDS = {f.name: signed(f.bits) if f.signed else unsigned(f.bits) for f in isa.POST.fields}
#: What a pass needs to know of its instruction.
CONTROL_LAYOUT = data.StructLayout({"second": 1, "half": 1} | {n: _FIELDS[n] for n in (
    "group", "zero", "low", "high", "ma", "mb", "c", "shift")})
#: Bits of the first pass's sum: int32 + int32.
_SUM = 33
#: The sum is multiplied in two parts, each what one hardware multiplier takes.
_LOW = 17
#: Bits of the second pass's sum: |q*ma| + |r*mb| <= 2**25, |c| <= 2**31.
_SCALED = 33


class PostPipeline(wiring.Component):
    """``result = clamp(zero + rhe(value / 2**shift), low, high)`` in P lanes, where the value is ``(acc + bias) * mantissa`` in
    a vector's first pass and ``q*ma + r*mb + c`` in its `second`, with the result q of its first.

    Free running, a pass a cycle; `result` follows `LATENCY` cycles after `control`, and that is when the vector's second pass
    may begin: it comes `LATENCY` cycles after the first. `residual` comes with the second pass; `accumulators` and `factors` come
    `Accumulators.READ_LATENCY` cycles after the first, `shifts` `ParamSlots.SHIFT_LATENCY`.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    control : `CONTROL_LAYOUT`; ``second``: the pass is a second one. ``half``: of the accumulators. ``group``: the lanes of
    `accumulators` and parameters are group*P to group*P + P - 1. zero, low, high : of this pass. ma, mb, c, shift : of a second.
    accumulators : 2 * C * 32 bits. factors : C * `slots.FACTOR_LAYOUT`. shifts : C * 6 bits. residual, result : P bytes.
    """

    _SUMMED = Accumulators.READ_LATENCY + 1
    _MULTIPLIED = _SUMMED + 3
    LATENCY = _MULTIPLIED + RoundClamp.LATENCY

    def __init__(self, config):
        self.config = config
        super().__init__({
            "control": In(CONTROL_LAYOUT),
            "accumulators": In(2 * 32 * config.cols), "factors": In(FACTOR_LAYOUT.size * config.cols),
            "shifts": In(SHIFT_BITS * config.cols),
            "residual": In(8 * config.post_lanes), "result": Out(8 * config.post_lanes),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, at = self.config.post_lanes, self._control(m)
        self._second = [at("second", cycle) for cycle in range(self._MULTIPLIED)]
        group, half = at("group", self._SUMMED - 1), at("half", self._SUMMED - 1)
        shift, late_group = at("shift", ParamSlots.SHIFT_LATENCY), at("group", ParamSlots.SHIFT_LATENCY)
        results = []
        for lane in range(lanes):
            m.submodules[f"round_{lane}"] = clamp = RoundClamp(_SUM + 18)
            accumulators = [self._pick(self.accumulators[32 * self.config.cols * k:][:32 * self.config.cols], 32, lane, group)
                            for k in range(2)]
            factor = data.View(FACTOR_LAYOUT, self._pick(self.factors, FACTOR_LAYOUT.size, lane, group))
            scaled = self._scaled(m, lane, clamp.result, self.residual.word_select(lane, 8).as_signed(), at)
            # The sign apart makes it the wider operand of the sum: Yosys feeds the narrower one to the carry chain.
            accumulator = Cat(Mux(half, high, low) for low, high in zip(*([a, a[-1]] for a in accumulators)))
            product = self._product(m, lane, accumulator, factor, scaled)
            own = self._pick(self.shifts, SHIFT_BITS, lane, late_group)
            m.d.comb += [
                clamp.value.eq(product),
                clamp.shift.eq(delay(m, Mux(self._second[ParamSlots.SHIFT_LATENCY], shift, own), 1, f"shift_{lane}")),
                clamp.zero.eq(at("zero", self._MULTIPLIED)), clamp.low.eq(at("low", self._MULTIPLIED)),
                clamp.high.eq(at("high", self._MULTIPLIED)),
            ]
            results.append(clamp.result)
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

    def _pick(self, word, bits, lane, group):
        """A lane's bits of a word of C channels."""
        if self.config.cols > self.config.post_lanes:
            word = word.word_select(group, bits * self.config.post_lanes)
        return word.word_select(lane, bits)

    def _product(self, m, lane, accumulator, factor, scaled):
        """The value of a pass, `_MULTIPLIED` cycles after it began: a product, 0 in a second pass, plus `scaled`."""
        total = Signal(signed(_SUM), name=f"sum_{lane}", reset_less=True)
        products = [Signal(signed(bits + 18), name=f"{name}_{lane}", reset_less=True)
                    for name, bits in (("low_product", _LOW), ("high_product", _SUM - _LOW))]
        low = Signal(signed(_SCALED + 3), name=f"low_{lane}", reset_less=True)
        value = Signal(signed(_SUM + 18), name=f"value_{lane}", reset_less=True)
        mantissa = delay(m, factor.mantissa, 1, f"mantissa_{lane}")
        late_total = delay(m, total[_LOW:].as_signed(), 1, f"late_sum_{lane}")
        late_mantissa = delay(m, mantissa, 1, f"late_mantissa_{lane}")
        m.d.sync += [
            total.eq(factor.bias + accumulator.as_signed()),
            products[0].eq(Mux(self._second[self._SUMMED], 0, total[:_LOW] * mantissa)),
            products[1].eq(Mux(self._second[self._SUMMED + 1], 0, late_total * late_mantissa)),
            low.eq(products[0] + scaled),
            value.eq(Cat(low[:_LOW], products[1] + low[_LOW:].as_signed())),
        ]
        return value

    def _scaled(self, m, lane, q, residual, at):
        """The sum of a second pass, 0 in a first, `_SUMMED` + 1 cycles after it began.

        Each product and what is added to it are one multiplier block.
        """
        products = [Signal(signed(26), name=f"{name}_{lane}", reset_less=True) for name in ("scaled_q", "scaled_residual")]
        offset, total = (Signal(signed(_SCALED), name=f"{name}_{lane}", reset_less=True) for name in ("offset", "scaled"))
        m.d.sync += [
            products[1].eq(residual * at("mb", 0)), offset.eq(products[1] + at("c", 1)),
            products[0].eq(delay(m, q, 1, f"q_{lane}") * at("ma", 1)),
            total.eq(Mux(self._second[self._SUMMED], products[0] + offset, 0)),
        ]
        return total
