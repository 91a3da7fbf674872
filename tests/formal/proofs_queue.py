"""The instruction queue: every instruction goes once, in order, with its own fields, and never
before its waits hold.
"""

from types import SimpleNamespace

from amaranth import Mux
from harness import Mutant, Proof, taken

from hwcnn import isa
from hwcnn.rtl.host.queue import InstructionQueue

#: Bits of a word that are followed; all bits of a word take the same way.
FOLLOWED = 2


def instruction(words, waits):
    """An instruction of so many words that may wait for the first counters."""
    fields = tuple(isa.Field(f"word{k}", isa.WORD_BITS) for k in range(1, words))
    return isa.Instruction("formal", 1, isa.COUNTERS[:waits], fields)


def feed(h, dut, waits):
    """Drives the words freely, and the counters, which only grow and keep within their bits."""
    h.feed("i", dut.i)
    counts = []
    for k, counter in enumerate(isa.COUNTERS[:waits]):
        count, grows = h.register(f"count_{counter}", isa.WAIT_BITS), h.any(f"grows_{counter}")
        h.m.d.sync += count.eq(count + (grows & ~count.all()))
        h.m.d.comb += dut.counts[k].eq(count)
        counts.append(count)
    return counts


def wait_of(word, k):
    """The count that the header `word` wants counter k to reach."""
    return word[8 + isa.WAIT_BITS * k : 8 + isa.WAIT_BITS * (k + 1)]


def queue(h, queue_words, words, waits):
    m, n = h.m, words
    dut = h.add(
        "dut", InstructionQueue(SimpleNamespace(queue_words=queue_words), instruction(n, waits))
    )
    counts = feed(h, dut, waits)
    h.drain("o", dut.o)
    push, take, most = taken(dut.i), taken(dut.o), queue_words + n

    # Words inside; the number of the word at `i` in its instruction.
    held, at = h.register("held", range(most + 2)), h.register("at", range(n))
    m.d.sync += held.eq(held + push - Mux(take, n, 0))
    with m.If(push):
        m.d.sync += at.eq(Mux(at == n - 1, 0, at + 1))

    # One instruction is picked when its header goes in, any one, and followed: `ahead` are in front
    # of it. instructions, the one whose words come included
    inside = h.register("inside", range(most + 2))
    m.d.sync += inside.eq(inside + (push & (at == 0)) - take)
    picked, whole, ahead = (
        h.register("picked"),
        h.register("whole"),
        h.register("ahead", range(most + 2)),
    )
    item = [h.register(f"item{k}", isa.WORD_BITS if k == 0 else FOLLOWED) for k in range(n)]
    picks = push & (at == 0) & h.any("pick") & ~picked
    with m.If(picks):
        m.d.sync += [picked.eq(1), whole.eq(0), ahead.eq(inside - take), item[0].eq(dut.i.payload)]
    with m.Elif(picked & take):
        m.d.sync += [ahead.eq(ahead - 1), picked.eq(ahead != 0)]
    with m.If(picked & ~whole & push):
        m.d.sync += whole.eq(at == n - 1)
        for k in range(1, n):
            with m.If(at == k):
                m.d.sync += item[k].eq(dut.i.payload)

    first = picked & (ahead == 0)
    out, payload = first & dut.o.valid, dut.o.payload.as_value()
    met = 1
    for k, count in enumerate(counts):
        met &= count >= wait_of(item[0], k)
    same = 1
    for k in range(1, n):
        same &= payload.word_select(k - 1, isa.WORD_BITS)[:FOLLOWED] == item[k]
    h.prove("no overflow", held <= most)
    h.prove("nothing made up, nothing early", ~dut.o.valid | (held >= n))
    h.prove("fields are the instruction's", ~out | same)
    h.prove("waits hold", ~out | met)
    h.prove("o is stable", h.steady(dut.o))
    h.prove("goes when its waits hold", h.waits(first & whole & met & ~dut.o.valid, n + 5) <= n + 4)
    h.prove(
        "ready again", h.waits((held < queue_words) & ~dut.i.ready & ~dut.o.valid, n + 5) <= n + 4
    )
    h.prove("waiting and empty", ~dut.o.valid | ~dut.empty & (dut.waiting == 0))
    h.reach("full", held == most)
    h.reach("picked instruction out behind another", out & h.ever(picked & (ahead == 1)))


def passing(h, waits):
    """An instruction of one word, as END."""
    dut = h.add("dut", InstructionQueue(SimpleNamespace(queue_words=16), instruction(1, waits)))
    counts = feed(h, dut, waits)
    h.drain("o", dut.o)
    met = 1
    for k, count in enumerate(counts):
        met &= count >= wait_of(dut.i.payload, k)
    h.prove("goes with its word", taken(dut.i) == taken(dut.o))
    h.prove("waits hold", ~dut.o.valid | (dut.i.valid & met))
    h.prove("o is stable", h.steady(dut.o))
    h.prove("goes when its waits hold", h.waits(dut.i.valid & met & ~dut.o.valid, 3) <= 2)
    h.reach("two go", taken(dut.o) & h.ever(taken(dut.o)))


_SMALL = {"isa.WAIT_BITS": 2, "isa.WORD_BITS": 20}
PROOFS = [
    Proof(
        "InstructionQueue",
        queue,
        {"queue_words": 4, "words": 2, "waits": 1},
        (
            Mutant(
                "host/queue.py",
                "push & (stored == depth - 1)",
                "push & (stored == depth)",
                "no overflow",
            ),
            Mutant(
                "host/queue.py",
                "first.eq(first + n)",
                "first.eq(first + n - 1)",
                "fields are the instruction's",
            ),
            Mutant(
                "host/queue.py",
                "self.counts[k] >= waits[k]",
                "self.counts[k] + 1 >= waits[k]",
                "waits hold",
            ),
        ),
        narrow=_SMALL,
    ),
    Proof(
        "InstructionQueue",
        queue,
        {"queue_words": 8, "words": 3, "waits": 1},
        bounds=dict.fromkeys(
            ("fields are the instruction's", "waits hold", "goes when its waits hold"), 14
        ),
        narrow=_SMALL,
    ),
    Proof(
        "InstructionQueue",
        passing,
        {"waits": 6},
        (Mutant("host/queue.py", "compared.eq(full & ~take)", "compared.eq(full)", "waits hold"),),
        quick=True,
        narrow=_SMALL,
    ),
]
