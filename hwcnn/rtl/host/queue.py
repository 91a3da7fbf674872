"""An engine's instruction queue: words in, instructions out when their waits hold."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.layouts import COUNTS_LAYOUT, instruction_layout
from hwcnn.rtl.lib.ram import Ram

#: The first word of every instruction.
HEADER_LAYOUT = data.StructLayout({"opcode": 8, "waits": COUNTS_LAYOUT})


class InstructionQueue(wiring.Component):
    """Queues the words of one kind of instruction and gives each instruction once its waits hold.

    The words of an instruction leave the RAM header last, each for registers. An instruction
    without fields is not queued: its word waits at `i`, and is taken as `o` is.

    Latency: 5 cycles from the last word at `i` to `o` (both empty, all waits met), 1 without
    fields. A wait counts as met one cycle after its counter has reached it. Throughput: an
    instruction in ``words`` + 3 cycles; engines hide these by taking an instruction when they begin
    with it, or before.

    Parameters
    ----------
    config : AccelConfig; ``queue_words`` words are held besides the instruction at `o`.
    instruction : isa.Instruction; only the counters in its ``waits`` are compared.

    Members
    -------
    i : stream of 128-bit words, an instruction's header first; without fields ``i.ready`` depends
    combinationally on ``o.ready``.
    counts : the completion counters; they only grow while an instruction is inside.
    o : stream of the instruction's fields (one bit, 0, where it has none).
    waiting : a bit for each counter of isa.COUNTERS, set while the instruction to go next waits for
    it.
    empty : no instruction is ready to go or waiting.
    """

    def __init__(self, config: AccelConfig, instruction: isa.Instruction) -> None:
        self.config, self.instruction = config, instruction
        super().__init__(
            {
                "i": In(stream.Signature(isa.WORD_BITS)),
                "counts": In(COUNTS_LAYOUT),
                "o": Out(
                    stream.Signature(instruction_layout(instruction) if instruction.fields else 1)
                ),
                "waiting": Out(len(isa.COUNTERS)),
                "empty": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        full, take = Signal(), Signal()  # an instruction is ready to go or waiting; it goes
        header = (
            self._queued(m, full, take) if self.instruction.fields else self._passed(m, full, take)
        )
        waits = data.View(HEADER_LAYOUT, header).waits
        met = {
            counter: Signal(name=f"met_{counter}")
            for counter in isa.COUNTERS
            if counter in self.instruction.waits
        }
        compared = Signal()  # `met` is of the instruction that is ready to go
        m.d.sync += compared.eq(full & ~take)
        for counter, bit in met.items():
            k = isa.COUNTERS.index(counter)
            m.d.sync += bit.eq(self.counts[k] >= waits[k])
        m.d.comb += [
            self.o.valid.eq(compared & Cat(met.values()).all()),
            take.eq(self.o.valid & self.o.ready),
            self.empty.eq(~full),
            self.waiting.eq(
                Cat(
                    full & ~(compared & met[counter]) if counter in met else Const(0, 1)
                    for counter in isa.COUNTERS
                )
            ),
        ]
        return m

    def _passed(self, m: Module, full: Value, take: Value) -> Value:
        """An instruction of one word stays at `i`; returns the header."""
        m.d.comb += [full.eq(self.i.valid), self.i.ready.eq(take)]
        return self.i.payload

    def _queued(self, m: Module, full: Value, take: Value) -> Value:
        """The RAM and the registers of the fields, which `o` shows; returns the header."""
        n, depth = self.instruction.words, self.config.queue_words
        m.submodules.ram = ram = Ram(isa.WORD_BITS, depth, block=True)
        # first: where the instruction to go next begins
        write, first = Signal(range(depth)), Signal(range(depth))
        # Words in the RAM, the whole of that instruction until its header is read; there are fewer
        # than `depth`.
        stored, not_full = Signal(range(depth + 1)), Signal(init=1)
        # the word to read; the one in the RAM's read register
        wanted, arriving = Signal(range(n), init=1), Signal(range(n))
        # left: the header is in the read register
        push, read, header_read, arrives, left = Signal(), Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(not_full),
            push.eq(self.i.valid & self.i.ready),
            ram.w_en.eq(push),
            ram.w_addr.eq(write),
            ram.w_data.eq(self.i.payload),
            read.eq(~full & ~left & (stored > wanted)),
            header_read.eq(read & (wanted == 0)),
            ram.r_en.eq(read),
            ram.r_addr.eq(first + wanted),
        ]
        m.d.sync += [
            write.eq(write + push),
            stored.eq(stored + push),
            not_full.eq(not_full & ~(push & (stored == depth - 1))),
            arrives.eq(read),
            left.eq(header_read),
            full.eq(left | (full & ~take)),
        ]
        with m.If(read):
            m.d.sync += [arriving.eq(wanted), wanted.eq(Mux(wanted == n - 1, 0, wanted + 1))]
        with m.If(header_read):
            m.d.sync += [first.eq(first + n), stored.eq(stored + push - n)]
        header = Signal(isa.WORD_BITS, reset_less=True)
        with m.If(left):
            m.d.sync += [not_full.eq(1), header.eq(ram.r_data)]
        fields = Signal((n - 1) * isa.WORD_BITS, reset_less=True)
        with m.If(arrives):
            with m.Switch(arriving):
                for k in range(1, n):
                    with m.Case(k):
                        m.d.sync += fields.word_select(k - 1, isa.WORD_BITS).eq(ram.r_data)
        m.d.comb += self.o.payload.as_value().eq(fields)
        return header
