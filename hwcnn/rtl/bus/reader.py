"""Reads from DRAM: runs of beats, and padded tiles of vectors."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.layouts import READ_LAYOUT, read_port
from hwcnn.rtl.lib.delay import output_register
from hwcnn.rtl.lib.fifo import StreamFifo
from hwcnn.rtl.lib.gearbox import Widen
from hwcnn.rtl.lib.walker import Walker

from .bursts import BurstSplitter, linear_layout
from .tile_order import TileOrder, order_flags


class LinearReader(wiring.Component):
    """Reads runs of consecutive beats; requests run ahead, into following runs too, as far as the
    FIFO has room.

    Latency: 2 cycles from `i` to ``port.request``, 2 from ``port.data`` to `o`. Throughput: one
    beat a cycle (a run of b bursts takes 2b cycles to request). A latency of up to `fifo_depth` - 2
    * `max_burst` cycles is hidden. ``port.request`` and ``i.ready`` come from registers.

    Parameters
    ----------
    config : AccelConfig.
    fifo_depth : beats in flight or waiting, a power of two.
    max_burst : longest burst; bursts are cut at multiples of it.
    count_bits : bits of ``n_beats``; default: enough for 4 GiB.
    eager : requests that so many beats, in flight or waiting, precede have low priority; None: no
    request is.

    Members
    -------
    i : stream of {addr, n_beats}. port : client of the read multiplexer. o : stream of beats.
    """

    def __init__(
        self,
        config: AccelConfig,
        fifo_depth: int,
        max_burst: int,
        count_bits: int | None = None,
        eager: int | None = None,
    ) -> None:
        self.config, self.fifo_depth, self.max_burst, self.eager = (
            config,
            fifo_depth,
            max_burst,
            eager,
        )
        self.count_bits = count_bits or 33 - bits_for(config.axi_bytes)
        super().__init__(
            {
                "i": In(stream.Signature(linear_layout(self.count_bits))),
                "port": Out(read_port(config)),
                "o": Out(stream.Signature(8 * config.axi_bytes)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.splitter = splitter = BurstSplitter(
            self.config, self.max_burst, self.count_bits, self.fifo_depth, self.eager
        )
        m.submodules.fifo = fifo = StreamFifo(
            8 * self.config.axi_bytes, self.fifo_depth, block=True
        )
        wiring.connect(m, wiring.flipped(self.i), splitter.i)
        wiring.connect(m, splitter.request, wiring.flipped(self.port.request))
        wiring.connect(m, wiring.flipped(self.port.data), fifo.i)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        m.d.comb += [
            splitter.freed.eq(fifo.o.valid & fifo.o.ready),
            self.port.low_priority.eq(splitter.low_priority),
        ]
        return m


class VectorReader(wiring.Component):
    """Reads tiles ``[n_blk][n_rows][n_cols]`` of vectors of L bytes, and adds the padding.

    Vectors come in the order block, row, column, pads included. Each row is read for itself (a beat
    that holds the end of a row and the start of the next is read twice). Requests run ahead of the
    data, into following tiles too (up to five tiles in flight), as far as the FIFO has room; pads
    need no bus.

    Latency: 3 cycles from `i` to ``port.request``, 3 from ``port.data`` to `o` (4 if L > axi_bytes;
    where L >= axi_bytes one less without pads), 5 from `i` to a pad. Throughput: one vector a cycle
    (L <= axi_bytes; else one beat a cycle), with no idle cycle between rows and one between tiles.
    A row of b bursts takes 2b cycles to request (bursts are cut at multiples of `MAX_BURST` beats).
    A memory latency of up to `fifo_depth` - 2 * `MAX_BURST` cycles is hidden where rows fill whole
    beats. No output depends combinationally on an input.

    Parameters
    ----------
    config : AccelConfig. fifo_depth : beats in flight or waiting, a power of two, at least
    `MAX_BURST`.
    padded : without, tiles have no pads (the fields of pads are ignored), and there is no `last`.

    Members
    -------
    i : stream of `layouts.READ_LAYOUT`; addr and strides are multiples of L.
    port : client of the read multiplexer.
    o : stream of L bytes, lane 0 lowest. last : with ``o``: the last vector of its tile.
    """

    TILES = 4

    def __init__(self, config: AccelConfig, fifo_depth: int, padded: bool = True) -> None:
        self.config, self.fifo_depth, self.padded = config, fifo_depth, padded
        super().__init__(
            {
                "i": In(stream.Signature(READ_LAYOUT)),
                "port": Out(read_port(config)),
                "o": Out(stream.Signature(8 * config.lanes)),
            }
            | ({"last": Out(1)} if padded else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes, beat = self.config.lanes, self.config.axi_bytes
        per_beat, per_vector = max(1, beat // lanes), max(1, lanes // beat)
        lane_bits, beat_bits = bits_for(lanes), bits_for(beat)
        m.submodules.rows = rows = Walker(
            [(24 - lane_bits, 16), (32 - lane_bits, 16)], 32 - lane_bits
        )
        m.submodules.reader = reader = LinearReader(
            self.config, self.fifo_depth, MAX_BURST, count_bits=17 + bits_for(per_vector)
        )
        wiring.connect(m, reader.port, wiring.flipped(self.port))
        i = self.i.payload
        m.d.comb += [
            rows.i.payload.addr.eq(i.addr[lane_bits:]),
            rows.i.payload.s0.eq(i.row_stride[lane_bits:]),
            rows.i.payload.n0.eq(i.n_rows),
            rows.i.payload.s1.eq(i.blk_stride[lane_bits:]),
            rows.i.payload.n1.eq(i.n_blk),
        ]

        # Vectors of a row, and the places before the first in its first beat, in whole beats.
        places = Signal(17, reset_less=True)
        with m.If(self.i.ready):
            m.d.sync += places.eq(i.n_cols + (per_beat - 1))
        beats = places
        if per_beat > 1:
            beats = (places + rows.o.payload.addr[: beat_bits - lane_bits]) >> bits_for(per_beat)
        m.d.comb += [
            reader.i.valid.eq(rows.o.valid),
            rows.o.ready.eq(reader.i.ready),
            reader.i.payload.addr.eq(rows.o.payload.addr << lane_bits),
            reader.i.payload.n_beats.eq(beats * per_vector),
        ]
        data_side = self._beats(m, reader.o, per_vector)
        if self.padded or per_beat > 1:
            self._output(m, data_side, self._order(m, rows, per_beat))
        else:
            m.d.comb += [self.i.ready.eq(rows.i.ready), rows.i.valid.eq(self.i.valid)]
            wiring.connect(m, data_side, wiring.flipped(self.o))
        return m

    def _order(self, m: Module, rows: Walker, per_beat: int) -> stream.Interface:
        """A tile goes to the address side and to the data side in the same cycle; returns the order
        of its vectors there.
        """
        m.submodules.order = order = TileOrder(per_beat, self.padded)
        m.submodules.tiles = tiles = StreamFifo(order.layout, self.TILES)
        wiring.connect(m, tiles.o, order.i)
        i, tile, lane_bits = self.i.payload, tiles.i.payload, bits_for(self.config.lanes)
        m.d.comb += [
            self.i.ready.eq(rows.i.ready & tiles.i.ready),
            rows.i.valid.eq(self.i.valid & tiles.i.ready),
            tiles.i.valid.eq(self.i.valid & rows.i.ready),
            tile.start.eq(i.addr[lane_bits:]),
            tile.blk_step.eq(i.blk_stride[lane_bits:]),
            tile.row_step.eq(i.row_stride[lane_bits:]),
        ]
        flags = order_flags(i, self.padded)
        m.d.comb += [tile[name].eq(bit) for name, bit in flags.items()]
        same = set(order.layout.members) - {"start", "blk_step", "row_step"} - set(flags)
        m.d.comb += [tile[name].eq(i[name]) for name in sorted(same)]
        return order.o

    def _beats(self, m: Module, beats: stream.Interface, per_vector: int) -> stream.Interface:
        """The stream that vectors are cut from: beats, or whole vectors where these are wider."""
        if per_vector == 1:
            return beats
        m.submodules.widen = widen = Widen(8 * self.config.axi_bytes, per_vector)
        wiring.connect(m, beats, widen.i)
        return widen.o

    def _output(self, m: Module, beats: stream.Interface, order: stream.Interface) -> None:
        """The output register: the ordered place of a beat, or a pad."""
        here = order.payload
        inside = here.inside if self.padded else Const(1)
        vector = beats.payload.word_select(here.sub, 8 * self.config.lanes)
        free, step = Signal(), Signal()
        payload = output_register(m, self.o.payload)
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            step.eq(free & order.valid & (~inside | beats.valid)),
            order.ready.eq(free & (~inside | beats.valid)),
            beats.ready.eq(free & order.valid & here.pop),
        ]
        with m.If(free):
            m.d.sync += self.o.valid.eq(step)
        if self.padded:
            last, vector = (
                output_register(m, self.last),
                Mux(inside, vector, here.pad_value.replicate(self.config.lanes)),
            )
            with m.If(step):
                m.d.sync += last.eq(here.last)
        with m.If(step):
            m.d.sync += payload.eq(vector)
