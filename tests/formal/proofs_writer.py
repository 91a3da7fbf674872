"""The writer: as an AXI master it asks for whole legal bursts whose beats it has, with `last` where
they end.
"""

from types import SimpleNamespace

from amaranth import Mux
from follow import Followed
from harness import Mutant, Proof, taken

from hwcnn.config import bits_for
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.bus.writer import Writer


def writer(h, axi_bytes, lanes):
    m, dut = h.m, h.add("dut", Writer(SimpleNamespace(axi_bytes=axi_bytes), lanes))
    request, data, tile = dut.port.request, dut.port.data, dut.i.payload
    h.feed("i", dut.i)
    h.assume((tile.n_blk != 0) & (tile.out_rows != 0) & (tile.out_cols != 0))
    for field in (tile.out_addr, tile.out_pix_stride, tile.out_row_stride, tile.out_blk_stride):
        h.assume(field[: bits_for(lanes)] == 0 if lanes > 1 else 1)
    h.feed("data", dut.data, steady=False)
    h.drain("request", request)
    response = h.any("response")
    # The multiplexer takes beats only of the bursts that it has taken; memory answers bursts that
    # have gone as a whole.
    left, sent = h.register("left", 8), h.register("sent", 8)
    beat, last = taken(data), data.payload.last
    m.d.comb += [data.ready.eq(h.any("data_ready") & (left != 0)), dut.port.response.eq(response)]
    m.d.sync += [
        left.eq(left + Mux(taken(request), request.payload.length, 0) - beat),
        sent.eq(sent + (beat & last) - response),
    ]
    h.assume(~response | (sent != 0))

    followed, at = (
        Followed(h, taken(request), beat & last, 16, {"length": request.payload.length}),
        h.register("at", 9),
    )
    m.d.sync += at.eq(Mux(beat, Mux(last, 0, at + 1), at))
    place = request.payload.addr[bits_for(axi_bytes) :][: bits_for(MAX_BURST)]
    h.prove("request is stable", h.steady(request))
    h.prove("data is stable", h.steady(data))
    h.prove(
        "burst within its cut, aligned",
        ~request.valid
        | (request.payload.length != 0)
        & (place + request.payload.length <= MAX_BURST)
        & (request.payload.addr[: bits_for(axi_bytes)] == 0),
    )
    h.prove("beats of requested bursts are there", (left == 0) | data.valid)
    h.prove(
        "last where the burst ends",
        ~(followed.here & data.valid) | (last == (at == followed.values[0] - 1)),
    )
    h.prove("something is written in each beat", ~data.valid | data.payload.strobe.any())
    h.prove("done only behind a response", ~dut.done | h.past(response))
    h.reach("a burst of two beats", beat & last & (at == 1))
    h.reach("done", dut.done)


_SMALL = {
    "limits.MAX_BURST": 4,
    "rtl.bus.writer.Writer.BEATS": 8,
    "rtl.bus.writer.Writer.BURSTS": 4,
    "rtl.bus.writer.Writer.UNACKNOWLEDGED": 4,
}
_BOUNDS = dict.fromkeys(
    (
        "request is stable",
        "data is stable",
        "burst within its cut, aligned",
        "beats of requested bursts are there",
        "last where the burst ends",
        "something is written in each beat",
        "done only behind a response",
    ),
    12,
)
_MUTANTS = (
    Mutant(
        "bus/writer.py",
        "(any_whole & ~(requested & (whole == 1)))",
        "any_whole",
        "beats of requested bursts are there",
    ),
    Mutant(
        "bus/writer.py",
        "burst.length.eq(last[:place_bits] - start + 1)",
        "burst.length.eq(last[:place_bits] - start)",
        "last where the burst ends",
    ),
    Mutant(
        "bus/writer.py",
        "start.eq(Mux(continues, earlier, first[:place_bits]))",
        "start.eq(first[:place_bits])",
        "last where the burst ends",
    ),
)
PROOFS = [
    Proof("Writer", writer, {"axi_bytes": 8, "lanes": 4}, _MUTANTS, _BOUNDS, narrow=_SMALL),
    Proof("Writer", writer, {"axi_bytes": 8, "lanes": 16}, bounds=_BOUNDS, narrow=_SMALL),
]
