"""The row stage of the pooling window: reduces the columns of each window of a row as they pass."""

from collections.abc import Sequence

from amaranth import Cat, Module, Mux, Shape, Signal, Value, signed
from amaranth.hdl._ast import Statement
from amaranth.lib import data, stream

from hwcnn.config import bits_for
from hwcnn.limits import OPEN_WINDOWS
from hwcnn.rtl.lib.ram import Ram

#: Bits of a row's reduction (255 int8).
ROW_BITS = 16

#: See `RowStage._pick`.
Pick = tuple[Signal, Signal, Signal]


class RowStage:
    """Where in which window each input falls (cycle 1), the reduction (2), the write to the ring
    (3), in the module of the window.

    Counters go down to -1, and their sign alone decides: the last item is at hand, or none is left.

    Parameters
    ----------
    fields : WINDOW_FIELDS. start : of `window.Window`. i : its stream of lanes.
    lanes : L. depth : entries of the ring. pointer : shape of pointers into it.
    """

    def __init__(
        self,
        fields: data.View,
        start: Value,
        i: stream.Interface,
        lanes: int,
        depth: int,
        pointer: Shape,
    ) -> None:
        self.fields, self.start, self.i, self.lanes, self.depth = fields, start, i, lanes, depth
        self.running, self.not_full = Signal(), Signal(name="not_full")
        self.claimed = Signal(pointer)  # entries written or on their way
        self.full = Signal(pointer)
        self.to_open, self.to_close, self.cols = (
            Signal(signed(bits), name=n, reset_less=True)
            for n, bits in (("to_open", 9), ("to_close", 9), ("cols", 18))
        )
        # Windows of the row to open and to close; out_cols < depth.
        self.cols_in, self.cols_out = (
            Signal(signed(bits_for(depth) + 1), name=n, reset_less=True)
            for n in ("cols_in", "cols_out")
        )
        self.row_to_close, self.rows, self.rows_out, self.blocks = (
            Signal(signed(bits), name=n, reset_less=True)
            for n, bits in (("row_to_close", 9), ("rows", 18), ("rows_out", 17), ("blocks", 17))
        )
        self.n_open, self.shift = Signal(range(OPEN_WINDOWS + 1)), Signal()
        self.accept, self.opens, self.closes, self.kept, self.last_col, self.last_row = (
            Signal(name=n) for n in ("accept", "opens", "closes", "kept", "last_col", "last_row")
        )
        self.older = Signal(range(OPEN_WINDOWS + 1))  # windows open before this input

    def build(self, m: Module, ring: Ram, written: Value, needed: Value) -> None:
        """The stage's logic.

        ring : RAM of L * `ROW_BITS`. written : entries written, counted here. needed : the oldest
        entry that an output still needs.
        """
        self._decide(m, needed)
        self._count(m)
        self._reduce(m, ring, written)

    def _decide(self, m: Module, needed: Value) -> None:
        """What happens to the input at hand."""
        m.d.comb += [
            self.i.ready.eq(self.running & self.not_full),
            self.accept.eq(self.i.valid & self.i.ready),
            self.opens.eq(self.to_open[-1] & ~self.cols_in[-1]),
            self.closes.eq(self.to_close[-1] & ~self.cols_out[-1]),
            self.kept.eq(self.closes & ~self.rows_out[-1]),
            self.last_col.eq(self.cols[-1]),
            self.last_row.eq(self.rows[-1]),
            self.older.eq(self.n_open - self.shift),
        ]
        m.d.comb += self.full.eq(self.claimed - needed)
        m.d.sync += self.not_full.eq(self.full < self.depth - 1)

    def _count(self, m: Module) -> None:
        """The counters of windows, columns, rows and blocks."""
        f = self.fields
        with m.If(self.start):
            m.d.sync += [
                self.running.eq(1),
                self.blocks.eq(f.n_blk - 2),
                self.claimed.eq(0),
                *self._begin_row(),
                *self._begin_block(),
            ]
        with m.If(self.accept):
            m.d.sync += [
                self.to_open.eq(Mux(self.to_open[-1], f.sw - 2, self.to_open - 1)),
                self.to_close.eq(Mux(self.to_close[-1], f.sw - 2, self.to_close - 1)),
                self.cols.eq(self.cols - 1),
                self.cols_in.eq(self.cols_in - self.opens),
                self.cols_out.eq(self.cols_out - self.closes),
                self.claimed.eq(self.claimed + self.kept),
                self.n_open.eq(self.older + self.opens),
                self.shift.eq(self.closes),
            ]
            with m.If(self.last_col):
                # A row whose window row has closed, and each sh-th after it, completes a row of
                # outputs.
                row_closes = self.row_to_close[-1]
                m.d.sync += [
                    *self._begin_row(),
                    self.row_to_close.eq(Mux(row_closes, f.sh - 2, self.row_to_close - 1)),
                    self.rows.eq(self.rows - 1),
                    self.rows_out.eq(self.rows_out - (row_closes & ~self.rows_out[-1])),
                ]
            with m.If(self.last_col & self.last_row):
                m.d.sync += [
                    *self._begin_block(),
                    self.blocks.eq(self.blocks - 1),
                    self.running.eq(~self.blocks[-1]),
                ]

    def _begin_row(self) -> list[Statement]:
        f = self.fields
        return [
            self.to_open.eq(-1),
            self.to_close.eq(f.kw - 2),
            self.cols.eq(f.in_cols - 2),
            self.cols_in.eq(f.out_cols - 1),
            self.cols_out.eq(f.out_cols - 1),
            self.n_open.eq(0),
            self.shift.eq(0),
        ]

    def _begin_block(self) -> list[Statement]:
        f = self.fields
        return [
            self.row_to_close.eq(f.kh - 2),
            self.rows.eq(f.in_rows - 2),
            self.rows_out.eq(f.out_rows - 1),
        ]

    def _reduce(self, m: Module, ring: Ram, written: Value) -> None:
        """The open windows of all lanes, and the write of what closes."""
        valid1, kept1, kept2 = (Signal(name=n) for n in ("valid1", "kept1", "kept2"))
        place = Signal(range(self.depth))
        # `written` counts an entry in the cycle in which it is written.
        m.d.sync += [
            valid1.eq(self.accept),
            kept1.eq(self.accept & self.kept),
            kept2.eq(kept1),
            written.eq(written + kept1),
            place.eq(written),
        ]
        with m.If(self.start):
            m.d.sync += written.eq(0)
        picks = [
            self._pick(m, i, self.opens & (self.older == i), self.shift)
            for i in range(OPEN_WINDOWS - 1)
        ]
        results = [self._lane(m, k, valid1, picks) for k in range(self.lanes)]
        m.d.comb += [ring.w_en.eq(kept2), ring.w_addr.eq(place), ring.w_data.eq(Cat(results))]

    def _pick(self, m: Module, i: int, fresh: Value, shift: Value) -> Pick:
        """What an input is added to in window i, decided a cycle ahead: (the next window, nothing,
        nothing inverted).

        The inverse of the smallest value stands for no maximum; whatever is as large replaces it.
        """
        following, nothing, inverted = (
            Signal(name=f"{n}{i}") for n in ("following", "nothing", "inverted")
        )
        m.d.sync += [
            following.eq(shift),
            nothing.eq(fresh),
            inverted.eq(fresh & self.fields.is_max),
        ]
        return following, nothing, inverted

    def _lane(self, m: Module, lane: int, valid1: Value, picks: Sequence[Pick]) -> Value:
        """One lane of the row stage; the register of the oldest open window is the result when it
        closes.

        Sums: x and w as they are. Maxima: x has the offset, w is the inverse of the largest x, so w
        + x > 255 where x is larger.
        """
        is_max, x = self.fields.is_max, self.i.payload[lane]
        value = Signal(signed(ROW_BITS), name=f"value{lane}", reset_less=True)
        m.d.sync += value.eq(Mux(is_max, Cat(x[:7], ~x[7]), x))
        lows, highs = (
            [Signal(8, name=f"{n}{lane}_{i}", reset_less=True) for i in range(OPEN_WINDOWS)]
            for n in ("low", "high")
        )
        windows = [Cat(low, high) for low, high in zip(lows, highs, strict=True)]
        for i, (following, nothing, inverted) in enumerate(picks):
            before, total = (
                Signal(ROW_BITS, name=f"before{lane}_{i}"),
                Signal(ROW_BITS, name=f"total{lane}_{i}"),
            )
            m.d.comb += [
                before.eq(
                    Mux(nothing, inverted.replicate(8), Mux(following, windows[i + 1], windows[i]))
                ),
                total.eq(value + before),
            ]
            with m.If(valid1):
                m.d.sync += [
                    lows[i].eq(Mux(is_max, Mux(total[8], ~value[:8], before[:8]), total[:8])),
                    highs[i].eq(total[8:]),
                ]
        with m.If(valid1):
            m.d.sync += [lows[-1].eq(Mux(is_max, ~value[:8], value[:8])), highs[-1].eq(value[8:])]
        with m.If(is_max):
            m.d.sync += [high.eq(0) for high in highs]
        return windows[0]
