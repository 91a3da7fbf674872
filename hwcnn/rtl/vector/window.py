"""The pooling window: reduces a row's windows as they pass, then reads kh of the results for each
output.
"""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import bits_for
from hwcnn.limits import OPEN_WINDOWS
from hwcnn.rtl.lib.ram import Ram

#: Bits of a row's reduction (255 int8) and of a window's.
ROW_BITS, SUM_BITS = 16, 18

WINDOW_FIELDS = data.StructLayout(
    {
        "is_max": 1,
        "kh": 8,
        "kw": 8,
        "sh": 8,
        "sw": 8,
        "in_rows": 17,
        "in_cols": 17,
        "n_blk": 16,
        "out_rows": 16,
        "out_cols": 16,
    }
)


class Window(wiring.Component):
    """Max or sum over kh x kw windows of a stream of vectors in the order block, row, column.

    Rows and columns beyond the last window are consumed and dropped. Two stages that work in
    parallel, across rows and blocks: the row stage reduces kw columns and writes the results to a
    ring of `pool_depth` entries, the column stage reads kh entries for each output.

    Latency: from the last input of a window to its output, `LATENCY` cycles. Throughput: one input
    vector a cycle while the column stage keeps up, which takes kh + 1 cycles an output. Limits:
    ``limits.pool_reason``.

    Maxima are kept inverted with an offset of 128 on the way, so that a comparison is the same
    addition as a sum.

    Members
    -------
    fields : WINDOW_FIELDS, stable while busy. in_rows, in_cols: padded input. start : pulse, while
    not busy.
    i : stream of L int8 lanes. o : stream of L lanes of 18 bits: the sum, or 128 + the maximum; the
    payload stays for one cycle more after it is taken. busy : its last result is not at `o` yet.
    """

    LATENCY = 6

    def __init__(self, config):
        self.lanes, self.depth = config.lanes, config.pool_depth
        super().__init__(
            {
                "fields": In(WINDOW_FIELDS),
                "start": In(1),
                "i": In(stream.Signature(data.ArrayLayout(signed(8), config.lanes))),
                "o": Out(stream.Signature(data.ArrayLayout(signed(SUM_BITS), config.lanes))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.ring = ring = Ram(ROW_BITS * self.lanes, self.depth)
        # Pointers into the ring with two bits more, so that differences have a sign.
        pointer = signed(bits_for(self.depth) + 2)
        written = Signal(pointer)
        needed = Signal(pointer)  # the oldest entry that an output still needs
        rows_busy = self._rows(m, ring, written, needed, pointer)
        columns_busy = self._columns(m, ring, written, needed, pointer)
        m.d.comb += self.busy.eq(rows_busy | columns_busy)
        return m

    def _rows(self, m, ring, written, needed, pointer):
        """Row stage: where in which window each input falls (cycle 1), the reduction (2), the write
        to the ring (3).

        Counters go down to -1, and their sign alone decides: the last item is at hand, or none is
        left.
        """
        f = self.fields
        running, space = Signal(), Signal()
        claimed = Signal(pointer)  # entries written or on their way
        to_open, to_close, cols = (
            Signal(signed(bits), name=n, reset_less=True)
            for n, bits in (("to_open", 9), ("to_close", 9), ("cols", 18))
        )
        # Windows of the row to open and to close; out_cols < depth.
        cols_in, cols_out = (
            Signal(signed(bits_for(self.depth) + 1), name=n, reset_less=True)
            for n in ("cols_in", "cols_out")
        )
        row_to_close, rows, rows_out, blocks = (
            Signal(signed(bits), name=n, reset_less=True)
            for n, bits in (("row_to_close", 9), ("rows", 18), ("rows_out", 17), ("blocks", 17))
        )
        n_open, shift = Signal(range(OPEN_WINDOWS + 1)), Signal()

        accept, opens, closes, kept, last_col, last_row = (
            Signal(name=n) for n in ("accept", "opens", "closes", "kept", "last_col", "last_row")
        )
        older = Signal(range(OPEN_WINDOWS + 1))  # windows open before this input
        m.d.comb += [
            self.i.ready.eq(running & space),
            accept.eq(self.i.valid & self.i.ready),
            opens.eq(to_open[-1] & ~cols_in[-1]),
            closes.eq(to_close[-1] & ~cols_out[-1]),
            kept.eq(closes & ~rows_out[-1]),
            last_col.eq(cols[-1]),
            last_row.eq(rows[-1]),
            older.eq(n_open - shift),
        ]
        full = Signal(pointer)
        m.d.comb += full.eq(claimed - needed)
        m.d.sync += space.eq(full < self.depth - 1)

        def begin_row():
            return [
                to_open.eq(-1),
                to_close.eq(f.kw - 2),
                cols.eq(f.in_cols - 2),
                cols_in.eq(f.out_cols - 1),
                cols_out.eq(f.out_cols - 1),
                n_open.eq(0),
                shift.eq(0),
            ]

        def begin_block():
            return [row_to_close.eq(f.kh - 2), rows.eq(f.in_rows - 2), rows_out.eq(f.out_rows - 1)]

        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                blocks.eq(f.n_blk - 2),
                claimed.eq(0),
                *begin_row(),
                *begin_block(),
            ]
        with m.If(accept):
            m.d.sync += [
                to_open.eq(Mux(to_open[-1], f.sw - 2, to_open - 1)),
                to_close.eq(Mux(to_close[-1], f.sw - 2, to_close - 1)),
                cols.eq(cols - 1),
                cols_in.eq(cols_in - opens),
                cols_out.eq(cols_out - closes),
                claimed.eq(claimed + kept),
                n_open.eq(older + opens),
                shift.eq(closes),
            ]
            with m.If(last_col):
                # A row whose window row has closed, and each sh-th after it, completes a row of
                # outputs.
                m.d.sync += [
                    *begin_row(),
                    row_to_close.eq(Mux(row_to_close[-1], f.sh - 2, row_to_close - 1)),
                    rows.eq(rows - 1),
                    rows_out.eq(rows_out - (row_to_close[-1] & ~rows_out[-1])),
                ]
            with m.If(last_col & last_row):
                m.d.sync += [*begin_block(), blocks.eq(blocks - 1), running.eq(~blocks[-1])]

        valid1, kept1, kept2 = (Signal(name=n) for n in ("valid1", "kept1", "kept2"))
        place = Signal(range(self.depth))
        # `written` counts an entry in the cycle in which it is written.
        m.d.sync += [
            valid1.eq(accept),
            kept1.eq(accept & kept),
            kept2.eq(kept1),
            written.eq(written + kept1),
            place.eq(written),
        ]
        with m.If(self.start):
            m.d.sync += written.eq(0)
        picks = [self._pick(m, i, opens & (older == i), shift) for i in range(OPEN_WINDOWS - 1)]
        results = [self._row_lane(m, k, valid1, picks) for k in range(self.lanes)]
        m.d.comb += [ring.w_en.eq(kept2), ring.w_addr.eq(place), ring.w_data.eq(Cat(results))]
        return running

    def _pick(self, m, i, fresh, shift):
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

    def _row_lane(self, m, lane, valid1, picks):
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
        windows = [Cat(low, high) for low, high in zip(lows, highs)]
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

    def _columns(self, m, ring, written, needed, pointer):
        """Column stage: an address (cycle 1), whether its entry is there (2), its read (3), a
        register (4), the reduction (5).
        """
        f = self.fields
        running, held, issue = (Signal(name=f"columns_{n}") for n in ("running", "held", "issue"))
        # The next entry to ask for, the first of its output, and of the next row's first output.
        address, base, below = (
            Signal(pointer, name=n, reset_less=True) for n in ("address", "base", "below")
        )
        # Counters to -1, as in the row stage; steps: until `below` is right.
        steps, taps, rows, blocks = (
            Signal(signed(bits), name=f"columns_{n}", reset_less=True)
            for n, bits in (("steps", 9), ("taps", 9), ("rows", 17), ("blocks", 17))
        )
        cols, first_tap = (
            Signal(signed(bits_for(self.depth) + 1), reset_less=True),
            Signal(reset_less=True),
        )
        # of which `held`
        asked = Signal(
            data.StructLayout({"address": pointer, "first": 1, "last": 1}), reset_less=True
        )
        # The stages behind an issue go on, and will in the next cycle: while no result is at `o`.
        advance, next_advance, may, move, last_tap, last_col, last_row, row_ends = (
            Signal(name=f"columns_{n}")
            for n in (
                "advance",
                "next_advance",
                "may",
                "move",
                "last_tap",
                "last_col",
                "last_row",
                "row_ends",
            )
        )
        read, loaded = (
            Signal(data.StructLayout({"valid": 1, "first": 1, "last": 1}), name=n)
            for n in ("read", "loaded")
        )
        # Of the next entry and the one asked for, less those written: negative, where it is there.
        behind, asked_behind = Signal(pointer), Signal(pointer)
        # turn: the entry after the one that is asked for is of a new row of outputs; counters for
        # that follow a cycle later.
        turn, turned, block_turned = (
            Signal(name="turn"),
            Signal(name="turned"),
            Signal(name="block_turned"),
        )
        m.d.comb += [
            advance.eq(~self.o.valid),
            next_advance.eq(Mux(advance, ~(loaded.valid & loaded.last), self.o.ready)),
            last_tap.eq(taps[-1]),
            last_col.eq(cols[-1]),
            last_row.eq(rows[-1]),
            row_ends.eq(last_tap & last_col),
            may.eq(running & (~held | issue)),
            turn.eq(may & row_ends & ~turned & steps[-1]),
            move.eq((may & ~row_ends) | turn),
            behind.eq(address - written),
            asked_behind.eq(asked.address - written),
            ring.r_en.eq(issue),
            ring.r_addr.eq(asked.address),
        ]
        m.d.sync += [
            held.eq(move | (held & ~issue)),
            self.o.valid.eq(~next_advance),
            turned.eq(turn),
            block_turned.eq(turn & last_row),
            running.eq(running & ~(turn & last_row & blocks[-1])),
            issue.eq(next_advance & Mux(move, behind[-1], held & ~issue & asked_behind[-1])),
        ]
        with m.If(~steps[-1]):
            m.d.sync += [below.eq(below + f.out_cols), steps.eq(steps - 1)]
        with m.If(issue & asked.last):
            m.d.sync += needed.eq(base)
        with m.If(move):
            m.d.sync += [
                asked.address.eq(address),
                asked.first.eq(first_tap),
                asked.last.eq(last_tap),
                address.eq(address + f.out_cols),
                taps.eq(taps - 1),
                first_tap.eq(last_tap),
            ]
            with m.If(last_tap):
                m.d.sync += [
                    address.eq(base + 1),
                    base.eq(base + 1),
                    taps.eq(f.kh - 2),
                    cols.eq(cols - 1),
                ]
        with m.If(turn):
            m.d.sync += [
                base.eq(below),
                address.eq(below),
                cols.eq(f.out_cols - 2),
                rows.eq(Mux(last_row, f.out_rows - 2, rows - 1)),
            ]
        with m.If(block_turned):
            m.d.sync += blocks.eq(blocks - 1)
        with m.If(turned):
            m.d.sync += steps.eq(Mux(last_row, f.kh - 1, f.sh - 1))
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                needed.eq(0),
                base.eq(0),
                address.eq(0),
                below.eq(0),
                taps.eq(f.kh - 2),
                first_tap.eq(1),
                cols.eq(f.out_cols - 2),
                rows.eq(f.out_rows - 2),
                blocks.eq(f.n_blk - 2),
                steps.eq(Mux(f.out_rows == 1, f.kh - 1, f.sh - 1)),
            ]
        entry = Signal(ROW_BITS * self.lanes, reset_less=True)
        with m.If(advance):
            m.d.sync += [
                read.valid.eq(issue),
                read.first.eq(asked.first),
                read.last.eq(asked.last),
                loaded.eq(read),
                entry.eq(ring.r_data),
            ]
        for k in range(self.lanes):
            self._column_lane(
                m, k, entry.word_select(k, ROW_BITS), advance & loaded.valid, loaded.first
            )
        return running | held | read.valid | loaded.valid

    def _column_lane(self, m, lane, entry, update, first):
        """One lane of the column stage. Maxima: the result has the offset, the entry is inverted as
        in the row stage.
        """
        is_max = self.fields.is_max
        low, high = (
            Signal(bits, name=f"result_{n}{lane}", reset_less=True)
            for n, bits in (("low", 8), ("high", SUM_BITS - 8))
        )
        result, total = Cat(low, high), Signal(SUM_BITS, name=f"column_total{lane}")
        m.d.comb += [
            total.eq(entry.as_signed() + Mux(first, 0, result)),
            self.o.payload[lane].eq(result),
        ]
        with m.If(update & ~(is_max & total[8])):
            m.d.sync += low.eq(Mux(is_max, ~entry[:8], total[:8]))
        with m.If(update):
            m.d.sync += high.eq(total[8:])
        with m.If(is_max):
            m.d.sync += high.eq(0)
