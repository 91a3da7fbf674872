"""The linear reader: as an AXI master it asks for legal bursts, has room for all beats that come,
and gives each once, in order.
"""

from types import SimpleNamespace

from amaranth import Mux
from follow import Followed
from harness import Mutant, Proof, taken
from proofs_bursts import reads, reserve
from proofs_fifo import fifo_lemmas

from hwcnn.rtl.bus.reader import LinearReader


def reader(h, axi_bytes, fifo_depth, max_burst, count_bits):
    """The way of the data."""
    m, dut = (
        h.m,
        h.add(
            "dut",
            LinearReader(SimpleNamespace(axi_bytes=axi_bytes), fifo_depth, max_burst, count_bits),
        ),
    )
    request, data = dut.port.request, dut.port.data
    h.feed("i", dut.i)
    h.assume(~dut.i.valid | (dut.i.payload.n_beats != 0))
    h.drain("request", request)
    h.drain("o", dut.o)
    comes, beat = h.any("comes"), h.any("beat", 8 * axi_bytes)
    m.d.comb += [data.valid.eq(comes), data.payload.eq(beat)]
    # beats asked for that have not come
    flight = h.register("flight", range(fifo_depth + max_burst + 2))
    m.d.sync += flight.eq(flight + Mux(taken(request), request.payload.length, 0) - comes)
    h.assume(~comes | (flight != 0))

    followed = Followed(h, comes, taken(dut.o), fifo_depth + 1, {"beat": beat[:2]})
    h.prove(
        "no loss, no reorder, no change",
        ~(followed.here & dut.o.valid) | (dut.o.payload[:2] == followed.values[0]),
    )
    h.prove("o is stable", h.steady(dut.o))
    h.reach("all room taken", followed.inside == fifo_depth)


def reader_room(h, axi_bytes, fifo_depth, max_burst, count_bits, eager):
    """The bursts, and room for their beats, as far as the values of data do not matter."""
    m, (dut, inner) = (
        h.m,
        h.add_open(
            "dut",
            LinearReader(
                SimpleNamespace(axi_bytes=axi_bytes), fifo_depth, max_burst, count_bits, eager
            ),
        ),
    )
    request, comes = dut.port.request, h.any("comes")
    h.feed("i", dut.i)
    h.assume(~dut.i.valid | (dut.i.payload.n_beats != 0))
    h.drain("request", request)
    h.drain("o", dut.o)
    m.d.comb += [dut.port.data.valid.eq(comes), dut.port.data.payload.eq(0)]
    flight, inside = (
        h.register("flight", range(2 * fifo_depth)),
        h.register("inside", range(2 * fifo_depth)),
    )
    m.d.sync += [
        flight.eq(flight + Mux(taken(request), request.payload.length, 0) - comes),
        inside.eq(inside + comes - taken(dut.o)),
    ]
    h.assume(~comes | (flight != 0))
    there, _, _ = reads(h, inner, "splitter.", dut.i, request, axi_bytes, max_burst)
    known = flight + inside + Mux(request.valid, request.payload.length, 0)
    h.prove("room for every beat that comes", ~comes | dut.port.data.ready)
    h.prove("never more than the room", known <= fifo_depth)
    h.prove("nothing made up", ~dut.o.valid | (inside != 0))
    h.prove("what has come goes out", h.waits((inside != 0) & ~dut.o.valid, 3) <= 2)
    h.prove(
        "asks when there is room",
        h.waits(there & ~request.valid & (flight + inside <= fifo_depth - max_burst), 6) <= 5,
    )
    reserve(h, inner, "splitter.", request, fifo_depth, max_burst, known + h.past(taken(dut.o)))
    fifo_lemmas(h, inner, "fifo.", inside, fifo_depth)
    h.reach("two bursts inside", inside == 2 * max_burst)


_MUTANTS = (
    Mutant(
        "bus/reader.py",
        "splitter.freed.eq(fifo.o.valid & fifo.o.ready)",
        "splitter.freed.eq(fifo.o.valid)",
        "room for every beat that comes",
    ),
    Mutant(
        "bus/bursts.py",
        "last_place, self.max_burst - 1) - place + 1)",
        "last_place, self.max_burst - 1) + 1)",
        "no burst across a cut",
    ),
)
PROOFS = [
    Proof(
        "LinearReader",
        reader_room,
        {"axi_bytes": 8, "fifo_depth": 8, "max_burst": 4, "count_bits": 5, "eager": None},
        _MUTANTS,
    ),
    Proof(
        "LinearReader",
        reader_room,
        {"axi_bytes": 16, "fifo_depth": 512, "max_burst": 16, "count_bits": 17, "eager": 128},
    ),
    Proof(
        "LinearReader",
        reader,
        {"axi_bytes": 8, "fifo_depth": 4, "max_burst": 4, "count_bits": 5},
        bounds={"no loss, no reorder, no change": 16},
    ),
]
