"""Counters of loops that know a cycle ahead which round is the last."""

from amaranth import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class LoopCounter(wiring.Component):
    """Counts the rounds of a loop, over and over, and says which is the last.

    Latency: 1 cycle from `load` or `step` to `last`, which is a register: it is computed while the
    counter steps. Throughput: a step a cycle.

    Parameters
    ----------
    bits : width of the number of rounds.

    Members
    -------
    load : begin with a loop of `n` rounds, at least 1. step : go on to the next round, behind the
    last to the first one of as many; `load` wins. last : the present round is the last one.
    """

    def __init__(self, bits: int) -> None:
        self.bits = bits
        super().__init__({"load": In(1), "n": In(bits), "step": In(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # left: the present one included
        total, left = Signal(self.bits, reset_less=True), Signal(self.bits, reset_less=True)
        single, one = Signal(reset_less=True), Signal()
        m.d.comb += one.eq(self.n == 1)
        with m.If(self.step):
            m.d.sync += [
                left.eq(Mux(self.last, total, left - 1)),
                self.last.eq(Mux(self.last, single, left == 2)),
            ]
        with m.If(self.load):
            m.d.sync += [total.eq(self.n), left.eq(self.n), single.eq(one), self.last.eq(one)]
        return m


class InlineLoopCounter:
    """The same in the registers of the block around it, where the rounds are counted upwards.

    A block of its own would hide from the other loops of a nest, in the cycle of a step, whether
    the next round will be the last (`last_next`), and whether a loop has one round only is often
    known long before it is loaded.
    """

    def __init__(self, name: str, bits: int) -> None:
        # number of the next round
        self.following = Signal(bits, name=f"{name}_following", reset_less=True)
        # single: there is one only
        self.last, self.single = Signal(name=f"{name}_last"), Signal(name=f"{name}_single")

    def last_next(self, count: Value) -> Value:
        """Whether the next round of `count` is the last, the first one coming after the last."""
        return Mux(self.last, self.single, self.following == count)

    def count(self, m: Module, starts: Value, moves: Value, single: Value, count: Value) -> None:
        """On to the first round if it `starts`, `single` where there is one only; if it `moves`, to
        the next of `count`.
        """
        # in the last round already: `following` is of no use there
        with m.If(starts | self.last):
            m.d.sync += self.following.eq(2)
        with m.Elif(moves):
            m.d.sync += self.following.eq(self.following + 1)
        with m.If(starts | moves):
            m.d.sync += self.last.eq(Mux(starts, single, self.last_next(count)))
        with m.If(starts):
            m.d.sync += self.single.eq(single)
