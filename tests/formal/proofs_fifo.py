"""Stream buffers: nothing is lost, made up, changed or reordered, and what has waited moves on."""

from follow import Followed
from harness import Mutant, Proof, taken

from hwcnn.rtl.lib.fifo import SkidBuffer, StreamFifo, StreamRegister


def buffer(h, dut, capacity, latency):
    """The properties of any buffer of a stream; returns the item that is followed."""
    h.feed("i", dut.i, steady=False)
    h.drain("o", dut.o)
    followed = Followed(h, taken(dut.i), taken(dut.o), capacity, {"item": dut.i.payload})
    held, out = followed.inside, followed.here & dut.o.valid
    h.prove("no overflow", held <= capacity)
    h.prove("nothing made up", ~dut.o.valid | (held != 0))
    h.prove("no loss, no reorder, no change", ~out | (dut.o.payload == followed.values[0]))
    h.prove("o is stable", h.steady(dut.o))
    h.prove("what is inside comes out", h.waits((held != 0) & ~dut.o.valid, latency + 1) <= latency)
    h.prove("ready again", h.waits((held < capacity) & ~dut.i.ready, latency + 1) <= latency)
    h.reach("full", held == capacity)
    h.reach(
        "picked item out behind others",
        out & h.ever(followed.picked & (followed.ahead == capacity - 1)),
    )
    return followed


def stream_fifo(h, depth, width):
    dut = h.add("dut", StreamFifo(width, depth))
    followed = buffer(h, dut, depth + 1, 2)
    h.prove("level", (dut.level == followed.inside) | (dut.level == followed.inside + 1))


def fifo_lemmas(h, inner, path, inside, depth):
    """What the registers of a StreamFifo, at `path` in `inner`, mean that holds `inside` items."""
    stored, fetched, not_full, any_stored, full_out = (
        inner[f"{path}elaborate.{name}"]
        for name in ("stored", "fetched", "not_full", "any_stored", "full_out")
    )
    unread = stored - fetched  # items that are in the RAM only
    h.lemma("items inside", (inside == unread + full_out) & (stored >= fetched) & (stored <= depth))
    h.lemma(
        "flags of the FIFO",
        (any_stored == (unread != 0)) & (not_full == (stored < depth)) & (~fetched | full_out),
    )


def stream_fifo_control(h, depth):
    """All but the way of the data, at any depth."""
    dut, inner = h.add_open("dut", StreamFifo(1, depth))
    h.feed("i", dut.i, steady=False)
    h.drain("o", dut.o)
    inside = h.register("inside", range(depth + 3))
    h.m.d.sync += inside.eq(inside + taken(dut.i) - taken(dut.o))
    h.prove("no overflow", inside <= depth + 1)
    h.prove("nothing made up", ~dut.o.valid | (inside != 0))
    h.prove("level", (dut.level == inside) | (dut.level == inside + 1))
    h.prove("what is inside comes out", h.waits((inside != 0) & ~dut.o.valid, 3) <= 2)
    h.prove("ready again", h.waits((inside < depth) & ~dut.i.ready, 3) <= 2)
    fifo_lemmas(h, inner, "", inside, depth)
    h.reach("three inside", inside == 3)


def stream_register(h, width):
    buffer(h, h.add("dut", StreamRegister(width)), 1, 1)


def skid_buffer(h, width):
    buffer(h, h.add("dut", SkidBuffer(width)), 2, 1)


_FIFO = Mutant(
    "lib/fifo.py",
    "push & (stored == self.depth - 1)",
    "push & (stored == self.depth)",
    "no overflow",
)
_SKID = Mutant(
    "lib/fifo.py",
    "Mux(full, skid, self.i.payload)",
    "Mux(full, self.i.payload, skid)",
    "no loss, no reorder, no change",
)
_READ = Mutant(
    "lib/fifo.py",
    "fetch & (stored == Mux(fetched, 2, 1))",
    "fetch & (stored == Mux(fetched, 1, 2))",
    "nothing made up",
)

PROOFS = [
    Proof("StreamFifo", stream_fifo, {"depth": 4, "width": 2}, (_FIFO, _READ), quick=True),
    Proof("StreamFifo", stream_fifo, {"depth": 8, "width": 1}),
    Proof("StreamFifo", stream_fifo_control, {"depth": 64}),
    Proof(
        "StreamRegister",
        stream_register,
        {"width": 8},
        (
            Mutant(
                "lib/fifo.py",
                "self.i.ready.eq(~self.o.valid)",
                "self.i.ready.eq(1)",
                "no loss, no reorder, no change",
            ),
        ),
    ),
    Proof("SkidBuffer", skid_buffer, {"width": 8}, (_SKID,)),
]
