"""Which vectors of a padded tile are pads, and where in a beat the others are."""

from amaranth import Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import bits_for
from hwcnn.rtl.layouts import READ_LAYOUT
from hwcnn.rtl.lib.fifo import SkidBuffer
from hwcnn.rtl.lib.loop_counter import InlineLoopCounter

#: The fields of the pads and items of a row and of a column, and what a tile order wants to know of
#: them: of items, of pads.
_SPANS = {"x": ("pad_left", "n_cols", "pad_right"), "y": ("pad_top", "n_rows", "pad_bottom")}
_FLAGS = {"one": (1, 1)}
_PAD_FLAGS = {"no_before": (0, 0), "one_before": (0, 1), "no_after": (2, 0), "one_after": (2, 1)}


def order_flags(tile: data.View, padded: bool) -> dict[str, Value]:
    """``{name: bit}``: the bits of `TileOrder.layout` that follow from the fields of a tile."""
    flags = _FLAGS | _PAD_FLAGS if padded else _FLAGS
    return {
        f"{name}_{bit}": tile[fields[which]] == value
        for name, fields in _SPANS.items()
        for bit, (which, value) in flags.items()
    } | {"one_blk": tile.n_blk == 1}


class _PaddedSpan:
    """Steps through the pads before, the items and the pads after of a tile's row or column, again
    and again.

    inside : the item is one of those. final : no other phase follows. ends, last : the item is the
    last of its phase, of all. All are known when the item begins.
    """

    def __init__(self, name: str, tile: data.View) -> None:
        self.counts = [tile[field] for field in _SPANS[name]]
        self.flags = {bit: tile[f"{name}_{bit}"] for bit in _FLAGS | _PAD_FLAGS}
        self.inside, self.final, self.ends, self.last = (
            Signal(name=f"{name}_{n}") for n in ("inside", "final", "ends", "last")
        )
        # items of the phase, the one at hand included
        self.left = Signal(16, name=f"{name}_left", reset_less=True)

    def count(self, m: Module, starts: Value, moves: Value) -> None:
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

    def __init__(self, name: str, tile: data.View) -> None:
        self.loop, self.single, self.n = (
            InlineLoopCounter(name, 16),
            tile[f"{name}_one"],
            tile[_SPANS[name][1]],
        )
        self.inside, self.ends, self.last = Const(1), self.loop.last, self.loop.last

    def count(self, m: Module, starts: Value, moves: Value) -> None:
        self.loop.count(m, starts, moves, self.single, self.n)


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

    def __init__(self, per_beat: int, padded: bool = True) -> None:
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

    def elaborate(self, platform: object) -> Module:
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

    def _place(
        self,
        m: Module,
        running: Value,
        step: Value,
        inside: Value,
        row_ends: Value,
        blk_ends: Value,
        row_inside: Value,
    ) -> Value:
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
