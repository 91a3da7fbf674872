"""Reads from DRAM: runs of beats, and padded tiles of vectors."""

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import bits_for
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.layouts import READ_LAYOUT, read_port
from hwcnn.rtl.lib.delay import output_register
from hwcnn.rtl.lib.fifo import SkidBuffer, StreamFifo
from hwcnn.rtl.lib.gearbox import Widen
from hwcnn.rtl.lib.loop_counter import InlineLoopCounter
from hwcnn.rtl.lib.walker import Walker

from .bursts import BurstSplitter, linear_layout


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
    eager : requests that about so many beats precede, in flight or waiting, are spare; None: no
    request is.

    Members
    -------
    i : stream of {addr, n_beats}. port : client of the read multiplexer. o : stream of beats.
    """

    def __init__(self, config, fifo_depth, max_burst, count_bits=None, eager=None):
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

    def elaborate(self, platform):
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
            self.port.spare.eq(splitter.spare),
        ]
        return m


#: The fields of the pads and items of a row and of a column, and what a tile order wants to know of
#: them: of items, of pads.
_SPANS = {"x": ("pad_left", "n_cols", "pad_right"), "y": ("pad_top", "n_rows", "pad_bottom")}
_FLAGS = {"one": (1, 1)}
_PAD_FLAGS = {"no_before": (0, 0), "one_before": (0, 1), "no_after": (2, 0), "one_after": (2, 1)}


def order_flags(tile, padded):
    """``{name: bit}``: the bits of `TileOrder.layout` that follow from the fields of a tile."""
    flags = _FLAGS | _PAD_FLAGS if padded else _FLAGS
    return {
        f"{name}_{bit}": tile[fields[which]] == value
        for name, fields in _SPANS.items()
        for bit, (which, value) in flags.items()
    } | {"one_blk": tile.n_blk == 1}


class TileOrder(wiring.Component):
    """Says of each vector of a tile where it comes from.

    Latency: 2 cycles. Throughput: one vector a cycle, one idle cycle between tiles. All of `o`
    comes from registers.

    Parameters
    ----------
    per_beat : vectors of a beat. padded : tiles may have pads; without, the layouts have no fields
    for them, nor ``last``.

    Members
    -------
    i : stream of `layout`: counts and pads of `layouts.READ_LAYOUT`, and bits that say which of
    these are 0 or 1; ``start``,
        ``blk_step``, ``row_step``: the first vector's place in its beat and the change of it from
        block to block and from row to row, in vectors. The tile stays on the stream until its last
        vector is out.
    o : stream of `order_layout`: ``inside``: from a beat, from place ``sub``, ``pop``: the last one
    from it;
        otherwise a pad of ``pad_value``. ``last`` ends the tile.
    """

    def __init__(self, per_beat, padded=True):
        self.per_beat, self.padded = per_beat, padded
        place = bits_for(per_beat)
        pads = (
            dict.fromkeys(("pad_top", "pad_bottom", "pad_left", "pad_right", "pad_value"), 8)
            if padded
            else {}
        )
        flags = dict.fromkeys(order_flags(Signal(READ_LAYOUT), padded), 1)
        self.layout = data.StructLayout(
            {
                "start": place,
                "blk_step": place,
                "row_step": place,
                "n_blk": 16,
                "n_rows": 16,
                "n_cols": 16,
            }
            | pads
            | flags
        )
        self.order_layout = data.StructLayout(
            {"sub": place, "pop": 1} | ({"inside": 1, "pad_value": 8, "last": 1} if padded else {})
        )
        super().__init__(
            {
                "i": In(stream.Signature(self.layout)),
                "o": Out(stream.Signature(self.order_layout)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.out = out = SkidBuffer(self.order_layout)
        wiring.connect(m, out.o, wiring.flipped(self.o))
        tile, running = self.i.payload, Signal()
        starts, row_ends, blk_ends, tile_ends = (
            Signal(name=n) for n in ("starts", "row_ends", "blk_ends", "tile_ends")
        )
        column, row = (
            (_PaddedSpan if self.padded else _UnpaddedSpan)(name, tile) for name in _SPANS
        )
        blk = InlineLoopCounter("blk", 16)
        step = Signal()
        m.d.comb += [
            starts.eq(~running),
            step.eq(running & out.i.ready),
            self.i.ready.eq(step & tile_ends),
            row_ends.eq(column.last),
            blk_ends.eq(column.last & row.last),
            tile_ends.eq(blk_ends & blk.last),
        ]
        with m.If(starts | step):
            m.d.sync += running.eq(Mux(starts, self.i.valid, ~tile_ends))
        column.count(m, starts, step)
        row.count(m, starts, step & row_ends)
        blk.count(m, starts, step & blk_ends, tile.one_blk, tile.n_blk)
        inside = column.inside & row.inside
        sub = self._place(m, running, step, inside, column.last, blk_ends, row.inside)
        m.d.comb += [
            out.i.valid.eq(running),
            out.i.payload.sub.eq(sub),
            out.i.payload.pop.eq(inside & (column.ends | (sub == self.per_beat - 1))),
        ]
        if self.padded:
            m.d.comb += [
                out.i.payload.inside.eq(inside),
                out.i.payload.pad_value.eq(tile.pad_value),
                out.i.payload.last.eq(tile_ends),
            ]
        return m

    def _place(self, m, running, step, inside, row_ends, blk_ends, row_inside):
        """The place in its beat of the vector at hand."""
        if self.per_beat == 1:
            return Const(0)
        tile = self.i.payload
        row_start, blk_start, sub = (
            Signal(range(self.per_beat), name=n) for n in ("row_start", "blk_start", "sub")
        )
        following = Signal.like(sub)  # start of the next row
        m.d.comb += following.eq(
            Mux(blk_ends, blk_start + tile.blk_step, row_start + Mux(row_inside, tile.row_step, 0))
        )
        with m.If(~running):
            m.d.sync += [row_start.eq(tile.start), blk_start.eq(tile.start), sub.eq(tile.start)]
        with m.If(step):
            m.d.sync += sub.eq(Mux(row_ends, following, sub + inside))
            with m.If(row_ends):
                m.d.sync += row_start.eq(following)
            with m.If(blk_ends):
                m.d.sync += blk_start.eq(following)
        return sub


class _PaddedSpan:
    """Steps through the pads before, the items and the pads after of a tile's row or column, again
    and again.

    inside : the item is one of those. final : no other phase follows. ends, last : the item is the
    last of its phase, of all. All are known when the item begins.
    """

    def __init__(self, name, tile):
        self.counts = [tile[field] for field in _SPANS[name]]
        self.flags = {bit: tile[f"{name}_{bit}"] for bit in _FLAGS | _PAD_FLAGS}
        self.inside, self.final, self.ends, self.last = (
            Signal(name=f"{name}_{n}") for n in ("inside", "final", "ends", "last")
        )
        # items of the phase, the one at hand included
        self.left = Signal(16, name=f"{name}_left", reset_less=True)

    def count(self, m, starts, moves):
        """On to the first item if it `starts`; if it `moves`, to the next, the first one coming
        after the last.
        """
        before, inside, after = self.counts
        flags, first, enters = self.flags, starts | self.last, starts | self.ends
        # What the next item is if it enters another phase, and otherwise.
        inside_next = Mux(first, flags["no_before"], ~self.inside)
        final_next = Mux(inside_next, flags["no_after"], ~first)
        single = Mux(inside_next, flags["one"], Mux(first, flags["one_before"], flags["one_after"]))
        ends_next = self.left == 2
        with m.If(enters):  # at the last item at once: `left` is of no use there
            m.d.sync += self.left.eq(Mux(inside_next, inside, Mux(first, before, after)))
        with m.Elif(moves):
            m.d.sync += self.left.eq(self.left - 1)
        with m.If(starts | moves):
            m.d.sync += [
                self.ends.eq(Mux(enters, single, ends_next)),
                self.last.eq(Mux(enters, single & final_next, ends_next & self.final)),
            ]
            with m.If(enters):
                m.d.sync += [self.inside.eq(inside_next), self.final.eq(final_next)]


class _UnpaddedSpan:
    """`_PaddedSpan` of a row or column without pads."""

    def __init__(self, name, tile):
        self.loop, self.single, self.n = (
            InlineLoopCounter(name, 16),
            tile[f"{name}_one"],
            tile[_SPANS[name][1]],
        )
        self.inside, self.ends, self.last = Const(1), self.loop.last, self.loop.last

    def count(self, m, starts, moves):
        self.loop.count(m, starts, moves, self.single, self.n)


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

    def __init__(self, config, fifo_depth, padded=True):
        self.config, self.fifo_depth, self.padded = config, fifo_depth, padded
        super().__init__(
            {
                "i": In(stream.Signature(READ_LAYOUT)),
                "port": Out(read_port(config)),
                "o": Out(stream.Signature(8 * config.lanes)),
            }
            | ({"last": Out(1)} if padded else {})
        )

    def elaborate(self, platform):
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

    def _order(self, m, rows, per_beat):
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

    def _beats(self, m, beats, per_vector):
        """The stream that vectors are cut from: beats, or whole vectors where these are wider."""
        if per_vector == 1:
            return beats
        m.submodules.widen = widen = Widen(8 * self.config.axi_bytes, per_vector)
        wiring.connect(m, beats, widen.i)
        return widen.o

    def _output(self, m, beats, order):
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
