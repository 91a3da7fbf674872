"""Which client's burst the bus answered with an error, and at which address."""

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.rtl.host.registers import READ_CLIENTS

from .arbiter import RequestArbiter

_CLIENT = range(len(READ_CLIENTS))


class FaultLocator(wiring.Component):
    """Keeps the first error of the bus until a reset, and finds the burst whose it was.

    Answers of a client come in the order of its bursts, those of different clients in any. So the
    bursts of the client that end from the error on are counted until nothing is in flight (no new
    ones are issued after an error); the burst is then as many of the client's bursts back in the
    past. It is found if it is among the last `SEEN` of all clients, that is, if not more have
    overtaken it, in at most `SEEN` + 2 cycles.

    Members
    -------
    read_error, read_ended, read_client, write_error, write_ended, write_client : of the answer of
    this cycle, as in `axi`. Of
        errors of one cycle the read's is kept.
    fault : there was an error. write, client : in which direction, and whose.
    settled : with `fault`: nothing is in flight, and nothing will be.
    back : a burst back in the past, as in `axi`. shown : in the direction of `write`, the client of
    the burst that is shown.
    located : the burst that is shown is the one, from now on.
    """

    SEEN = RequestArbiter.HISTORY - 3

    def __init__(self) -> None:
        super().__init__(
            {
                "read_error": In(1),
                "read_ended": In(1),
                "read_client": In(_CLIENT),
                "write_error": In(1),
                "write_ended": In(1),
                "write_client": In(_CLIENT),
                "fault": Out(1),
                "write": Out(1),
                "client": Out(_CLIENT),
                "settled": In(1),
                "back": Out(1),
                "shown": In(_CLIENT),
                "located": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        side, client, ended, first = Signal(), Signal(_CLIENT), Signal(), Signal()
        m.d.comb += [
            side.eq(Mux(self.fault, self.write, ~self.read_error)),
            first.eq(~self.fault & (self.read_error | self.write_error)),
            client.eq(Mux(side, self.write_client, self.read_client)),
            ended.eq(Mux(side, self.write_ended, self.read_ended)),
        ]
        with m.If(first):
            m.d.sync += [self.fault.eq(1), self.write.eq(side), self.client.eq(client)]

        # the client's bursts from that one on; the largest number stands for all beyond
        count = Signal(range(self.SEEN + 3))
        steps = Signal(range(self.SEEN + 3))  # back; the first shows nothing of use
        walks, match, found = Signal(), Signal(), Signal()
        m.d.comb += [
            walks.eq(self.fault & self.settled & ~self.located & ~steps.all()),
            match.eq(walks & (steps[1:] != 0) & (self.shown == self.client)),
            found.eq(match & (count == 1)),
            self.back.eq(walks & ~found),
        ]
        with m.If(match):
            m.d.sync += count.eq(count - 1)
        with m.If(ended & (first | (self.fault & (client == self.client))) & ~count.all()):
            m.d.sync += count.eq(count + 1)
        with m.If(walks):
            m.d.sync += steps.eq(steps + 1)
        with m.If(found):
            m.d.sync += self.located.eq(1)
        return m
