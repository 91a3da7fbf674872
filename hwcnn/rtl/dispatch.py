"""Sends the words of a program to the queues of the engines."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from ..config import bits_for


class Dispatch(wiring.Component):
    """Routes each instruction, by its header's opcode, to the queue of its engine.

    Latency: none. Throughput: one word a cycle. Instructions go out in order: a full queue holds up those behind.

    Parameters
    ----------
    instructions : the instructions that the accelerator has, isa.END among them.

    Members
    -------
    start : pulse before a program's first word.
    i : stream of the program's 128-bit words.
    o_NAME : stream of the words of the instruction NAME.
    stop : high from the end of the program (END or a bad opcode) to the next `start`; `i` is then not read.
    bad_opcode : pulse: the word at `i` is the header of an instruction that the accelerator does not have.
    """

    def __init__(self, instructions=isa.INSTRUCTIONS):
        self.instructions = tuple(instructions)
        super().__init__({
            "start": In(1),
            "i": In(stream.Signature(isa.WORD_BITS)),
            "stop": Out(1),
            "bad_opcode": Out(1),
        } | {f"o_{i.name}": Out(stream.Signature(isa.WORD_BITS)) for i in self.instructions})

    def elaborate(self, platform):
        m = Module()
        opcode = self.i.payload[:8]
        rest = Signal(range(max(i.words for i in self.instructions)))  # words of the instruction still to come
        known, current = Signal(bits_for(len(self.instructions))), Signal(bits_for(len(self.instructions)))
        found, end, running = Signal(), Signal(), Signal()
        length = Signal.like(rest)
        with m.Switch(opcode):
            for index, instruction in enumerate(self.instructions):
                with m.Case(instruction.opcode):
                    m.d.comb += [known.eq(index), length.eq(instruction.words - 1), found.eq(1),
                                 end.eq(instruction is isa.END)]

        header, target = Signal(), Signal.like(known)
        m.d.comb += [
            self.stop.eq(~running),
            header.eq(rest == 0),
            self.bad_opcode.eq(running & self.i.valid & header & ~found),
        ]
        with m.If(header):
            m.d.comb += target.eq(known)
        with m.Else():
            m.d.comb += target.eq(current)

        m.d.comb += [getattr(self, f"o_{i.name}").payload.eq(self.i.payload) for i in self.instructions]
        with m.If(running & (found | ~header)):
            with m.Switch(target):
                for index, instruction in enumerate(self.instructions):
                    queue = getattr(self, f"o_{instruction.name}")
                    with m.Case(index):
                        m.d.comb += [queue.valid.eq(self.i.valid), self.i.ready.eq(queue.ready)]

        with m.If(self.i.valid & self.i.ready):
            with m.If(header):
                m.d.sync += [rest.eq(length), current.eq(known)]
                with m.If(end):
                    m.d.sync += running.eq(0)
            with m.Else():
                m.d.sync += rest.eq(rest - 1)
        with m.If(self.bad_opcode):
            m.d.sync += running.eq(0)
        with m.If(self.start):
            m.d.sync += [running.eq(1), rest.eq(0)]
        return m
