"""Writes of tiles of vectors to DRAM."""

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.layouts import WRITE_LAYOUT, write_port
from hwcnn.rtl.lib.delay import output_register
from hwcnn.rtl.lib.fifo import SkidBuffer, StreamFifo
from hwcnn.rtl.lib.walker import Walker


class Writer(wiring.Component):
    """Writes tiles ``[n_blk][out_rows][out_cols]`` of vectors of `lanes` bytes at any strides.

    Vectors that share a beat are packed into it, and beats that follow each other, across rows too,
    make bursts of up to `MAX_BURST` beats (cut at multiples of it, so within 4 KiB). Nothing is
    written between vectors (strobe 0). A burst is requested when all its beats are buffered. Tiles
    complete in order, and follow each other without waiting for memory; up to `UNACKNOWLEDGED`
    bursts, of any number of tiles, may await their responses.

    Addresses run ahead of the data, so that it is known of each vector what it ends when it comes.

    Latency: 4 cycles from `i` to the first ``data.ready`` (5 if there is more than one vector), 2
    from a burst's last vector to ``port.request``, 1 from the last ``port.response`` to `done`.
    Throughput: one vector a cycle, also from row to row (lanes <= axi_bytes; else one beat a
    cycle); one idle cycle between tiles. No output depends combinationally on an input.

    Parameters
    ----------
    config : AccelConfig. lanes : bytes in a vector, a power of two.

    Members
    -------
    i : stream of `layouts.WRITE_LAYOUT`, addresses and strides multiples of `lanes`.
    data : stream of vectors, in the order block, row, column, byte 0 lowest.
    port : client of the write multiplexer. done : pulses when memory has acknowledged the last
    burst of a tile.
    """

    BEATS = 32
    BURSTS = 16
    UNACKNOWLEDGED = 64

    def __init__(self, config: AccelConfig, lanes: int) -> None:
        self.config, self.lanes = config, lanes
        self.vectors_per_beat, self.beats_per_vector = (
            max(1, config.axi_bytes // lanes),
            max(1, lanes // config.axi_bytes),
        )
        super().__init__(
            {
                "i": In(stream.Signature(WRITE_LAYOUT)),
                "data": In(stream.Signature(8 * lanes)),
                "port": Out(write_port(config)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        places, bursts = self._plan(m, self._walk(m))
        beats, burst_pushed = self._pack(m, places)
        self._request(m, bursts, beats, burst_pushed)
        return m

    def _walk(self, m: Module) -> stream.Interface:
        """The stream of the vectors' addresses, in vectors."""
        unit = bits_for(self.lanes)
        m.submodules.walker = walker = Walker(
            [(16 - unit, 16), (24 - unit, 16), (32 - unit, 16)], 32 - unit
        )
        i, nest = self.i.payload, walker.i.payload
        m.d.comb += [
            walker.i.valid.eq(self.i.valid),
            self.i.ready.eq(walker.i.ready),
            nest.addr.eq(i.out_addr[unit:]),
            nest.s0.eq(i.out_pix_stride[unit:]),
            nest.n0.eq(i.out_cols),
            nest.s1.eq(i.out_row_stride[unit:]),
            nest.n1.eq(i.out_rows),
            nest.s2.eq(i.out_blk_stride[unit:]),
            nest.n2.eq(i.n_blk),
        ]
        m.submodules.vectors = vectors = SkidBuffer(walker.o.payload.shape())
        wiring.connect(m, walker.o, vectors.i)
        return vectors.o

    def _plan(
        self, m: Module, ahead: stream.Interface
    ) -> tuple[stream.Interface, stream.Interface]:
        """Compares each vector's address with the next one's, which is `ahead`.

        Returns the streams of the vectors' places and of the bursts that they make; a burst comes
        when its last vector's place does, whether the data is there or not.
        """
        per_beat, per_vector = self.vectors_per_beat, self.beats_per_vector
        place_bits = bits_for(MAX_BURST)
        beat_bits = 32 - bits_for(self.config.axi_bytes)
        here, here_valid = Signal.like(ahead.payload, reset_less=True), Signal()
        known, step = Signal(), Signal()  # known: so is the next

        def beats(addr: Value) -> tuple[Value, Value]:
            """The first and the last beat of the vector at `addr`."""
            if per_vector > 1:
                bits = bits_for(per_vector)
                return Cat(Const(0, bits), addr), Cat(Const(per_vector - 1, bits), addr)
            beat = addr[bits_for(per_beat) :] if per_beat > 1 else addr
            return beat, beat

        (first, last), (next_first, _) = beats(here.addr), beats(ahead.payload.addr)
        same_chunk = first[place_bits:] == next_first[place_bits:]
        same_beat = (
            same_chunk & (first[:place_bits] == next_first[:place_bits])
            if per_beat > 1
            else Const(0)
        )
        follows = same_chunk & (last[:place_bits] + 1 == next_first[:place_bits])
        burst_ends = here.last | ~(same_beat | follows)

        m.submodules.places = places = SkidBuffer(
            data.StructLayout(
                {"slot": bits_for(per_beat), "beat_ends": 1, "burst_ends": 1, "tile_ends": 1}
            )
        )
        layout = data.StructLayout({"addr": beat_bits, "length": place_bits + 1})
        burst = stream.Signature(layout).create()
        m.submodules.bursts = bursts = StreamFifo(burst.payload.shape(), self.BURSTS, block=True)
        wiring.connect(m, burst, bursts.i)
        made = output_register(m, burst.payload)
        can_push = Signal()  # two more bursts fit: one can be on its way in
        m.d.sync += can_push.eq(bursts.level < bursts.depth - 1)
        m.d.comb += [
            known.eq(here_valid & (here.last | ahead.valid)),
            places.i.valid.eq(known & can_push),
            step.eq(places.i.valid & places.i.ready),
            ahead.ready.eq(~here_valid | step),
            places.i.payload.slot.eq(here.addr if per_beat > 1 else 0),
            places.i.payload.beat_ends.eq(here.last | ~same_beat),
            places.i.payload.burst_ends.eq(burst_ends),
            places.i.payload.tile_ends.eq(here.last),
        ]
        with m.If(ahead.ready):
            m.d.sync += [here.eq(ahead.payload), here_valid.eq(ahead.valid)]

        self._burst(m, burst.valid, made, first, last, burst_ends, step)
        return places.o, bursts.o

    def _burst(
        self,
        m: Module,
        valid: Value,
        burst: data.View,
        first: Value,
        last: Value,
        ends: Value,
        step: Value,
    ) -> None:
        """The burst up to the vector at hand.

        valid, burst : {addr, length}; driven. first, last : beats of the vector at hand. ends : it
        is the burst's last. step : it is planned in this cycle.
        """
        place_bits = bits_for(MAX_BURST)
        # place of the burst's first beat
        start, earlier, continues = (
            Signal(place_bits),
            Signal(place_bits, reset_less=True),
            Signal(),
        )
        m.d.comb += start.eq(Mux(continues, earlier, first[:place_bits]))
        with m.If(step):
            m.d.sync += [continues.eq(~ends), earlier.eq(start)]
        m.d.sync += [
            valid.eq(step & ends),
            burst.addr.eq(Cat(start, first[place_bits:])),
            burst.length.eq(last[:place_bits] - start + 1),
        ]

    def _pack(self, m: Module, places: stream.Interface) -> tuple[stream.Interface, Value]:
        """Gathers vectors in a beat's register until it is complete.

        Returns (stream of beats, whether a burst's last one is pushed into their FIFO). `done`
        follows from the FIFO of awaited responses, which is filled here.
        """
        beat_bytes, per_beat, per_vector = (
            self.config.axi_bytes,
            self.vectors_per_beat,
            self.beats_per_vector,
        )
        layout = data.StructLayout({"data": 8 * beat_bytes, "mask": per_beat, "last": 1})
        m.submodules.beats = beats = StreamFifo(layout, self.BEATS, block=True)
        # does the burst end a tile?
        m.submodules.awaited = awaited = StreamFifo(1, self.UNACKNOWLEDGED)
        packed, tile_ends = Signal(layout, reset_less=True), Signal(reset_less=True)
        complete, fresh = Signal(), Signal(init=1)  # the beat leaves; the next vector begins a beat
        can_push, step, pushed, part_ends = Signal(), Signal(), Signal(), Signal(init=1)
        place = places.payload
        m.d.comb += [
            can_push.eq(~complete | (beats.i.ready & awaited.i.ready)),
            pushed.eq(complete & can_push),
            self.data.ready.eq(places.valid & part_ends & can_push),
            step.eq(self.data.valid & places.valid & can_push),
            places.ready.eq(self.data.valid & part_ends & can_push),
            beats.i.valid.eq(complete & awaited.i.ready),
            beats.i.payload.eq(packed),
            awaited.i.valid.eq(complete & beats.i.ready & packed.last),
            awaited.i.payload.eq(tile_ends),
            awaited.o.ready.eq(self.port.response),
        ]
        m.d.sync += self.done.eq(self.port.response & awaited.o.payload)
        with m.If(can_push):
            m.d.sync += complete.eq(step & place.beat_ends)
        with m.If(step):
            m.d.sync += [
                fresh.eq(place.beat_ends),
                packed.last.eq(place.burst_ends & part_ends),
                tile_ends.eq(place.tile_ends),
                packed.mask.eq(Mux(fresh, 0, packed.mask) | (Const(1, per_beat) << place.slot)),
            ]
        if per_vector > 1:
            part = Signal(range(per_vector))
            m.d.comb += part_ends.eq(part == per_vector - 1)
            with m.If(step):
                m.d.sync += [
                    part.eq(part + 1),
                    packed.data.eq(self.data.payload.word_select(part, 8 * beat_bytes)),
                ]
        else:
            m.d.comb += part_ends.eq(1)
            with m.If(step):
                m.d.sync += packed.data.word_select(place.slot, 8 * self.lanes).eq(
                    self.data.payload
                )
        return beats.o, pushed & packed.last

    def _request(
        self, m: Module, bursts: stream.Interface, beats: stream.Interface, burst_pushed: Value
    ) -> None:
        """Requests the bursts whose beats are all buffered."""
        # such bursts; whole is not 0
        whole, any_whole, requested = Signal(range(self.BEATS + 2)), Signal(), Signal()
        request, out, axi_bytes = self.port.request, self.port.data, self.config.axi_bytes
        m.d.comb += [
            request.valid.eq(bursts.valid & any_whole),
            requested.eq(request.valid & request.ready),
            bursts.ready.eq(request.ready & any_whole),
            request.payload.addr.eq(bursts.payload.addr << bits_for(axi_bytes)),
            request.payload.length.eq(bursts.payload.length),
            out.valid.eq(beats.valid),
            beats.ready.eq(out.ready),
            out.payload.data.eq(beats.payload.data),
            out.payload.strobe.eq(
                Cat(bit.replicate(axi_bytes // self.vectors_per_beat) for bit in beats.payload.mask)
            ),
            out.payload.last.eq(beats.payload.last),
        ]
        m.d.sync += [
            whole.eq(whole + burst_pushed - requested),
            any_whole.eq(burst_pushed | (any_whole & ~(requested & (whole == 1)))),
        ]
