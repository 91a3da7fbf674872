"""Where the ALU's multiplier, constant and shift come from: the instruction, the channels'
parameters, or LRN's factors.
"""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import lrn_lookups, lrn_steps
from hwcnn.rtl.layouts import (
    PARAM_LAYOUT,
    PARAM_RAM_LAYOUT,
    VECTOR_PARAM_LAYOUT,
    param_port,
    to_ram_format,
)
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.ram import Ram
from hwcnn.rtl.lib.roundclamp import SHIFT_LAYOUT, split_shift

from .alu import Alu
from .lrn import TABLE_BITS

#: ``dest`` of a PARAM instruction that fills the slots.
SLOTS_DEST = 1


class Coefficients(wiring.Component):
    """Holds the ALU's coefficients: new ones once an instruction, for each block (`per_channel`),
    or each vector (`use_factors`).

    From `begin` to `ready`: 1 cycle, or 3 + 8*L/axi_bytes `per_channel` (5 where a beat holds more
    than half a vector's). The coefficients of the next block are loaded as soon as those of the
    present one are in use, so a block that takes so long costs nothing.

    They are in RAMs of four sets, which are used in turn, so that those of vectors that are in the
    ALU stay. The RAMs are read when `Alu.ages` asks for it.

    Members
    -------
    params : beats of PARAM; those of dest 1 fill the slots. per_channel, use_factors, slot, shared
    : of the instruction, stable.
    begin : the instruction begins. started : the upper half of the first vector with new
    coefficients is issued. upper : an upper half is issued. more : it is not the last block.
    factors : of `lrn.LrnFactors`. mantissa, bias, shift : to the ALU, as in `PARAM_RAM_LAYOUT`.
    ready : a block's first vector may be issued in the next cycle.
    """

    SETS = 4

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        self.affine = "affine" in config.features or bool(config.dw_taps)
        self.lrn = "lrn" in config.features
        #: Coefficients as the RAMs hold them.
        self.layout = data.StructLayout(
            dict(PARAM_RAM_LAYOUT.members) | {"bias": signed(config.vector_constant_bits)}
        )
        self.alu_lanes = config.alu_lanes
        lookups = lrn_lookups(config)
        #: Channels of a slot in a beat (a slot is filled up to a whole beat), and those that are
        #: written at a time.
        self.channels = min(config.axi_bytes // isa.CHANNEL_BYTES, config.lanes)
        self.per_step = min(self.channels, self.alu_lanes)
        at_a_time = ([self.per_step] if self.affine else []) + ([lookups] if self.lrn else []) or [
            1
        ]
        #: Lanes of a RAM, and lanes with values of their own at a time.
        self.width, self.sources = min(at_a_time), max(at_a_time)
        super().__init__(
            {
                "params": In(param_port(config)),
                "per_channel": In(1),
                "use_factors": In(1),
                "slot": In(8),
                "shared": In(PARAM_LAYOUT),
                "begin": In(1),
                "started": In(1),
                "upper": In(1),
                "more": In(1),
                "factors": In(
                    wiring.Signature(
                        {
                            "en": Out(1),
                            "group": Out(bits_for(lrn_steps(config))),
                            "values": Out(data.ArrayLayout(TABLE_BITS, lookups)),
                        }
                    )
                ),
                "mantissa": Out(data.ArrayLayout(signed(18), self.alu_lanes)),
                "bias": Out(data.ArrayLayout(self.layout["bias"].shape, self.alu_lanes)),
                "shift": Out(data.ArrayLayout(SHIFT_LAYOUT, self.alu_lanes)),
                "ready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pending, wanted, complete, there = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            wanted.eq(self.begin | (self.started & self.per_channel)),
            complete.eq(pending),
            self.ready.eq(~wanted & (there | complete)),
        ]
        m.d.sync += there.eq(self.ready)
        # What is written: to which lanes (one bit a RAM), in which half of the vector, and the
        # values.
        mask, half = (
            Signal(self.alu_lanes // self.width if self.affine or self.lrn else 1),
            Signal(),
        )
        values = Signal(data.ArrayLayout(self.layout, self.sources))
        shared = data.View(PARAM_RAM_LAYOUT, to_ram_format(self.shared))
        m.d.comb += [
            values[j][name].eq(shared[name])
            for j in range(self.sources)
            for name in PARAM_RAM_LAYOUT.members
        ]
        with m.If(pending):
            m.d.sync += pending.eq(0)
            m.d.comb += mask.eq(-1)
        if self.affine:
            self._from_slots(m, pending, complete, mask, half, values)
        if self.lrn:
            self._from_factors(m, mask, half, values)
        with m.If(wanted):
            m.d.sync += pending.eq(self.begin | self.more)
        self._sets(m, mask, half, values)
        return m

    def _sets(self, m: Module, mask: Value, half: Value, values: data.View) -> None:
        """The RAMs, and which set is which: a set is used from its first vector on, when the next
        one may be written.
        """
        writing, used = Signal(range(self.SETS)), Signal(range(self.SETS))
        upper = Signal()  # aged 1 cycle
        with m.If(self.started):
            m.d.sync += [used.eq(writing), writing.eq(writing + 1)]
        m.d.sync += upper.eq(self.upper & (self.per_channel | self.use_factors))
        at, row = Cat(half, (writing + self.started)[:2]), Signal(3)
        m.d.comb += row.eq(Cat(upper, Mux(self.started, writing, used)))
        ages = Alu.ages("eltwise" in self.config.features)
        for name, age in zip(("mantissa", "bias", "shift"), ages, strict=True):
            late = name == "bias"  # it goes to an adder: a register follows the RAM
            address = delay(m, row, age - 2 - late, f"{name}_row")
            to, bits = getattr(self, name), self.layout[name].width
            for group in range(len(mask)):
                m.submodules[f"{name}{group}"] = ram = Ram(
                    bits * self.width, 2 * self.SETS, block=len(mask) > 1
                )
                first = group * self.width
                m.d.comb += [
                    ram.w_en.eq(mask[group]),
                    ram.w_addr.eq(at),
                    ram.r_en.eq(1),
                    ram.r_addr.eq(address),
                    ram.w_data.eq(
                        Cat(values[(first + j) % self.sources][name] for j in range(self.width))
                    ),
                ]
                read = delay(m, ram.r_data, late, f"{name}_read{group}")
                lanes = range(first, first + self.width) if len(mask) > 1 else range(self.alu_lanes)
                m.d.comb += [to[k].eq(read.word_select(k % self.width, bits)) for k in lanes]

    def _from_slots(
        self, m: Module, load: Value, complete: Value, mask: Value, half: Value, values: data.View
    ) -> None:
        """Reads a slot, `per_step` channels a cycle; overrides what is written while
        `per_channel`.
        """
        lanes, word = self.config.lanes, self.layout.size
        beats, steps = lanes // self.channels, lanes // self.per_step
        m.submodules.slots = ram = Ram(word * self.channels, self.config.param_slots * beats)
        packed = Cat(
            self._to_ram_format(self.params.data.word_select(c, 8 * isa.CHANNEL_BYTES))
            for c in range(self.channels)
        )
        slot, step, reading = Signal(8), Signal(range(steps)), Signal()
        # The RAM's read register and the one behind it: what is in the latter is written.
        arrived, written, last = Signal(), Signal(), Signal()
        place, at, word_read = (
            Signal(range(steps)),
            Signal(range(steps)),
            Signal.like(ram.r_data, reset_less=True),
        )
        m.d.comb += [
            ram.w_en.eq(self.params.en & (self.params.dest == SLOTS_DEST)),
            ram.w_addr.eq(self.params.index * beats + self.params.offset),
            ram.w_data.eq(packed),
            ram.r_en.eq(reading),
            ram.r_addr.eq(slot * beats + step // (steps // beats)),
            last.eq(step == steps - 1),
        ]
        m.d.sync += [
            arrived.eq(reading),
            place.eq(step),
            written.eq(arrived),
            at.eq(place),
            word_read.eq(ram.r_data),
        ]
        with m.If(reading):
            m.d.sync += [step.eq(step + 1), reading.eq(~last)]
        with m.If(self.begin):
            m.d.sync += slot.eq(self.slot)
        with m.If(self.per_channel):
            with m.If(load):
                m.d.sync += reading.eq(1)
            m.d.comb += complete.eq(written & (at == steps - 1))
            with m.If(complete):
                m.d.sync += slot.eq(slot + 1)
            part = (
                word_read.word_select(at[: bits_for(steps // beats)], word * self.per_step)
                if steps > beats
                else word_read
            )
            self._select(m, written, at, steps, mask, half)
            m.d.comb += [
                values[j].as_value().eq(part.word_select(j % self.per_step, word))
                for j in range(self.sources)
            ]

    def _to_ram_format(self, word: Value) -> Value:
        """A channel's parameters, `isa.VECTOR_CHANNEL`, as the RAMs hold them."""
        param = data.View(VECTOR_PARAM_LAYOUT, word)
        return Cat(
            param.bias[: self.layout["bias"].width], param.mantissa, split_shift(param.shift)
        )

    def _from_factors(self, m: Module, mask: Value, half: Value, values: data.View) -> None:
        """Takes the factors as they come; overrides what is written while `use_factors`."""
        lookups = lrn_lookups(self.config)
        with m.If(self.use_factors):
            self._select(m, self.factors.en, self.factors.group, lrn_steps(self.config), mask, half)
            for j in range(self.sources):
                m.d.comb += [
                    values[j].bias.eq(0),
                    values[j].mantissa.eq(self.factors.values[j % lookups]),
                ]

    def _select(
        self, m: Module, enable: Value, step: Value, steps: int, mask: Value, half: Value
    ) -> None:
        """A step, of so many to a vector, writes its part of the lanes."""
        m.d.comb += [
            mask.eq(
                Cat(enable & (step[:-1] == k * steps // (2 * len(mask))) for k in range(len(mask)))
            ),
            half.eq(step[-1]),
        ]
