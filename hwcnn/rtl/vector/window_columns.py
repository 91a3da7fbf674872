"""The column stage of the pooling window: reads kh row results for each output and reduces them."""

from amaranth import Cat, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, stream

from hwcnn.config import bits_for
from hwcnn.rtl.lib.ram import Ram

from .window_rows import ROW_BITS


class ColumnStage:
    """An address (cycle 1), whether its entry is there (2), its read (3), a register (4), the
    reduction (5), in the module of the window.

    Counters go down to -1, as in the row stage.

    Parameters
    ----------
    fields : WINDOW_FIELDS. start, o : of `window.Window`. lanes : L. depth : entries of the ring.
    pointer : shape of pointers into it. sum_bits : of a reduction: a sum, or 128 + a maximum.
    """

    def __init__(
        self,
        fields: data.View,
        start: Value,
        o: stream.Interface,
        lanes: int,
        depth: int,
        pointer: Shape,
        sum_bits: int,
    ) -> None:
        self.fields, self.start, self.o, self.lanes = fields, start, o, lanes
        self.sum_bits = sum_bits
        self.running, self.pending, self.issue = (
            Signal(name=f"columns_{n}") for n in ("running", "pending", "issue")
        )
        # The next entry to ask for, the first of its output, and of the next row's first output.
        self.address, self.base, self.below = (
            Signal(pointer, name=n, reset_less=True) for n in ("address", "base", "below")
        )
        # steps: until `below` is right.
        self.steps, self.taps, self.rows, self.blocks = (
            Signal(signed(bits), name=f"columns_{n}", reset_less=True)
            for n, bits in (("steps", 9), ("taps", 9), ("rows", 17), ("blocks", 17))
        )
        self.cols, self.first_tap = (
            Signal(signed(bits_for(depth) + 1), reset_less=True),
            Signal(name="first_tap", reset_less=True),
        )
        # of which `pending`
        asked = data.StructLayout({"address": pointer, "first": 1, "last": 1})
        self.asked = Signal(asked, reset_less=True)
        # The stages behind an issue go on, and will in the next cycle: while no result is at `o`.
        self.advance, self.next_advance = (
            Signal(name=f"columns_{n}") for n in ("advance", "next_advance")
        )
        self.can_ask, self.move = (Signal(name=f"columns_{n}") for n in ("can_ask", "move"))
        self.last_tap, self.last_col, self.last_row, self.row_ends = (
            Signal(name=f"columns_{n}") for n in ("last_tap", "last_col", "last_row", "row_ends")
        )
        self.read, self.loaded = (
            Signal(data.StructLayout({"valid": 1, "first": 1, "last": 1}), name=n)
            for n in ("read", "loaded")
        )
        # Of the next entry and the one asked for, less those written: negative, where it is there.
        self.behind, self.asked_behind = Signal(pointer), Signal(pointer, name="asked_behind")
        # turn: the entry after the one that is asked for is of a new row of outputs; counters for
        # that follow a cycle later.
        self.turn, self.turned, self.block_turned = (
            Signal(name=n) for n in ("turn", "turned", "block_turned")
        )

    def build(self, m: Module, ring: Ram, written: Value, needed: Value) -> None:
        """The stage's logic.

        ring : RAM of L * `ROW_BITS`. written : entries that the row stage has written. needed : the
        oldest entry that an output still needs, kept here.
        """
        self._decide(m, ring, written)
        self._walk(m, needed)
        self._turn(m)
        self._begin(m, needed)
        self._reduce(m, ring)

    @property
    def busy(self) -> Value:
        """A result is not at `o` yet."""
        return self.running | self.pending | self.read.valid | self.loaded.valid

    def _decide(self, m: Module, ring: Ram, written: Value) -> None:
        """Which entry is asked for, and whether it is there to be read."""
        asked, row_ends = self.asked, self.row_ends
        m.d.comb += [
            self.advance.eq(~self.o.valid),
            self.next_advance.eq(
                Mux(self.advance, ~(self.loaded.valid & self.loaded.last), self.o.ready)
            ),
            self.last_tap.eq(self.taps[-1]),
            self.last_col.eq(self.cols[-1]),
            self.last_row.eq(self.rows[-1]),
            row_ends.eq(self.last_tap & self.last_col),
            self.can_ask.eq(self.running & (~self.pending | self.issue)),
            self.turn.eq(self.can_ask & row_ends & ~self.turned & self.steps[-1]),
            self.move.eq((self.can_ask & ~row_ends) | self.turn),
            self.behind.eq(self.address - written),
            self.asked_behind.eq(asked.address - written),
            ring.r_en.eq(self.issue),
            ring.r_addr.eq(asked.address),
        ]
        is_there = Mux(
            self.move, self.behind[-1], self.pending & ~self.issue & self.asked_behind[-1]
        )
        m.d.sync += [
            self.pending.eq(self.move | (self.pending & ~self.issue)),
            self.o.valid.eq(~self.next_advance),
            self.turned.eq(self.turn),
            self.block_turned.eq(self.turn & self.last_row),
            self.running.eq(self.running & ~(self.turn & self.last_row & self.blocks[-1])),
            self.issue.eq(self.next_advance & is_there),
        ]

    def _walk(self, m: Module, needed: Value) -> None:
        """Addresses and counters from entry to entry, and from output to output."""
        f, base = self.fields, self.base
        with m.If(~self.steps[-1]):
            m.d.sync += [self.below.eq(self.below + f.out_cols), self.steps.eq(self.steps - 1)]
        with m.If(self.issue & self.asked.last):
            m.d.sync += needed.eq(base)
        with m.If(self.move):
            m.d.sync += [
                self.asked.address.eq(self.address),
                self.asked.first.eq(self.first_tap),
                self.asked.last.eq(self.last_tap),
                self.address.eq(self.address + f.out_cols),
                self.taps.eq(self.taps - 1),
                self.first_tap.eq(self.last_tap),
            ]
            with m.If(self.last_tap):
                m.d.sync += [
                    self.address.eq(base + 1),
                    base.eq(base + 1),
                    self.taps.eq(f.kh - 2),
                    self.cols.eq(self.cols - 1),
                ]

    def _turn(self, m: Module) -> None:
        """On to the next row of outputs, and to the next block."""
        f, last_row = self.fields, self.last_row
        with m.If(self.turn):
            m.d.sync += [
                self.base.eq(self.below),
                self.address.eq(self.below),
                self.cols.eq(f.out_cols - 2),
                self.rows.eq(Mux(last_row, f.out_rows - 2, self.rows - 1)),
            ]
        with m.If(self.block_turned):
            m.d.sync += self.blocks.eq(self.blocks - 1)
        with m.If(self.turned):
            m.d.sync += self.steps.eq(Mux(last_row, f.kh - 1, f.sh - 1))

    def _begin(self, m: Module, needed: Value) -> None:
        """The first output of an instruction."""
        f = self.fields
        with m.If(self.start):
            m.d.sync += [
                self.running.eq(1),
                needed.eq(0),
                self.base.eq(0),
                self.address.eq(0),
                self.below.eq(0),
                self.taps.eq(f.kh - 2),
                self.first_tap.eq(1),
                self.cols.eq(f.out_cols - 2),
                self.rows.eq(f.out_rows - 2),
                self.blocks.eq(f.n_blk - 2),
                self.steps.eq(Mux(f.out_rows == 1, f.kh - 1, f.sh - 1)),
            ]

    def _reduce(self, m: Module, ring: Ram) -> None:
        """The reads that were issued, through a register, into the results of all lanes."""
        read, loaded = self.read, self.loaded
        entry = Signal(ROW_BITS * self.lanes, reset_less=True)
        with m.If(self.advance):
            m.d.sync += [
                read.valid.eq(self.issue),
                read.first.eq(self.asked.first),
                read.last.eq(self.asked.last),
                loaded.eq(read),
                entry.eq(ring.r_data),
            ]
        update = self.advance & loaded.valid
        for k in range(self.lanes):
            self._lane(m, k, entry.word_select(k, ROW_BITS), update, loaded.first)

    def _lane(self, m: Module, lane: int, entry: Value, update: Value, first: Value) -> None:
        """One lane. Maxima: the result has the offset, the entry is inverted as
        in the row stage.
        """
        is_max = self.fields.is_max
        low, high = (
            Signal(bits, name=f"result_{n}{lane}", reset_less=True)
            for n, bits in (("low", 8), ("high", self.sum_bits - 8))
        )
        result, total = Cat(low, high), Signal(self.sum_bits, name=f"column_total{lane}")
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
