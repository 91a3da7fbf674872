"""The counter of a loop."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Rounds(wiring.Component):
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

    def __init__(self, bits):
        self.bits = bits
        super().__init__({"load": In(1), "n": In(bits), "step": In(1), "last": Out(1)})

    def elaborate(self, platform):
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
