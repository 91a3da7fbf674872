"""The pooling window: reduces a row's windows as they pass, then reads kh of the results for each output."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from ..limits import OPEN_WINDOWS
from .ram import Ram

#: Bits of a row's reduction (255 int8) and of a window's.
ROW_BITS, SUM_BITS = 16, 18

WINDOW_FIELDS = data.StructLayout({
    "is_max": 1, "kh": 8, "kw": 8, "sh": 8, "sw": 8,
    "in_rows": 17, "in_cols": 17, "n_blk": 16, "out_rows": 16, "out_cols": 16,
})


class Window(wiring.Component):
    """Max or sum over kh x kw windows of a stream of vectors in the order block, row, column.

    Rows and columns beyond the last window are consumed and dropped. Two stages that work in parallel, across rows and
    blocks: the row stage reduces kw columns and writes the results to a ring of `pool_depth` entries, the column stage
    reads kh entries for each output.

    Latency: from the last input of a window to its output, 5 cycles. Throughput: one input vector a cycle while the column
    stage keeps up, which takes kh cycles an output. Limits: ``limits.pool_reason``.

    Maxima are kept inverted with an offset of 128 on the way, so that a comparison is the same addition as a sum.

    Members
    -------
    fields : WINDOW_FIELDS, stable while busy. in_rows, in_cols: padded input. start : pulse, while not busy.
    i : stream of L int8 lanes. o : stream of L lanes of 18 bits: the sum, or 128 + the maximum. busy : not done yet.
    """

    LATENCY = 5

    def __init__(self, config):
        self.lanes, self.depth = config.lanes, config.pool_depth
        super().__init__({
            "fields": In(WINDOW_FIELDS),
            "start": In(1),
            "i": In(stream.Signature(data.ArrayLayout(signed(8), config.lanes))),
            "o": Out(stream.Signature(data.ArrayLayout(signed(SUM_BITS), config.lanes))),
            "busy": Out(1),
        })

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
        """Row stage: where in which window each input falls (cycle 1), the reduction (2), the write to the ring (3)."""
        f = self.fields
        running, space = Signal(), Signal()
        claimed = Signal(pointer)  # entries written or on their way
        to_open, to_close, cols = Signal(8), Signal(8), Signal(17)
        # Windows of the row to open and to close; out_cols < depth.
        cols_in, cols_out = Signal(range(self.depth)), Signal(range(self.depth))
        row_to_close, rows, rows_out, blocks = Signal(8), Signal(17), Signal(16), Signal(16)
        n_open, shift = Signal(range(OPEN_WINDOWS + 1)), Signal()

        accept, opens, closes, kept, last_col, last_row = (Signal(name=n) for n in (
            "accept", "opens", "closes", "kept", "last_col", "last_row"))
        older = Signal(range(OPEN_WINDOWS + 1))  # windows open before this input
        m.d.comb += [
            self.i.ready.eq(running & space),
            accept.eq(self.i.valid & self.i.ready),
            opens.eq((to_open == 0) & (cols_in != 0)), closes.eq((to_close == 0) & (cols_out != 0)),
            kept.eq(closes & (rows_out != 0)),
            last_col.eq(cols == 1), last_row.eq(rows == 1),
            older.eq(n_open - shift),
        ]
        full = Signal(pointer)
        m.d.comb += full.eq(claimed - needed)
        m.d.sync += space.eq(full < self.depth - 1)

        def begin_row():
            return [to_open.eq(0), to_close.eq(f.kw - 1), cols.eq(f.in_cols), cols_in.eq(f.out_cols),
                    cols_out.eq(f.out_cols), n_open.eq(0), shift.eq(0)]

        def begin_block():
            return [row_to_close.eq(f.kh - 1), rows.eq(f.in_rows), rows_out.eq(f.out_rows)]

        with m.If(self.start):
            m.d.sync += [running.eq(1), blocks.eq(f.n_blk), claimed.eq(0), *begin_row(), *begin_block()]
        with m.If(accept):
            m.d.sync += [
                to_open.eq(Mux(to_open == 0, f.sw - 1, to_open - 1)),
                to_close.eq(Mux(to_close == 0, f.sw - 1, to_close - 1)),
                cols.eq(cols - 1),
                cols_in.eq(cols_in - opens),
                cols_out.eq(cols_out - closes),
                claimed.eq(claimed + kept),
                n_open.eq(older + opens), shift.eq(closes),
            ]
            with m.If(last_col):
                # A row whose window row has closed, and each sh-th after it, completes a row of outputs.
                row_closes = row_to_close == 0
                m.d.sync += [
                    *begin_row(),
                    row_to_close.eq(Mux(row_closes, f.sh - 1, row_to_close - 1)),
                    rows.eq(rows - 1),
                    rows_out.eq(rows_out - (row_closes & (rows_out != 0))),
                ]
            with m.If(last_col & last_row):
                m.d.sync += [*begin_block(), blocks.eq(blocks - 1), running.eq(blocks != 1)]

        valid1, shift1, kept1, kept2 = (Signal(name=n) for n in ("valid1", "shift1", "kept1", "kept2"))
        fresh1 = Signal(OPEN_WINDOWS)
        m.d.sync += [valid1.eq(accept), kept1.eq(accept & kept), kept2.eq(kept1), written.eq(written + kept2)]
        with m.If(accept):
            m.d.sync += [shift1.eq(shift), fresh1.eq(Mux(opens, 1 << older, 0))]
        with m.If(self.start):
            m.d.sync += written.eq(0)
        results = [self._row_lane(m, k, accept, valid1, shift1, fresh1) for k in range(self.lanes)]
        m.d.comb += [ring.w_en.eq(kept2), ring.w_addr.eq(written), ring.w_data.eq(Cat(results))]
        return running

    def _row_lane(self, m, lane, accept, valid1, shift, fresh):
        """One lane of the row stage; the register of the oldest open window is the result when it closes.

        Sums: x and w as they are. Maxima: x has the offset, w is the inverse of the largest x, so w + x > 255 where x is larger.
        """
        is_max, x = self.fields.is_max, self.i.payload[lane]
        value = Signal(signed(ROW_BITS), name=f"value{lane}", reset_less=True)
        biased = Cat(x[:7], ~x[7])
        with m.If(accept):
            m.d.sync += value.eq(Mux(is_max, biased, x))
        lows, highs = ([Signal(8, name=f"{n}{lane}_{i}", reset_less=True) for i in range(OPEN_WINDOWS)] for n in ("low", "high"))
        windows = [Cat(low, high) for low, high in zip(lows, highs)]
        # The newest is kept as it came, and inverted where it is read.
        windows[-1] = Cat(Mux(is_max, ~lows[-1], lows[-1]), highs[-1])
        for i in range(OPEN_WINDOWS - 1):
            total, larger = Signal(ROW_BITS, name=f"total{lane}_{i}"), Signal(name=f"larger{lane}_{i}")
            m.d.comb += [
                total.eq(value + Mux(fresh[i], 0, Mux(shift, windows[i + 1], windows[i]))), larger.eq(total[8] | fresh[i]),
            ]
            with m.If(valid1 & (~is_max | larger | shift)):
                m.d.sync += lows[i].eq(Mux(is_max, Mux(larger, ~value[:8], windows[i + 1][:8]), total[:8]))
            with m.If(valid1):
                m.d.sync += highs[i].eq(total[8:])
        with m.If(valid1):
            m.d.sync += [lows[-1].eq(value[:8]), highs[-1].eq(value[8:])]
        with m.If(is_max):
            m.d.sync += [high.eq(0) for high in highs]
        return windows[0]

    def _columns(self, m, ring, written, needed, pointer):
        """Column stage: an address (cycle 1), the entry (2), the reduction, which is the output (3)."""
        f = self.fields
        running, loaded, first, last = (Signal(name=f"columns_{n}") for n in ("running", "loaded", "first", "last"))
        address, below = Signal(pointer), Signal(pointer)  # below: first entry of the next output row
        steps, taps, cols, rows, blocks = Signal(8), Signal(8), Signal(range(self.depth)), Signal(16), Signal(16)
        ahead = Signal(pointer)
        issue, advance, last_tap, last_col, last_row, go_below = (Signal(name=f"columns_{n}") for n in (
            "issue", "advance", "last_tap", "last_col", "last_row", "go_below"))
        m.d.comb += [
            ahead.eq(written - address),
            advance.eq(~self.o.valid | self.o.ready),
            last_tap.eq(taps == 1), last_col.eq(cols == 1), last_row.eq(rows == 1),
            issue.eq(running & advance & (ahead > 0) & ~(last_tap & last_col & (steps != 0))),
            go_below.eq(issue & last_tap & last_col),
            ring.r_en.eq(issue), ring.r_addr.eq(address),
        ]
        with m.If(steps != 0):
            m.d.sync += [below.eq(below + f.out_cols), steps.eq(steps - 1)]
        with m.If(self.start):
            m.d.sync += [
                running.eq(1), needed.eq(0), address.eq(0), below.eq(0), taps.eq(f.kh), cols.eq(f.out_cols),
                rows.eq(f.out_rows), blocks.eq(f.n_blk), steps.eq(Mux(f.out_rows == 1, f.kh, f.sh)),
            ]
        with m.If(issue):
            m.d.sync += [address.eq(address + f.out_cols), taps.eq(taps - 1)]
            with m.If(last_tap):
                m.d.sync += [address.eq(needed + 1), needed.eq(needed + 1), taps.eq(f.kh), cols.eq(cols - 1)]
        with m.If(go_below):
            following = Mux(last_row, f.out_rows, rows - 1)
            m.d.sync += [
                needed.eq(below), address.eq(below), cols.eq(f.out_cols), rows.eq(following),
                steps.eq(Mux(following == 1, f.kh, f.sh)),
            ]
            with m.If(last_row):
                m.d.sync += [blocks.eq(blocks - 1), running.eq(blocks != 1)]
        with m.If(advance):
            m.d.sync += [
                loaded.eq(issue), first.eq(taps == f.kh), last.eq(last_tap), self.o.valid.eq(loaded & last),
            ]
        for k in range(self.lanes):
            self._column_lane(m, k, ring.r_data.word_select(k, ROW_BITS), advance & loaded, first)
        return running | loaded | self.o.valid

    def _column_lane(self, m, lane, entry, update, first):
        """One lane of the column stage. Maxima: the result has the offset, the entry is inverted as in the row stage."""
        is_max = self.fields.is_max
        low, high = (Signal(bits, name=f"result_{n}{lane}", reset_less=True) for n, bits in (("low", 8), ("high", SUM_BITS - 8)))
        result, total = Cat(low, high), Signal(SUM_BITS, name=f"column_total{lane}")
        m.d.comb += [
            total.eq(entry.as_signed() + Mux(first, 0, result)),
            self.o.payload[lane].eq(result),
        ]
        with m.If(update & (~is_max | first | ~total[8])):
            m.d.sync += low.eq(Mux(is_max, ~entry[:8], total[:8]))
        with m.If(update):
            m.d.sync += high.eq(total[8:])
        with m.If(is_max):
            m.d.sync += high.eq(0)
