"""The order in which local response normalisation works on its vectors, and their storage."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream

from hwcnn.config import AccelConfig
from hwcnn.limits import lrn_fill_steps, lrn_lookups, lrn_steps
from hwcnn.rtl.lib.ram import Ram

#: The signals of a step, see `LrnSequence`.
Step = dict[str, Value]


class LrnSequence:
    """Loads a vector into `work`, and steps through it, `lrn_lookups` lanes a step, in the module
    of `lrn.LrnFactors`.

    A block's vectors come once; those of the first one (`fill`) are stored only, all later ones
    replace those of the block before, which are worked on. Behind the last block there is a pass
    over its stored vectors without inputs (`flush`).

    Members
    -------
    running, stepping : there is work; of a vector. reserve : a result is begun.
    step : signals of the step at hand: valid; first, last, before_last : of its vector; group : its
    number; fill, flush : of its block; pixel; lanes : two above those of the step; vector.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config, self.steps = config, lrn_steps(config)
        self.fill_steps = lrn_fill_steps(config)
        self.running, self.fill, self.flush, self.stepping, self.last = (
            Signal(name=name) for name in ("running", "fill", "flush", "stepping", "last")
        )
        # A block's last vector is in `work`; one cycle more, in which its last pixel's squares are
        # on their way to their RAM.
        self.ending, self.rewind = Signal(), Signal(name="rewind")
        # `ends`: one is left
        self.blocks, self.left, self.ends = (
            Signal(16),
            Signal(range(config.pool_depth + 1)),
            Signal(name="ends"),
        )
        self.pixel, self.count = (
            Signal(range(config.pool_depth)),
            Signal(range(self.steps), name="count"),
        )
        # Whether the block of the vector in `work` was the first or last to come, and its pixel.
        self.work = Signal(8 * (config.lanes + 2), reset_less=True)
        self.filled, self.flushed, self.at = (
            Signal(),
            Signal(),
            Signal.like(self.pixel, name="at"),
        )
        # A vector may be loaded, as far as the steps go; `takes` and `repeats`: also for all else,
        # from `i` or in the last pass.
        self.free, self.takes, self.repeats = Signal(), Signal(), Signal(name="repeats")
        self.next_free, self.next_last, self.load = Signal(), Signal(), Signal(name="load")
        self.begins = Signal()

    def build(
        self,
        m: Module,
        i: stream.Interface,
        has_credit: Value,
        start: Value,
        n_blk: Value,
        n_pixels: Value,
        busy: Value,
    ) -> None:
        """The logic; the arguments are members of `lrn.LrnFactors`."""
        m.submodules.vectors = ram = Ram(8 * self.config.lanes, self.config.pool_depth)
        ends_soon = self.stepping & (self.count == self.steps - 2)
        self._decide(m, ram, i, has_credit, busy, ends_soon)
        self._count(m, ram, i, start, n_blk, n_pixels)
        m.d.sync += self.begins.eq(self.load)
        self.reserve = self.begins & ~self.filled
        lanes = 8 * lrn_lookups(self.config)
        self.step = {
            "valid": self.stepping,
            "first": self.begins,
            "last": self.last,
            "before_last": ends_soon,
            "group": self.count,
            "fill": self.filled,
            "flush": self.flushed,
            "pixel": self.at,
            "lanes": self.work[16:].word_select(self.count, lanes),
            "vector": self.work[: 8 * self.config.lanes],
        }

    def _decide(
        self,
        m: Module,
        ram: Ram,
        i: stream.Interface,
        has_credit: Value,
        busy: Value,
        ends_soon: Value,
    ) -> None:
        """When a vector is loaded, and from where."""
        load, fill, rewind = self.load, self.fill, self.rewind
        m.d.comb += [
            i.ready.eq(self.takes),
            load.eq((self.takes & i.valid) | self.repeats),
            ram.w_en.eq(load & ~self.flush),
            ram.w_addr.eq(self.pixel),
            ram.w_data.eq(i.payload),
            # The next pixel's vector, or a block's first one.
            ram.r_en.eq(load | rewind),
            ram.r_addr.eq(Mux(rewind, 0, self.pixel + 1)),
            busy.eq(self.running | self.stepping),
            self.next_last.eq(Mux(load, fill & (self.fill_steps == 1), ends_soon)),
            self.next_free.eq(
                Mux(
                    load,
                    fill & (self.fill_steps == 1) & ~self.ends,
                    self.free | (ends_soon & ~self.ending) | (rewind & self.running),
                )
            ),
        ]
        m.d.sync += [
            self.free.eq(self.next_free),
            self.last.eq(self.next_last),
            rewind.eq(self.last & self.ending),
            self.stepping.eq(load | (self.stepping & ~self.last)),
            self.takes.eq(self.next_free & ~self.flush & (fill | has_credit)),
            self.repeats.eq(self.next_free & self.flush & has_credit),
        ]

    def _count(
        self, m: Module, ram: Ram, i: stream.Interface, start: Value, n_blk: Value, n_pixels: Value
    ) -> None:
        """The loops over blocks, pixels and steps."""
        load, fill, flush, rewind = self.load, self.fill, self.flush, self.rewind
        with m.If(self.last):
            m.d.sync += self.ending.eq(0)
        with m.If(self.stepping):
            m.d.sync += self.count.eq(self.count + 1)
        with m.If(load):
            m.d.sync += [
                self.work.eq(Cat(ram.r_data, i.payload[:16])),
                self.filled.eq(fill),
                self.flushed.eq(flush),
                self.at.eq(self.pixel),
                self.count.eq(Mux(fill, self.steps - self.fill_steps, 0)),
                self.pixel.eq(self.pixel + 1),
                self.left.eq(self.left - 1),
                self.ends.eq(self.left == 2),
            ]
        with m.If(load & self.ends):
            m.d.sync += [
                fill.eq(0),
                flush.eq(self.blocks == 1),
                self.running.eq(~flush),
                self.ending.eq(1),
            ]
        with m.If(rewind):
            m.d.sync += self.blocks.eq(self.blocks - 1)
        with m.If(start):
            m.d.sync += [
                self.running.eq(1),
                fill.eq(1),
                flush.eq(0),
                self.free.eq(1),
                self.takes.eq(1),
                self.blocks.eq(n_blk),
            ]
        with m.If(start | rewind):
            m.d.sync += [self.pixel.eq(0), self.left.eq(n_pixels), self.ends.eq(n_pixels == 1)]
