"""The linear reader: as an AXI master it asks for legal bursts, has room for all beats that come, and gives each once, in order."""

from types import SimpleNamespace

from amaranth import Mux
from follow import Followed
from harness import Mutant, Proof, taken

from hwcnn.config import bits_for
from hwcnn.rtl.reader import LinearReader


def reader(h, axi_bytes, fifo_depth, max_burst, count_bits):
    m, dut = h.m, h.add("dut", LinearReader(SimpleNamespace(axi_bytes=axi_bytes), fifo_depth, max_burst, count_bits))
    request, data = dut.port.request, dut.port.data
    h.feed("i", dut.i)
    h.assume(~dut.i.valid | (dut.i.payload.n_beats != 0))
    h.drain("request", request)
    h.drain("o", dut.o)
    comes, beat = h.any("comes"), h.any("beat", 8 * axi_bytes)
    m.d.comb += [data.valid.eq(comes), data.payload.eq(beat)]
    flight = h.register("flight", range(fifo_depth + max_burst + 2))  # beats asked for that have not come
    m.d.sync += flight.eq(flight + Mux(taken(request), request.payload.length, 0) - comes)
    h.assume(~comes | (flight != 0))

    followed = Followed(h, comes, taken(dut.o), fifo_depth + 1, {"beat": beat[:2]})
    place = request.payload.addr[bits_for(axi_bytes):][:bits_for(max_burst)]
    h.prove("room for every beat that comes", ~comes | data.ready)
    h.prove("never more than the room", flight + followed.inside <= fifo_depth)
    h.prove("request is stable", h.steady(request, dut.port.spare))
    h.prove("burst within its cut, aligned", ~request.valid | (request.payload.length != 0) & (
        place + request.payload.length <= max_burst) & (request.payload.addr[:bits_for(axi_bytes)] == 0))
    h.prove("no loss, no reorder, no change", ~(followed.here & dut.o.valid) | (dut.o.payload[:2] == followed.values[0]))
    h.prove("nothing made up", ~dut.o.valid | (followed.inside != 0))
    h.prove("o is stable", h.steady(dut.o))
    h.prove("what has come goes out", h.waits((followed.inside != 0) & ~dut.o.valid, 3) <= 2)
    h.reach("all room taken", followed.inside == fifo_depth)


PROOFS = [
    Proof("LinearReader", reader, {"axi_bytes": 8, "fifo_depth": 4, "max_burst": 4, "count_bits": 5}, (
        Mutant("reader.py", "splitter.freed.eq(fifo.o.valid & fifo.o.ready)", "splitter.freed.eq(fifo.o.valid)",
               "room for every beat that comes"),
        Mutant("bursts.py", "last_place, self.max_burst - 1) - place + 1)", "last_place, self.max_burst - 1) + 1)",
               "burst within its cut, aligned"),
    ), {name: 16 for name in ("room for every beat that comes", "never more than the room", "burst within its cut, aligned",
                              "no loss, no reorder, no change", "nothing made up", "what has come goes out")}),
]
