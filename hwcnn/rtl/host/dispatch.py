"""Sends the words of a program to the queues of the engines."""

from collections.abc import Iterable

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa


class Dispatch(wiring.Component):
    """Routes each instruction, by its header's opcode, to the queue of its engine.

    Latency: 1 cycle. Throughput: a word in two cycles. Instructions go out in order: a full queue
    holds up those behind. END stays here until its waits hold. All outputs depend on registers
    alone.

    Parameters
    ----------
    instructions : the instructions that the accelerator has, isa.END among them; END has one word,
    all others have more.

    Members
    -------
    start : pulse before a program's first word.
    i : stream of the program's 128-bit words.
    o_NAME : stream of the words of the instruction NAME.
    stop : high from the cycle after the program's end (END or a bad opcode) was taken to the next
    `start`; `i` is not read from the
        end on.
    bad_opcode : pulse: the word that was taken last is the header of an instruction that the
    accelerator does not have.
    """

    def __init__(self, instructions: Iterable[isa.Instruction] = isa.INSTRUCTIONS) -> None:
        self.instructions = tuple(instructions)
        super().__init__(
            {
                "start": In(1),
                "i": In(stream.Signature(isa.WORD_BITS)),
                "stop": Out(1),
                "bad_opcode": Out(1),
            }
            | {f"o_{i.name}": Out(stream.Signature(isa.WORD_BITS)) for i in self.instructions}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        queues = [getattr(self, f"o_{i.name}") for i in self.instructions]
        opcode = self.i.payload[:8]
        word, pending = Signal(isa.WORD_BITS, reset_less=True), Signal()
        # a bit for the queue that the word in the register goes to; none for a bad opcode
        target = Signal(len(queues))
        header = Signal(init=1)  # the word at `i` is one
        # words of the instruction behind it
        rest = Signal(range(max(i.words for i in self.instructions)))
        running, ends, goes, take = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            ends.eq(target[self.instructions.index(isa.END)] | ~target.any()),
            goes.eq((target & Cat(queue.ready for queue in queues)).any()),
            self.i.ready.eq(running & ~pending),
            take.eq(self.i.valid & self.i.ready),
            self.stop.eq(~running),
            self.bad_opcode.eq(running & pending & ~target.any()),
        ]
        for bit, queue in zip(target, queues, strict=True):
            m.d.comb += [queue.valid.eq(pending & bit), queue.payload.eq(word)]

        with m.If(goes):
            m.d.sync += pending.eq(0)
        with m.If(running & pending & ends):
            m.d.sync += running.eq(0)
        with m.If(self.bad_opcode):
            m.d.sync += pending.eq(0)
        with m.If(take):
            m.d.sync += [word.eq(self.i.payload), pending.eq(1), rest.eq(rest - 1)]
            with m.If(header):
                m.d.sync += [
                    header.eq(0),
                    target.eq(Cat(opcode == i.opcode for i in self.instructions)),
                ]
                with m.Switch(opcode):
                    for instruction in self.instructions:
                        with m.Case(instruction.opcode):
                            m.d.sync += rest.eq(instruction.words - 1)
            with m.Elif(rest == 1):
                m.d.sync += header.eq(1)
        with m.If(self.start):
            m.d.sync += [running.eq(1), header.eq(1)]
        return m
