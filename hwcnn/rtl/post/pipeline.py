"""Requantisation of accumulators and the second stage: the arithmetic of the post engine."""

from collections.abc import Callable

from amaranth import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.array.accumulators import Accumulators
from hwcnn.rtl.lib.delay import delay, register
from hwcnn.rtl.lib.roundclamp import RoundClamp, split_shift

from .param_slots import PARAM_BITS, ParamSlots

_FIELDS = {f.name: signed(f.bits) if f.signed else unsigned(f.bits) for f in isa.POST.fields}
#: What a pass needs to know of its instruction.
CONTROL_LAYOUT = data.StructLayout(
    {"second": 1, "half": 1}
    | {n: _FIELDS[n] for n in ("group", "zero", "low", "high", "ma", "mb", "c", "shift")}
)
#: Bits of the first pass's sum: int32 + int32.
_SUM = 33
#: It is made and multiplied in two parts, so many bits of both addends and the rest, each sum what
#: one hardware multiplier takes.
_LOW = 16
#: Bits of the second pass's sum: |q*ma| + |r*mb| <= 2**25, |c| <= 2**31.
_SCALED = 33


class PostPipeline(wiring.Component):
    """``result = clamp(zero + rhe(value / 2**shift), low, high)`` in P lanes, where the value is
    ``(acc + bias) * mantissa`` in a vector's first pass and ``q*ma + r*mb + c`` in its `second`,
    with the result q of its first.

    Free running, a pass a cycle; `result` follows `LATENCY` cycles after `control`. A vector's
    second pass begins `SECOND` cycles after its first, so that the first one's result comes just
    when it is needed. `residual` comes a cycle after the begin of the second pass; `accumulators`
    come `Accumulators.READ_LATENCY` cycles after that of the first, the parameters
    `ParamSlots.LATENCY`; but for `bias` these two may come straight from block RAMs, `residual`
    must come from a register.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    control : `CONTROL_LAYOUT`; ``second``: the pass is a second one. ``half``: of the accumulators.
    ``group``: the lanes of `accumulators` are group*P to group*P + P - 1. zero, low, high : of this
    pass. ma, mb, c, shift : of a second.
    accumulators : 2 * C * 32 bits. bias, mantissa, shift : P * `slots.PARAM_BITS`. residual, result
    : P bytes.
    """

    _PICKED = Accumulators.READ_LATENCY + 1
    _SUMMED = _PICKED + 1
    _MULTIPLIED = _SUMMED + 3
    LATENCY = _MULTIPLIED + RoundClamp.LATENCY
    SECOND = LATENCY - (_SUMMED - 1)

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "control": In(CONTROL_LAYOUT),
                "accumulators": In(2 * 32 * config.cols),
                "residual": In(8 * config.post_lanes),
                "result": Out(8 * config.post_lanes),
            }
            | {name: In(bits * config.post_lanes) for name, bits in PARAM_BITS.items()}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at = self._control(m)
        self._second = [at("second", cycle) for cycle in range(self._MULTIPLIED)]
        low, high = (
            self.accumulators[32 * self.config.cols * k :][: 32 * self.config.cols]
            for k in range(2)
        )
        accumulators = self._pick(
            delay(m, Mux(at("half", self._PICKED - 1), high, low), 1, "accumulators"),
            at("group", self._PICKED),
        )
        late = at("second", ParamSlots.LATENCY["shift"])
        shift = delay(m, split_shift(at("shift", ParamSlots.LATENCY["shift"] - 1)), 1, "steps")
        limits = {name: at(name, self._MULTIPLIED) for name in ("zero", "low", "high")}
        results = []
        for lane in range(self.config.post_lanes):
            m.submodules[f"round_{lane}"] = clamp = RoundClamp(_SUM + 18)
            own = {
                name: getattr(self, name).word_select(lane, bits)
                for name, bits in PARAM_BITS.items()
            }
            mantissa = delay(m, own["mantissa"], 1, f"mantissa_{lane}")
            scaled = self._scaled(
                m, lane, clamp.result, self.residual.word_select(lane, 8).as_signed(), at
            )
            m.d.comb += [
                clamp.value.eq(
                    self._product(
                        m,
                        lane,
                        accumulators.word_select(lane, 32),
                        own["bias"],
                        mantissa.as_signed(),
                        scaled,
                    )
                ),
                clamp.shift.as_value().eq(Mux(late, shift, own["shift"])),
                *(getattr(clamp, name).eq(limits[name]) for name in limits),
            ]
            results.append(clamp.result)
        m.d.comb += self.result.eq(Cat(results))
        return m

    def _control(self, m: Module) -> Callable[[str, int], Value]:
        """A function: a control field, so many cycles after it came in."""
        made = {}

        def at(name: str, cycle: int) -> Value:
            for n in range(cycle + 1):
                if (name, n) not in made:
                    made[name, n] = (
                        self.control[name]
                        if n == 0
                        else delay(m, made[name, n - 1], 1, f"{name}_{n}")
                    )
            return made[name, cycle]

        return at

    def _pick(self, word: Value, group: Value) -> Value:
        """A group's P accumulators of a word of C."""
        return (
            word.word_select(group, 32 * self.config.post_lanes)
            if self.config.cols > self.config.post_lanes
            else word
        )

    def _product(
        self, m: Module, lane: int, accumulator: Value, bias: Value, mantissa: Value, scaled: Value
    ) -> Signal:
        """The value of a pass, `_MULTIPLIED` cycles after it began: (accumulator + bias) *
        mantissa, 0 in a second pass, plus `scaled`.
        """
        low_sum = register(m, f"low_sum_{lane}", _LOW + 1, accumulator[:_LOW] + bias[:_LOW])
        high_sum = register(
            m,
            f"high_sum_{lane}",
            signed(_SUM - _LOW),
            accumulator[_LOW:].as_signed() + bias[_LOW:].as_signed(),
        )
        late_high_sum = delay(m, high_sum, 1, f"late_high_sum_{lane}")
        late_mantissa = delay(m, mantissa, 1, f"late_mantissa_{lane}")
        first, second = (self._second[self._SUMMED + k] for k in range(2))
        low_product = register(
            m, f"low_product_{lane}", signed(_LOW + 19), Mux(first, 0, low_sum * mantissa)
        )
        high_product = register(
            m,
            f"high_product_{lane}",
            signed(_SUM - _LOW + 18),
            Mux(second, 0, late_high_sum * late_mantissa),
        )
        low = register(m, f"low_{lane}", signed(_SCALED + 3), low_product + scaled)
        return register(
            m,
            f"value_{lane}",
            signed(_SUM + 18),
            Cat(low[:_LOW], high_product + low[_LOW:].as_signed()),
        )

    def _scaled(
        self, m: Module, lane: int, q: Value, residual: Value, at: Callable[[str, int], Value]
    ) -> Signal:
        """The sum of a second pass, 0 in a first, `_SUMMED` + 1 cycles after it began.

        Each product and what is added to it are one multiplier block.
        """
        scaled_residual = register(
            m, f"scaled_residual_{lane}", signed(26), residual * at("mb", self._SUMMED - 2)
        )
        offset = register(
            m, f"offset_{lane}", signed(_SCALED), scaled_residual + at("c", self._SUMMED - 1)
        )
        scaled_q = register(m, f"scaled_q_{lane}", signed(26), q * at("ma", self._SUMMED - 1))
        return register(
            m,
            f"scaled_{lane}",
            signed(_SCALED),
            Mux(self._second[self._SUMMED], scaled_q + offset, 0),
        )
