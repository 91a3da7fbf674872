"""An engine's instruction queue: words in, instructions out when their waits hold."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .. import isa
from ..config import bits_for
from .fifo import StreamFifo
from .layouts import COUNTS_LAYOUT, instruction_layout

#: The first word of every instruction.
HEADER_LAYOUT = data.StructLayout({"opcode": 8, "waits": COUNTS_LAYOUT})


class InstructionQueue(wiring.Component):
    """Queues the words of one kind of instruction and gives each instruction once its waits hold.

    Latency: 4 cycles from the last word at `i` to `o` (both empty, all waits met). A wait counts as met one cycle after
    its counter has reached it. Throughput: one word a cycle. With `prefetch` the next instruction is collected while
    the present one is held, so that `o` gives it in the cycle after the present one was taken.

    Parameters
    ----------
    config : AccelConfig; ``queue_words`` words are held besides the instructions that are collected and held.
    instruction : isa.Instruction; only the counters in its ``waits`` are compared.
    prefetch : False saves the second register; an instruction then takes ``words`` + 2 cycles at least.

    Members
    -------
    i : stream of 128-bit words, an instruction's header first.
    counts : the completion counters; they only grow while an instruction is inside.
    o : stream of the instruction's fields (one bit, 0, where it has none).
    waiting : a bit for each counter of isa.COUNTERS, set while the instruction to go next waits for it.
    empty : no instruction is ready to go or waiting.
    """

    def __init__(self, config, instruction, prefetch=True):
        self.config, self.instruction, self.prefetch = config, instruction, prefetch
        super().__init__({
            "i": In(stream.Signature(isa.WORD_BITS)),
            "counts": In(COUNTS_LAYOUT),
            "o": Out(stream.Signature(instruction_layout(instruction) if instruction.fields else 1)),
            "waiting": Out(len(isa.COUNTERS)),
            "empty": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(isa.WORD_BITS, self.config.queue_words)
        connect(m, flipped(self.i), fifo.i)

        n = self.instruction.words
        collected = Signal(n * isa.WORD_BITS, reset_less=True)
        count, full = Signal(bits_for(n)), Signal()
        leave = Signal()  # the collected instruction leaves its register
        m.d.comb += fifo.o.ready.eq(~full | leave)
        with m.If(leave):
            m.d.sync += full.eq(0)
        with m.If(fifo.o.valid & fifo.o.ready):
            with m.Switch(count):
                for k in range(n):
                    with m.Case(k):
                        m.d.sync += collected.word_select(k, isa.WORD_BITS).eq(fifo.o.payload)
            m.d.sync += [
                count.eq(Mux(count == n - 1, 0, count + 1)),
                full.eq(count == n - 1),
            ]

        take = Signal()
        m.d.comb += take.eq(self.o.valid & self.o.ready)
        if self.prefetch:
            held, present = Signal.like(collected), Signal()
            m.d.comb += leave.eq(full & (~present | take))
            with m.If(leave):
                m.d.sync += [held.eq(collected), present.eq(1)]
            with m.Elif(take):
                m.d.sync += present.eq(0)
        else:
            held, present = collected, full
            m.d.comb += leave.eq(take)

        met = self._met(m, collected, held, leave, full)
        m.d.comb += [
            self.o.valid.eq(present & met.all()),
            self.empty.eq(~present),
        ]
        if self.instruction.fields:
            m.d.comb += self.o.payload.as_value().eq(held[isa.WORD_BITS:])
        for k, counter in enumerate(self.instruction.waits):
            m.d.comb += self.waiting[isa.COUNTERS.index(counter)].eq(present & ~met[k])
        return m

    def _met(self, m, collected, held, leave, full):
        """A registered bit for each of the instruction's waits: the held instruction's holds."""
        def reached(word, counter):
            index = isa.COUNTERS.index(counter)
            return self.counts[index] >= data.View(HEADER_LAYOUT, word[:isa.WORD_BITS]).waits[index]

        waits = self.instruction.waits
        met = Signal(len(waits)) if waits else Signal(1, init=1)
        for k, counter in enumerate(waits):
            if self.prefetch:
                m.d.sync += met[k].eq(Mux(leave, reached(collected, counter), reached(held, counter)))
            else:
                m.d.sync += met[k].eq(full & ~leave & reached(held, counter))
        return met
