"""Which words the depthwise unit reads, and when."""

from typing import Any

from amaranth import Module, Mux, Shape, Signal, signed
from amaranth.lib import data

from hwcnn.config import bits_for
from hwcnn.limits import DW_WORDS, MAX_DW_STRIDE

#: What an instruction says; in_rows and in_cols count the padding.
DW_FIELDS = data.StructLayout(
    {
        "n_blk": 16,
        "in_rows": 17,
        "in_cols": 17,
        "out_rows": 16,
        "out_cols": 16,
        "kh": 8,
        "sh": 8,
        "sw": 8,
        "n_kx": 8,
        "span": 8,
        "row_words": 13,
        "line_words": 13,
        "dw_weights": bits_for(DW_WORDS),
        "dw_words": bits_for(DW_WORDS) + 1,
    }
)


class WindowReads:
    """The reads of windows, in the module of `depthwise.Depthwise`.

    Counters go down to -1, and their sign alone decides.

    Parameters
    ----------
    unit : the depthwise unit. needed : the oldest word that an output still needs, kept here.
    row_done : a row of the map is complete. pointer : shape of pointers to words of the ring.
    """

    def __init__(self, unit: Any, needed: Signal, row_done: Any, pointer: Shape) -> None:
        self.fields, self.start, self.o = unit.fields, unit.start, unit.o
        self.taps, self.depth, self.credits = unit.taps, unit.depth, unit.FIFO
        self.needed, self.row_done, self.pointer = needed, row_done, pointer

    def _rows(self, m: Module, row_ends: Signal) -> tuple[Signal, ...]:
        """Rows of outputs: (one begins, its window's first word, its first word of weights, more
        come or one is at work).
        """
        f = self.fields
        running, waiting, more = (Signal(name=f"rows_{n}") for n in ("running", "waiting", "more"))
        next_row, weights = Signal(self.pointer), Signal(range(DW_WORDS))
        # Rows of the map that are complete, less those that the next row of outputs needs.
        ahead = Signal(signed(19))
        # Of the map below the next row of outputs' first one; steps: until `next_row` is right.
        left, steps = Signal(17, reset_less=True), Signal(signed(18))
        rows, blocks = (
            Signal(signed(17), name=f"out_{n}", reset_less=True) for n in ("rows", "blocks")
        )
        begin, last_row, down = Signal(name="row_begins"), Signal(name="out_last_row"), Signal(17)
        m.d.comb += [
            last_row.eq(rows[-1]),
            down.eq(Mux(last_row, left, f.sh)),
            begin.eq(waiting & steps[-1] & ~ahead[-1]),
        ]
        m.d.sync += ahead.eq(ahead + self.row_done - Mux(begin, down, 0))
        with m.If(~steps[-1]):
            m.d.sync += [next_row.eq(next_row + f.row_words), steps.eq(steps - 1)]
        with m.If(waiting & steps[-1]):
            m.d.sync += self.needed.eq(next_row)
        with m.If(row_ends):
            m.d.sync += [waiting.eq(more), running.eq(more)]
        with m.If(begin):
            m.d.sync += [
                waiting.eq(0),
                steps.eq(down - 1),
                left.eq(Mux(last_row, f.in_rows, left - f.sh)),
                rows.eq(Mux(last_row, f.out_rows - 2, rows - 1)),
            ]
            with m.If(last_row):
                m.d.sync += [
                    weights.eq(weights + f.dw_words),
                    blocks.eq(blocks - 1),
                    more.eq(~blocks[-1]),
                ]
        with m.If(self.start):
            m.d.sync += [
                running.eq(1),
                waiting.eq(1),
                more.eq(1),
                next_row.eq(0),
                self.needed.eq(0),
                steps.eq(-1),
                ahead.eq(-f.span),
                left.eq(f.in_rows),
                rows.eq(f.out_rows - 2),
                blocks.eq(f.n_blk - 2),
                weights.eq(f.dw_weights),
            ]
        return begin, next_row, weights, running

    def build(self, m: Module) -> tuple[data.View, Signal]:
        """(What is read in this cycle, as `_issue_layout` says; more comes).

        Rows of outputs follow one another (`_rows`), and in each the outputs, kernel rows and
        groups of columns.
        """
        row_ends = Signal()
        begin, first_word, weights, running = self._rows(m, row_ends)
        issue = Signal(self._issue_layout())
        turn, next_turn, skip = self._turns(m)
        # An output's first word, its kernel row's, and the one read; a block's weights, and those
        # read.
        output, line, address = (
            Signal(self.pointer, name=n, reset_less=True) for n in ("output", "line", "address")
        )
        block_weights, weight = (
            Signal(range(DW_WORDS), name=n, reset_less=True) for n in ("block_weights", "weight")
        )
        m.d.comb += [
            issue.address.eq(address),
            issue.turn.eq(turn),
            issue.weight.eq(weight),
        ]
        last_group, ends = self._count(m, begin, issue, row_ends)
        with m.If(issue.valid):
            m.d.sync += [address.eq(address + 1), weight.eq(weight + 1)]
            with m.If(last_group):
                following = line + self.fields.line_words
                m.d.sync += [line.eq(following), address.eq(following)]
        with m.If(ends):
            following = output + skip
            m.d.sync += [
                output.eq(following),
                line.eq(following),
                address.eq(following),
                turn.eq(next_turn),
            ]
            with m.If(next_turn == 0):
                m.d.sync += weight.eq(block_weights)
        with m.If(begin):
            m.d.sync += [
                turn.eq(0),
                output.eq(first_word),
                line.eq(first_word),
                address.eq(first_word),
                weight.eq(weights),
                block_weights.eq(weights),
            ]
        return issue, running

    def _issue_layout(self) -> data.StructLayout:
        """valid : a read. first, last : taps of an output. address : the words of the banks, one
        more of those below `turn`. weight : the word of weights.
        """
        return data.StructLayout(
            {
                "valid": 1,
                "first": 1,
                "last": 1,
                "address": bits_for(self.depth),
                "turn": bits_for(self.taps),
                "weight": bits_for(DW_WORDS),
            }
        )

    def _turns(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """(By how much the banks are turned for an output, and for the next one, whose first word
        is so many further on).
        """
        turn, next_turn, skip = (
            Signal(bits_for(self.taps), name="turn", reset_less=True),
            Signal(bits_for(self.taps), name="next_turn"),
            Signal(2, name="skip"),
        )
        with m.Switch(turn + self.fields.sw[:2]):
            for total in range(self.taps + MAX_DW_STRIDE):
                with m.Case(total):
                    m.d.comb += [next_turn.eq(total % self.taps), skip.eq(total // self.taps)]
        return turn, next_turn, skip

    def _count(
        self, m: Module, begin: Signal, issue: data.View, row_ends: Signal
    ) -> tuple[Signal, Signal]:
        """The loops of a row of outputs: (the read is a kernel row's last, an output's last)."""
        f = self.fields
        active = Signal(name="active")
        groups, lines, cols = (
            Signal(signed(bits), name=n, reset_less=True)
            for n, bits in (("groups", 9), ("lines", 9), ("out_cols", 17))
        )
        first_taps, last_group, last_line, last_col = (
            Signal(name=n) for n in ("first_taps", "last_group", "last_line", "last_col")
        )
        credits, has_credit = (
            Signal(range(self.credits + 1), init=self.credits),
            Signal(name="has_credit"),
        )
        go, ends = Signal(name="go"), Signal(name="output_ends")
        m.d.comb += [
            last_group.eq(groups[-1]),
            last_line.eq(lines[-1]),
            last_col.eq(cols[-1]),
            go.eq(active & (has_credit | ~first_taps)),
            ends.eq(go & last_group & last_line),
            row_ends.eq(ends & last_col),
            issue.valid.eq(go),
            issue.first.eq(first_taps),
            issue.last.eq(last_group & last_line),
        ]
        m.d.sync += [
            credits.eq(credits - (go & first_taps) + (self.o.valid & self.o.ready)),
            has_credit.eq(credits > 1),
        ]
        with m.If(go):
            m.d.sync += [
                first_taps.eq(last_group & last_line),
                groups.eq(Mux(last_group, f.n_kx - 2, groups - 1)),
            ]
            with m.If(last_group):
                m.d.sync += lines.eq(lines - 1)
        with m.If(ends):
            m.d.sync += [lines.eq(f.kh - 2), cols.eq(cols - 1), active.eq(~last_col)]
        with m.If(begin):
            m.d.sync += [
                active.eq(1),
                first_taps.eq(1),
                groups.eq(f.n_kx - 2),
                lines.eq(f.kh - 2),
                cols.eq(f.out_cols - 2),
            ]
        return last_group, ends
