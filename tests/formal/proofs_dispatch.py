"""The dispatcher: every word goes once, in order and unchanged, to the queue that its header names,
and nothing after the end.
"""

from amaranth import Cat, Mux
from harness import Mutant, Proof, taken

from hwcnn import isa
from hwcnn.rtl.host.dispatch import Dispatch


def instructions():
    """Two instructions of two and three words, and END."""

    def fields(words):
        return tuple(isa.Field(f"word{k}", isa.WORD_BITS) for k in range(1, words))

    return (
        isa.Instruction("short", 1, (), fields(2)),
        isa.Instruction("long", 2, (), fields(3)),
        isa.END,
    )


def dispatch(h):
    m, kinds = h.m, instructions()
    dut = h.add("dut", Dispatch(kinds))
    start = h.any("start")
    m.d.comb += dut.start.eq(start)
    h.feed("i", dut.i, steady=False)
    queues = [getattr(dut, f"o_{kind.name}") for kind in kinds]
    for kind, queue in zip(kinds, queues, strict=True):
        h.drain(kind.name, queue)
    take, opcode = taken(dut.i), dut.i.payload[:8]

    # What the words mean: the queue (a bit; none: bad) of the instruction at `i`, words that are
    # still to come of it.
    target, rest = h.register("target", len(kinds)), h.register("rest", 2)
    to = Cat(
        Mux(rest == 0, opcode == kind.opcode, bit) for kind, bit in zip(kinds, target, strict=True)
    )
    words = sum(Mux(opcode == kind.opcode, kind.words - 1, 0) for kind in kinds)
    word, word_to, there = (
        h.register("word", isa.WORD_BITS),
        h.register("word_to", len(kinds)),
        h.register("there"),
    )
    running, out = h.register("running"), Cat(taken(queue) for queue in queues)
    with m.If(out.any() | dut.bad_opcode):
        m.d.sync += there.eq(0)
    with m.If(take):
        m.d.sync += [
            there.eq(1),
            word.eq(dut.i.payload),
            word_to.eq(to),
            target.eq(to),
            rest.eq(Mux(rest == 0, words, rest - 1)),
        ]
        with m.If(to[-1] | ~to.any()):
            m.d.sync += running.eq(0)
    with m.If(start):
        m.d.sync += [running.eq(1), rest.eq(0)]
    # a program begins when the one before has ended, and its END has been taken
    h.assume(~start | ~running & ~there)

    valid = Cat(queue.valid for queue in queues)
    h.prove("each word to its queue", valid == Mux(there, word_to, 0))
    h.prove(
        "words unchanged", Cat(~queue.valid | (queue.payload == word) for queue in queues).all()
    )
    h.prove("no word lost", ~(take & there))
    h.prove("nothing read after the end", ~take | running)
    h.prove("o is stable", Cat(h.steady(queue) for queue in queues).all())
    h.prove("bad opcode reported", dut.bad_opcode == (there & ~word_to.any()))
    h.prove("stops after the end", ~h.past(~running & ~start) | dut.stop)
    h.prove("running until the end", ~running | ~dut.stop | h.past(start))
    h.prove("takes the next word", h.waits(running & ~there & ~dut.i.ready, 3) <= 2)
    long = queues[1].valid
    h.reach(
        "three words, then the end",
        queues[-1].valid & h.ever(long & (rest == 0) & h.ever(long & (rest == 1))),
    )
    h.reach("two programs", dut.bad_opcode & h.ever(dut.bad_opcode))


PROOFS = [
    Proof(
        "Dispatch",
        dispatch,
        {},
        (
            Mutant(
                "host/dispatch.py",
                "rest.eq(instruction.words - 1)",
                "rest.eq(instruction.words)",
                "each word to its queue",
            ),
            Mutant("host/dispatch.py", "running & ~pending)", "running)", "no word lost"),
            Mutant(
                "host/dispatch.py",
                "with m.If(running & pending & ends):",
                "with m.If(running & goes & ends):",
                "nothing read after the end",
            ),
        ),
        quick=True,
        narrow={"isa.WORD_BITS": 12},
    ),
]
