"""Writes of tiles of vectors to DRAM."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .fifo import StreamFifo
from .layouts import WRITE_LAYOUT, write_port
from .walker import Walker


class WritePlan(wiring.Component):
    """Says of each vector of a tile which beat it goes to, and where beats and bursts end.

    A vector whose successor is in the same beat leaves the beat open. A burst goes on where the next vector is in the
    next beat and not beyond a multiple of `max_burst` beats; a tile's last vector ends both.
    Latency: 3 cycles. Throughput: one vector a cycle, one or two idle cycles between tiles.

    Members
    -------
    i : stream of `layouts.WRITE_LAYOUT`.
    o : stream of {addr, beat_ends, burst_ends, tile_ends}; ``addr`` is the vector's byte address.
    """

    def __init__(self, config, lanes, max_burst):
        self.unit = bits_for(max(config.axi_bytes, lanes))  # bits of an address within a beat or a larger vector
        self.chunk = bits_for(config.axi_bytes * max_burst)
        super().__init__({
            "i": In(stream.Signature(WRITE_LAYOUT)),
            "o": Out(stream.Signature(data.StructLayout(
                {"addr": 32, "beat_ends": 1, "burst_ends": 1, "tile_ends": 1}))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.walker = walker = Walker([(16, 16), (24, 16), (32, 16)])
        i, nest = self.i.payload, walker.i.payload
        m.d.comb += [
            walker.i.valid.eq(self.i.valid), self.i.ready.eq(walker.i.ready), nest.addr.eq(i.out_addr),
            nest.s0.eq(i.out_pix_stride), nest.n0.eq(i.out_cols),
            nest.s1.eq(i.out_row_stride), nest.n1.eq(i.out_rows),
            nest.s2.eq(i.out_blk_stride), nest.n2.eq(i.n_blk),
        ]
        here, here_valid = Signal(walker.o.payload.shape()), Signal()
        ahead = walker.o.payload.addr
        move, same_chunk = Signal(), Signal()
        place, place_ahead = here.addr[self.unit:self.chunk], ahead[self.unit:self.chunk]
        m.d.comb += [
            move.eq(here_valid & (here.last | walker.o.valid) & (~self.o.valid | self.o.ready)),
            walker.o.ready.eq(~here_valid | move),
            same_chunk.eq(~here.last & (here.addr[self.chunk:] == ahead[self.chunk:])),
        ]
        with m.If(walker.o.ready):
            m.d.sync += here_valid.eq(walker.o.valid)
            with m.If(walker.o.valid):
                m.d.sync += here.eq(walker.o.payload)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += self.o.valid.eq(move)
        same_beat = same_chunk & (place == place_ahead)
        with m.If(move):
            m.d.sync += [
                self.o.payload.addr.eq(here.addr),
                self.o.payload.beat_ends.eq(~same_beat),
                self.o.payload.burst_ends.eq(~same_beat & ~(same_chunk & (place + 1 == place_ahead))),
                self.o.payload.tile_ends.eq(here.last),
            ]
        return m


class Writer(wiring.Component):
    """Writes tiles ``[n_blk][out_rows][out_cols]`` of vectors of `lanes` bytes at any strides.

    Vectors that share a beat are packed into it, and beats that follow each other, across rows too, make bursts of up
    to `MAX_BURST` beats (cut at multiples of it, so within 4 KiB). Nothing is written between vectors (strobe 0). A
    burst is requested when all its beats are buffered. Tiles complete in order, and follow each other without waiting
    for memory; up to `UNACKNOWLEDGED` bursts, of any number of tiles, may await their responses.

    Latency: 3 cycles from `i` to the first ``data.ready``, 3 from a burst's last vector to ``port.request``, 1 from the
    last ``port.response`` to `done`. Throughput: one vector a cycle, also from row to row (lanes <= axi_bytes; else one
    beat a cycle); one or two idle cycles between tiles. No output depends combinationally on an input.

    Parameters
    ----------
    config : AccelConfig. lanes : bytes in a vector, a power of two.

    Members
    -------
    i : stream of `layouts.WRITE_LAYOUT`, addresses and strides multiples of `lanes`.
    data : stream of vectors, in the order block, row, column, byte 0 lowest.
    port : client of the write multiplexer. done : pulses when memory has acknowledged the last burst of a tile.
    """

    MAX_BURST = 16
    BEATS = 32
    BURSTS = 16
    UNACKNOWLEDGED = 64

    def __init__(self, config, lanes):
        self.config, self.lanes = config, lanes
        super().__init__({
            "i": In(stream.Signature(WRITE_LAYOUT)),
            "data": In(stream.Signature(8 * lanes)),
            "port": Out(write_port(config)),
            "done": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.plan = plan = WritePlan(self.config, self.lanes, self.MAX_BURST)
        wiring.connect(m, wiring.flipped(self.i), plan.i)
        pushed = Signal()  # the packed beat leaves
        packed = self._pack(m, plan.o, pushed)
        self._buffer(m, packed, pushed)
        return m

    def _pack(self, m, plan, pushed):
        """The beat register: {valid, data, mask (a bit a vector), addr (in bytes), burst_ends, tile_ends}."""
        beat_bytes = self.config.axi_bytes
        slots, parts = max(1, beat_bytes // self.lanes), max(1, self.lanes // beat_bytes)
        lane_bits, beat_bits = bits_for(self.lanes), bits_for(beat_bytes)
        packed = Signal(data.StructLayout({
            "valid": 1, "data": 8 * beat_bytes, "mask": slots, "addr": 32, "burst_ends": 1, "tile_ends": 1}))
        part = Signal(range(max(2, parts)))  # of a vector wider than a beat
        opens = Signal(init=1)  # the next vector is the first of its beat
        free, step, part_ends = Signal(), Signal(), Signal()
        m.d.comb += [
            free.eq(plan.valid & (~packed.valid | pushed)), step.eq(free & self.data.valid),
            part_ends.eq(part == parts - 1),
            self.data.ready.eq(free & part_ends), plan.ready.eq(step & part_ends),
        ]
        here = plan.payload
        with m.If(pushed):
            m.d.sync += packed.valid.eq(0)
        with m.If(step):
            m.d.sync += [
                packed.valid.eq(here.beat_ends), packed.addr.eq(here.addr), opens.eq(here.beat_ends),
                packed.burst_ends.eq(here.burst_ends & part_ends), packed.tile_ends.eq(here.tile_ends & part_ends),
            ]
            if parts > 1:
                m.d.sync += [part.eq(part + 1), packed.addr[beat_bits:lane_bits].eq(part), packed.mask.eq(1),
                             packed.data.eq(self.data.payload.word_select(part, 8 * beat_bytes))]
            elif slots == 1:
                m.d.sync += [packed.mask.eq(1), packed.data.eq(self.data.payload)]
            else:
                slot = here.addr[lane_bits:beat_bits]
                m.d.sync += packed.mask.eq(Mux(opens, 0, packed.mask) | (Const(1, slots) << slot))
                m.d.sync += packed.data.word_select(slot, 8 * self.lanes).eq(self.data.payload)
        return packed

    def _buffer(self, m, packed, pushed):
        """FIFOs of beats, bursts and awaited responses; a burst is known when its last beat is pushed."""
        config = self.config
        slots, beat_bits = len(packed.mask), bits_for(config.axi_bytes)
        place_bits = bits_for(self.MAX_BURST)
        beat_layout = data.StructLayout({"data": 8 * config.axi_bytes, "mask": slots, "last": 1})
        burst_layout = data.StructLayout({"addr": 32 - beat_bits, "length": place_bits + 1})
        m.submodules.beats = beats = StreamFifo(beat_layout, self.BEATS)
        m.submodules.bursts = bursts = StreamFifo(burst_layout, self.BURSTS)
        m.submodules.awaited = awaited = StreamFifo(1, self.UNACKNOWLEDGED)  # does the burst end a tile?

        place = packed.addr[beat_bits:beat_bits + place_bits]
        first, continues, start = Signal(place_bits), Signal(), Signal(place_bits)  # place of the burst's first beat
        m.d.comb += [
            start.eq(Mux(continues, first, place)),
            pushed.eq(packed.valid & beats.i.ready & (~packed.burst_ends | (bursts.i.ready & awaited.i.ready))),
            beats.i.valid.eq(pushed), bursts.i.valid.eq(pushed & packed.burst_ends),
            awaited.i.valid.eq(pushed & packed.burst_ends),
            beats.i.payload.data.eq(packed.data), beats.i.payload.mask.eq(packed.mask),
            beats.i.payload.last.eq(packed.burst_ends), awaited.i.payload.eq(packed.tile_ends),
            bursts.i.payload.addr.eq(Cat(start, packed.addr[beat_bits + place_bits:])),
            bursts.i.payload.length.eq(place - start + 1),
        ]
        with m.If(pushed):
            m.d.sync += [continues.eq(~packed.burst_ends), first.eq(start)]

        request, out = self.port.request, self.port.data
        m.d.comb += [
            request.valid.eq(bursts.o.valid), bursts.o.ready.eq(request.ready),
            request.payload.addr.eq(bursts.o.payload.addr << beat_bits),
            request.payload.length.eq(bursts.o.payload.length),
            out.valid.eq(beats.o.valid), beats.o.ready.eq(out.ready), out.payload.data.eq(beats.o.payload.data),
            out.payload.strobe.eq(Cat(bit.replicate(config.axi_bytes // slots) for bit in beats.o.payload.mask)),
            out.payload.last.eq(beats.o.payload.last), awaited.o.ready.eq(self.port.response),
        ]
        m.d.sync += self.done.eq(self.port.response & awaited.o.payload)
