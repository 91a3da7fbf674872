"""Writes of tiles of vectors to DRAM."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .fifo import StreamFifo
from .layouts import WRITE_LAYOUT, write_port
from .walker import Walker


class Writer(wiring.Component):
    """Writes tiles ``[n_blk][out_rows][out_cols]`` of vectors of `lanes` bytes at any strides.

    Vectors that share a beat are packed into it, and beats that follow each other, across rows too, make bursts of up
    to `MAX_BURST` beats (cut at multiples of it, so within 4 KiB). Nothing is written between vectors (strobe 0). A
    burst is requested when all its beats are buffered. Tiles complete in order, and follow each other without waiting
    for memory; up to `UNACKNOWLEDGED` bursts, of any number of tiles, may await their responses.

    Latency: 2 cycles from `i` to the first ``data.ready``, 3 from a burst's last vector to ``port.request``, 1 from the
    last ``port.response`` to `done`. Throughput: one vector a cycle, also from row to row (lanes <= axi_bytes; else one
    beat a cycle); two idle cycles between tiles. No output depends combinationally on an input.

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
        room = Signal()  # for a beat, and for the burst that it may end
        packed, burst_ends, pushed = self._pack(m, self._walk(m), room)
        self._buffer(m, packed, burst_ends, pushed, room)
        return m

    def _walk(self, m):
        """The stream of the vectors' addresses, in vectors."""
        unit = bits_for(self.lanes)
        m.submodules.walker = walker = Walker([(16 - unit, 16), (24 - unit, 16), (32 - unit, 16)], 32 - unit)
        i, nest = self.i.payload, walker.i.payload
        m.d.comb += [
            walker.i.valid.eq(self.i.valid), self.i.ready.eq(walker.i.ready), nest.addr.eq(i.out_addr[unit:]),
            nest.s0.eq(i.out_pix_stride[unit:]), nest.n0.eq(i.out_cols),
            nest.s1.eq(i.out_row_stride[unit:]), nest.n1.eq(i.out_rows),
            nest.s2.eq(i.out_blk_stride[unit:]), nest.n2.eq(i.n_blk),
        ]
        return walker.o

    def _pack(self, m, ahead, room):
        """Gathers vectors in the beat register until the address that is `ahead` is in another beat.

        Returns (the register: {data, mask (a bit a vector), addr (in beats), tile_ends}, its burst ends, it leaves).
        """
        beat_bytes = self.config.axi_bytes
        slots, parts = max(1, beat_bytes // self.lanes), max(1, self.lanes // beat_bytes)
        beat_bits, place_bits = bits_for(beat_bytes), bits_for(self.MAX_BURST)
        packed = Signal(data.StructLayout({
            "data": 8 * beat_bytes, "mask": slots, "addr": 32 - beat_bits, "tile_ends": 1}))
        full, part_ends, same_beat, follows = Signal(), Signal(init=1), Signal(), Signal()
        step, pushed, burst_ends = Signal(), Signal(), Signal()
        next_beat = Signal(32 - beat_bits)
        place, next_place = packed.addr[:place_bits], next_beat[:place_bits]
        same_chunk = packed.addr[place_bits:] == next_beat[place_bits:]
        m.d.comb += [
            follows.eq(same_chunk & (place + 1 == next_place)),
            burst_ends.eq(packed.tile_ends | ~follows),
            pushed.eq(full & (packed.tile_ends | (ahead.valid & ~same_beat)) & room),
            self.data.ready.eq(ahead.valid & part_ends & (~full | same_beat | pushed)),
            step.eq(self.data.valid & ahead.valid & (~full | same_beat | pushed)),
            ahead.ready.eq(step & part_ends),
        ]
        with m.If(pushed):
            m.d.sync += full.eq(0)
        with m.If(step):
            m.d.sync += [full.eq(1), packed.addr.eq(next_beat), packed.tile_ends.eq(ahead.payload.last & part_ends)]
        if parts > 1:
            part = Signal(range(parts))
            m.d.comb += [next_beat.eq(Cat(part, ahead.payload.addr)), part_ends.eq(part == parts - 1)]
            with m.If(step):
                m.d.sync += [part.eq(part + 1), packed.mask.eq(1),
                             packed.data.eq(self.data.payload.word_select(part, 8 * beat_bytes))]
        elif slots > 1:
            slot = ahead.payload.addr[:bits_for(slots)]
            m.d.comb += [next_beat.eq(ahead.payload.addr[bits_for(slots):]),
                         same_beat.eq(same_chunk & (place == next_place) & ~packed.tile_ends)]
            with m.If(step):
                m.d.sync += packed.mask.eq(Mux(full & same_beat, packed.mask, 0) | (Const(1, slots) << slot))
                m.d.sync += packed.data.word_select(slot, 8 * self.lanes).eq(self.data.payload)
        else:
            m.d.comb += next_beat.eq(ahead.payload.addr)
            with m.If(step):
                m.d.sync += [packed.mask.eq(1), packed.data.eq(self.data.payload)]
        return packed, burst_ends, pushed

    def _buffer(self, m, packed, burst_ends, pushed, room):
        """FIFOs of beats, bursts and awaited responses; a burst is known when its last beat is pushed."""
        config = self.config
        slots, beat_bits = len(packed.mask), bits_for(config.axi_bytes)
        place_bits = bits_for(self.MAX_BURST)
        beat_layout = data.StructLayout({"data": 8 * config.axi_bytes, "mask": slots, "last": 1})
        burst_layout = data.StructLayout({"addr": 32 - beat_bits, "length": place_bits + 1})
        m.submodules.beats = beats = StreamFifo(beat_layout, self.BEATS, block=True)
        m.submodules.bursts = bursts = StreamFifo(burst_layout, self.BURSTS, block=True)
        m.submodules.awaited = awaited = StreamFifo(1, self.UNACKNOWLEDGED)  # does the burst end a tile?

        place = packed.addr[:place_bits]
        first, continues, start = Signal(place_bits), Signal(), Signal(place_bits)  # place of the burst's first beat
        m.d.comb += [
            start.eq(Mux(continues, first, place)),
            room.eq(beats.i.ready & bursts.i.ready & awaited.i.ready),
            beats.i.valid.eq(pushed), bursts.i.valid.eq(pushed & burst_ends), awaited.i.valid.eq(pushed & burst_ends),
            beats.i.payload.data.eq(packed.data), beats.i.payload.mask.eq(packed.mask),
            beats.i.payload.last.eq(burst_ends), awaited.i.payload.eq(packed.tile_ends),
            bursts.i.payload.addr.eq(Cat(start, packed.addr[place_bits:])),
            bursts.i.payload.length.eq(place - start + 1),
        ]
        with m.If(pushed):
            m.d.sync += [continues.eq(~burst_ends), first.eq(start)]

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
