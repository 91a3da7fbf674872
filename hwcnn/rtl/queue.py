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
    its counter has reached it. Throughput: an instruction in ``words`` + 2 cycles; engines hide these by taking an
    instruction when they begin with it, or before.

    Parameters
    ----------
    config : AccelConfig; ``queue_words`` words are held besides the instruction at `o`.
    instruction : isa.Instruction; only the counters in its ``waits`` are compared.

    Members
    -------
    i : stream of 128-bit words, an instruction's header first.
    counts : the completion counters; they only grow while an instruction is inside.
    o : stream of the instruction's fields (one bit, 0, where it has none).
    waiting : a bit for each counter of isa.COUNTERS, set while the instruction to go next waits for it.
    empty : no instruction is ready to go or waiting.
    """

    def __init__(self, config, instruction):
        self.config, self.instruction = config, instruction
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
        held = Signal(n * isa.WORD_BITS, reset_less=True)
        count, full, take = Signal(bits_for(n)), Signal(), Signal()
        m.d.comb += [take.eq(self.o.valid & self.o.ready), fifo.o.ready.eq(~full | take)]
        with m.If(take):
            m.d.sync += full.eq(0)
        with m.If(fifo.o.valid & fifo.o.ready):
            with m.Switch(count):
                for k in range(n):
                    with m.Case(k):
                        m.d.sync += held.word_select(k, isa.WORD_BITS).eq(fifo.o.payload)
            m.d.sync += [
                count.eq(Mux(count == n - 1, 0, count + 1)),
                full.eq(count == n - 1),
            ]

        met = Signal(len(isa.COUNTERS))
        header = data.View(HEADER_LAYOUT, held[:isa.WORD_BITS])
        for k, counter in enumerate(isa.COUNTERS):
            if counter in self.instruction.waits:
                m.d.sync += met[k].eq(full & ~take & (self.counts[k] >= header.waits[k]))
            else:
                m.d.sync += met[k].eq(full & ~take)
        m.d.comb += [
            self.o.valid.eq(full & met.all()),
            self.empty.eq(~full),
            self.waiting.eq(Mux(full, ~met, 0)),
        ]
        if self.instruction.fields:
            m.d.comb += self.o.payload.as_value().eq(held[isa.WORD_BITS:])
        return m
