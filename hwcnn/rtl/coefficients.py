"""Where the ALU's multiplier, constant and shift come from: the instruction, the channels' parameters, or LRN's factors."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from ..limits import lrn_lookups, lrn_steps
from .layouts import PARAM_LAYOUT, param_port
from .lrn import TABLE_BITS
from .ram import Ram

#: ``dest`` of a PARAM instruction that fills the slots.
SLOTS_DEST = 1


class Coefficients(wiring.Component):
    """Fills the ALU's coefficient registers: once an instruction, for each block (`per_channel`), or for each vector (`use_factors`).

    From `begin` to `ready`: 2 cycles, or 2 + 8*L/axi_bytes `per_channel`. The coefficients of the next block are loaded as soon as those
    of the present one are in use, so a block of so many vectors and 5 more costs nothing.

    Members
    -------
    params : beats of PARAM; those of dest 1 fill the slots. per_channel, use_factors, slot, shared : of the instruction, stable.
    begin : the instruction begins. started : the block's first vector is issued. more : it is not the last block. hold : the ALU's
    `loading`. factors : of `lrn.LrnFactors`. set : to the ALU. ready : a block's first vector may be issued.
    """

    def __init__(self, config):
        self.config = config
        self.affine, self.lrn = "affine" in config.features, "lrn" in config.features
        self.sets = config.lanes if self.affine or self.lrn else 1
        self.channels = config.axi_bytes // 8  # in a beat
        lookups = lrn_lookups(config)
        self.sources = max(self.channels if self.affine else 1, lookups if self.lrn else 1)
        super().__init__({
            "params": In(param_port(config)),
            "per_channel": In(1), "use_factors": In(1), "slot": In(8), "shared": In(PARAM_LAYOUT),
            "begin": In(1), "started": In(1), "more": In(1), "hold": In(1),
            "factors": In(wiring.Signature({
                "en": Out(1), "group": Out(bits_for(lrn_steps(config))), "values": Out(data.ArrayLayout(TABLE_BITS, lookups))})),
            "set": Out(wiring.Signature({
                "mask": Out(self.sets), "values": Out(data.ArrayLayout(PARAM_LAYOUT, self.sources))})),
            "ready": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        pending, load, wanted = Signal(), Signal(), Signal()
        m.d.comb += [load.eq(pending & ~self.hold), wanted.eq(self.begin | (self.started & self.per_channel))]
        mask = Signal(self.sets)
        m.d.comb += [self.set.mask.eq(mask), *(value.eq(self.shared) for value in self._values())]
        with m.If(load):
            m.d.sync += [pending.eq(0), self.ready.eq(1)]
            m.d.comb += mask.eq(-1)
        if self.affine:
            self._from_slots(m, load, mask)
        if self.lrn:
            self._from_factors(m, mask)
        with m.If(wanted):
            m.d.sync += [pending.eq(self.begin | self.more), self.ready.eq(0)]
        return m

    def _values(self):
        return [self.set.values[j] for j in range(self.sources)]

    def _from_slots(self, m, load, mask):
        """Reads a slot, a beat a cycle; overrides what goes to the ALU while `per_channel`."""
        beats, word = self.config.lanes // self.channels, PARAM_LAYOUT.size
        m.submodules.slots = ram = Ram(word * self.channels, self.config.param_slots * beats)
        packed = Cat(self.params.data.word_select(c, 64)[:word] for c in range(self.channels))
        slot, beat, reading = Signal(8), Signal(bits_for(beats)), Signal()
        written, last = Signal(beats), Signal()
        m.d.comb += [
            ram.w_en.eq(self.params.en & (self.params.dest == SLOTS_DEST)),
            ram.w_addr.eq(self.params.index * beats + self.params.offset), ram.w_data.eq(packed),
            ram.r_en.eq(reading), ram.r_addr.eq(slot * beats + beat), last.eq(beat == beats - 1),
        ]
        m.d.sync += written.eq(Mux(reading, 1 << beat, 0))
        with m.If(reading):
            m.d.sync += [beat.eq(Mux(last, 0, beat + 1)), reading.eq(~last)]
        with m.If(self.begin):
            m.d.sync += slot.eq(self.slot)
        with m.If(self.per_channel):
            with m.If(load):
                m.d.sync += [reading.eq(1), self.ready.eq(0)]
            with m.If(written[-1]):
                m.d.sync += [self.ready.eq(1), slot.eq(slot + 1)]
            m.d.comb += mask.eq(Cat(written[k // self.channels] for k in range(self.sets)))
            m.d.comb += [value.as_value().eq(ram.r_data.word_select(j % self.channels, word))
                         for j, value in enumerate(self._values())]

    def _from_factors(self, m, mask):
        """Takes the factors as they come; overrides what goes to the ALU while `use_factors`."""
        lookups = lrn_lookups(self.config)
        with m.If(self.use_factors):
            m.d.comb += mask.eq(Cat(self.factors.en & (self.factors.group == k // lookups) for k in range(self.sets)))
            for j, value in enumerate(self._values()):
                m.d.comb += [value.bias.eq(0), value.mantissa.eq(self.factors.values[j % lookups])]
