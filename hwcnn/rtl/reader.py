"""Reads from DRAM: runs of beats, and padded tiles of vectors."""

from amaranth import Module, Mux, Signal
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .bursts import BurstSplitter, linear_layout
from .fifo import StreamFifo
from .gearbox import Widen
from .layouts import READ_LAYOUT, read_port
from .walker import Walker


class LinearReader(wiring.Component):
    """Reads runs of consecutive beats; requests run ahead, into following runs too, as far as the FIFO has room.

    Latency: 2 cycles from `i` to ``port.request``, 2 from ``port.data`` to `o`. Throughput: one beat a cycle (a run of b bursts
    takes b cycles to request). A latency of up to `fifo_depth` - 2 * `max_burst` cycles is hidden. ``port.request`` comes from
    registers; ``i.ready`` depends combinationally on ``port.request.ready``.

    Parameters
    ----------
    config : AccelConfig.
    fifo_depth : beats in flight or waiting, a power of two.
    max_burst : longest burst; bursts are cut at multiples of it.
    count_bits : bits of ``n_beats``; default: enough for 4 GiB.
    eager : requests that about so many beats precede, in flight or waiting, are spare; None: no request is.

    Members
    -------
    i : stream of {addr, n_beats}. port : client of the read multiplexer. o : stream of beats.
    """

    def __init__(self, config, fifo_depth, max_burst, count_bits=None, eager=None):
        self.config, self.fifo_depth, self.max_burst, self.eager = config, fifo_depth, max_burst, eager
        self.count_bits = count_bits or 33 - bits_for(config.axi_bytes)
        super().__init__({
            "i": In(stream.Signature(linear_layout(self.count_bits))),
            "port": Out(read_port(config)),
            "o": Out(stream.Signature(8 * config.axi_bytes)),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.splitter = splitter = BurstSplitter(
            self.config, self.max_burst, self.count_bits, self.fifo_depth, self.eager)
        m.submodules.fifo = fifo = StreamFifo(8 * self.config.axi_bytes, self.fifo_depth, block=True)
        wiring.connect(m, wiring.flipped(self.i), splitter.i)
        wiring.connect(m, splitter.request, wiring.flipped(self.port.request))
        wiring.connect(m, wiring.flipped(self.port.data), fifo.i)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        m.d.comb += [splitter.freed.eq(fifo.o.valid & fifo.o.ready), self.port.spare.eq(splitter.spare)]
        return m


class Phase(enum.Enum, shape=2):
    """Where a loop is: in the padding before, in the tensor, or in the padding after."""

    BEFORE = 0
    INSIDE = 1
    AFTER = 2


class TileOrder(wiring.Component):
    """Says of each vector of a tile where it comes from.

    Latency: 2 cycles. Throughput: one vector a cycle, one idle cycle between tiles.

    Members
    -------
    i : stream of `layout`: counts and pads of `layouts.READ_LAYOUT`; ``start``, ``blk_step``, ``row_step``: the first
        vector's place in its beat and the change of it from block to block and from row to row, in vectors. The tile
        stays on the stream until its last vector is out.
    o : stream of `order_layout`: ``inside``: from a beat, from place ``sub``, with ``pop`` the last one from it;
        otherwise a pad of ``pad_value``. ``last`` ends the tile.
    """

    def __init__(self, per_beat):
        self.per_beat = per_beat
        place = bits_for(per_beat)
        self.layout = data.StructLayout({
            "start": place, "blk_step": place, "row_step": place, "n_blk": 16, "n_rows": 16, "n_cols": 16,
            "pad_top": 8, "pad_bottom": 8, "pad_left": 8, "pad_right": 8, "pad_value": 8})
        self.order_layout = data.StructLayout({"inside": 1, "sub": place, "pop": 1, "pad_value": 8, "last": 1})
        super().__init__({
            "i": In(stream.Signature(self.layout)),
            "o": Out(stream.Signature(self.order_layout)),
        })

    def elaborate(self, platform):
        m = Module()
        tile = self.i.payload
        running, step, row_ends, blk_ends = Signal(), Signal(), Signal(), Signal()
        column = _Span(m, "x", tile.pad_left, tile.n_cols, tile.pad_right)
        row = _Span(m, "y", tile.pad_top, tile.n_rows, tile.pad_bottom)
        blk, last_blk = Signal(16, init=1), Signal()  # from 1
        m.d.comb += [
            step.eq(running & (~self.o.valid | self.o.ready)),
            row_ends.eq(column.last), blk_ends.eq(column.last & row.last), last_blk.eq(blk == tile.n_blk),
            self.i.ready.eq(step & blk_ends & last_blk),
        ]
        with m.If(~running & self.i.valid):
            m.d.sync += [running.eq(1), column.restart(), row.restart()]
        with m.If(step):
            column.advance(m)
            with m.If(row_ends):
                row.advance(m)
            with m.If(blk_ends):
                m.d.sync += [blk.eq(Mux(last_blk, 1, blk + 1)), running.eq(~last_blk)]
        inside = (column.phase == Phase.INSIDE) & (row.phase == Phase.INSIDE)
        sub, full = self._place(m, step, inside, row_ends, blk_ends, row.phase == Phase.INSIDE, running)
        with m.If(~self.o.valid | self.o.ready):
            m.d.sync += self.o.valid.eq(running)
        with m.If(step):
            out = self.o.payload
            m.d.sync += [
                out.inside.eq(inside), out.sub.eq(sub), out.pop.eq(full | column.ends),
                out.pad_value.eq(tile.pad_value), out.last.eq(self.i.ready),
            ]
        return m

    def _place(self, m, step, inside, row_ends, blk_ends, row_inside, running):
        """(place in the beat of the vector at hand, whether it is the beat's last place)."""
        if self.per_beat == 1:
            return 0, 1
        tile = self.i.payload
        row_start, blk_start, sub = (Signal(range(self.per_beat), name=n) for n in ("row_start", "blk_start", "sub"))
        index = Signal.like(sub)
        m.d.comb += sub.eq(row_start + index)
        with m.If(~running):
            m.d.sync += [row_start.eq(tile.start), blk_start.eq(tile.start), index.eq(0)]
        with m.If(step):
            m.d.sync += index.eq(Mux(row_ends, 0, index + inside))
            with m.If(blk_ends):
                m.d.sync += [blk_start.eq(blk_start + tile.blk_step), row_start.eq(blk_start + tile.blk_step)]
            with m.Elif(row_ends & row_inside):
                m.d.sync += row_start.eq(row_start + tile.row_step)
        return sub, sub == self.per_beat - 1


class _Span:
    """A counter through `before` pads, `inside` (>= 1) items and `after` pads."""

    def __init__(self, m, name, before, inside, after):
        self.before = before
        self.phase = Signal(Phase, name=f"{name}_phase")
        self.at = Signal(16, name=f"{name}_at", init=1)  # in this phase, from 1
        self.ends, self.last = Signal(name=f"{name}_ends"), Signal(name=f"{name}_last")  # of the phase, of all
        length = Signal(16, name=f"{name}_length")
        with m.Switch(self.phase):
            for phase, count in zip(Phase, (before, inside, after)):
                with m.Case(phase):
                    m.d.comb += length.eq(count)
        m.d.comb += [
            self.ends.eq(self.at == length),
            self.last.eq(self.ends & ((self.phase == Phase.AFTER) | ((self.phase == Phase.INSIDE) & (after == 0)))),
        ]

    def restart(self):
        """The statement with which a span begins."""
        return self.phase.eq(Mux(self.before != 0, Phase.BEFORE, Phase.INSIDE))

    def advance(self, m):
        m.d.sync += self.at.eq(Mux(self.ends, 1, self.at + 1))
        with m.If(self.last):
            m.d.sync += self.restart()
        with m.Elif(self.ends):
            m.d.sync += self.phase.eq(Mux(self.phase == Phase.BEFORE, Phase.INSIDE, Phase.AFTER))


class VectorReader(wiring.Component):
    """Reads tiles ``[n_blk][n_rows][n_cols]`` of vectors of L bytes, and adds the padding.

    Vectors come in the order block, row, column, pads included. Each row is read for itself (a beat that holds the end
    of a row and the start of the next is read twice). Requests run ahead of the data, into following tiles too (up to
    five tiles in flight), as far as the FIFO has room; pads need no bus.

    Latency: 4 cycles from `i` to ``port.request``, 3 from ``port.data`` to `o` (4 if L > axi_bytes), 5 from `i` to a
    pad. Throughput: one vector a cycle (L <= axi_bytes; else one beat a cycle), with no idle cycle between rows and one
    between tiles. A row of b bursts takes b cycles to request (bursts are cut at multiples of `MAX_BURST` beats), and a
    tile 2 more. A memory latency of up to `fifo_depth` - `MAX_BURST` cycles is hidden where rows fill whole beats. No
    output depends combinationally on an input.

    Parameters
    ----------
    config : AccelConfig. fifo_depth : beats in flight or waiting, a power of two, at least `MAX_BURST`.

    Members
    -------
    i : stream of `layouts.READ_LAYOUT`; addr and strides are multiples of L.
    port : client of the read multiplexer.
    o : stream of L bytes, lane 0 lowest. last : with ``o``: the last vector of its tile.
    """

    MAX_BURST = 16
    TILES = 4

    def __init__(self, config, fifo_depth):
        self.config, self.fifo_depth = config, fifo_depth
        super().__init__({
            "i": In(stream.Signature(READ_LAYOUT)),
            "port": Out(read_port(config)),
            "o": Out(stream.Signature(8 * config.lanes)),
            "last": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        lanes, beat = self.config.lanes, self.config.axi_bytes
        per_beat, per_vector = max(1, beat // lanes), max(1, lanes // beat)
        lane_bits, beat_bits = bits_for(lanes), bits_for(beat)
        m.submodules.rows = rows = Walker([(24 - lane_bits, 16), (32 - lane_bits, 16)], 32 - lane_bits)
        m.submodules.reader = reader = LinearReader(self.config, self.fifo_depth, self.MAX_BURST,
                                                    count_bits=17 + bits_for(per_vector))
        m.submodules.order = order = TileOrder(per_beat)
        m.submodules.tiles = tiles = StreamFifo(order.layout, self.TILES)
        wiring.connect(m, reader.port, wiring.flipped(self.port))
        wiring.connect(m, tiles.o, order.i)
        self._split(m, rows, tiles, order.layout)

        # Vectors of a row, and the places before the first in its first beat, in whole beats.
        places = Signal(17)
        with m.If(self.i.ready):
            m.d.sync += places.eq(self.i.payload.n_cols + (per_beat - 1))
        beats = places
        if per_beat > 1:
            beats = (places + rows.o.payload.addr[:beat_bits - lane_bits]) >> bits_for(per_beat)
        m.d.comb += [
            reader.i.valid.eq(rows.o.valid), rows.o.ready.eq(reader.i.ready),
            reader.i.payload.addr.eq(rows.o.payload.addr << lane_bits),
            reader.i.payload.n_beats.eq(beats * per_vector),
        ]
        self._output(m, self._beats(m, reader.o, per_vector), order.o)
        return m

    def _split(self, m, rows, tiles, layout):
        """A tile goes to the address side and to the data side in the same cycle."""
        i, lane_bits = self.i.payload, bits_for(self.config.lanes)
        m.d.comb += [
            self.i.ready.eq(rows.i.ready & tiles.i.ready),
            rows.i.valid.eq(self.i.valid & tiles.i.ready), tiles.i.valid.eq(self.i.valid & rows.i.ready),
            rows.i.payload.addr.eq(i.addr[lane_bits:]),
            rows.i.payload.s0.eq(i.row_stride[lane_bits:]), rows.i.payload.n0.eq(i.n_rows),
            rows.i.payload.s1.eq(i.blk_stride[lane_bits:]), rows.i.payload.n1.eq(i.n_blk),
            tiles.i.payload.start.eq(i.addr[lane_bits:]), tiles.i.payload.blk_step.eq(i.blk_stride[lane_bits:]),
            tiles.i.payload.row_step.eq(i.row_stride[lane_bits:]),
        ]
        same = set(layout.members) - {"start", "blk_step", "row_step"}
        m.d.comb += [tiles.i.payload[name].eq(i[name]) for name in sorted(same)]

    def _beats(self, m, beats, per_vector):
        """The stream that vectors are cut from: beats, or whole vectors where these are wider."""
        if per_vector == 1:
            return beats
        m.submodules.widen = widen = Widen(8 * self.config.axi_bytes, per_vector)
        wiring.connect(m, beats, widen.i)
        return widen.o

    def _output(self, m, beats, order):
        """The output register: the ordered place of a beat, or a pad."""
        width = 8 * self.config.lanes
        here = order.payload
        free, step = Signal(), Signal()
        m.d.comb += [
            free.eq(~self.o.valid | self.o.ready),
            step.eq(free & order.valid & (~here.inside | beats.valid)),
            order.ready.eq(step), beats.ready.eq(step & here.inside & here.pop),
        ]
        with m.If(free):
            m.d.sync += self.o.valid.eq(step)
        with m.If(step):
            m.d.sync += [
                self.last.eq(here.last),
                self.o.payload.eq(Mux(here.inside, beats.payload.word_select(here.sub, width),
                                      here.pad_value.replicate(self.config.lanes))),
            ]
