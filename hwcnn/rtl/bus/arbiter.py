"""Who asks memory next: bursts of several clients onto one address channel."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import bits_for
from hwcnn.rtl.lib.fifo import StreamFifo


class RequestArbiter(wiring.Component):
    """Merges bursts of n clients, round robin, and adds the base address. One of low priority goes
    where no other waits.

    A client keeps the turn until it has had a burst and another one waits, which is seen a cycle
    late: so it may have two bursts in a row. Latency: 3 cycles from a client to `o`, 5 where
    another one had the turn before. Throughput: one burst a cycle. ``i[k].ready`` depends
    combinationally on ``low_priority[k]`` only; `o` comes from registers.

    Members
    -------
    i : n streams of {addr, length}; low_priority : a bit for each; base : byte address added to
    every burst's.
    can_accept, can_accept_low : in the next cycle a burst, or one of low priority, may be accepted.
    accepted : a burst is accepted in this cycle. taken, client, length : one was in the cycle
    before, whose, its beats (or 0).
    o : stream of {id, addr, len}, ``len`` being beats - 1, as AXI has it. back : as in
    `StreamFifo`: `o` shows the bursts of
        the past, `HISTORY` - 1 in all.
    """

    #: As many bursts can wait for memory to take them; as many are remembered.
    AHEAD, HISTORY = 8, 32

    def __init__(self, n: int) -> None:
        self.n = n
        burst = data.StructLayout({"addr": 32, "length": 9})
        super().__init__(
            {
                "i": In(stream.Signature(burst)).array(n),
                "low_priority": In(n),
                "base": In(32),
                "can_accept": In(1),
                "can_accept_low": In(1),
                "accepted": Out(1),
                "taken": Out(1),
                "client": Out(bits_for(n)),
                "length": Out(9),
                "o": Out(
                    stream.Signature(data.StructLayout({"id": bits_for(n), "addr": 32, "len": 8}))
                ),
                "back": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(
            self.o.payload.shape(), self.AHEAD, history=self.HISTORY
        )
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        turn = Signal(self.n, init=1)  # one bit is set
        take, addr = Signal(self.n), Signal(32, reset_less=True)
        can_issue, can_issue_low = self._allowed(m, fifo.level)
        m.d.comb += [self.accepted.eq(take.any()), fifo.back.eq(self.back)]
        m.d.comb += [
            self.i[k].ready.eq(turn[k] & Mux(self.low_priority[k], can_issue_low, can_issue))
            for k in range(self.n)
        ]
        m.d.comb += [take[k].eq(self.i[k].valid & self.i[k].ready) for k in range(self.n)]
        m.d.sync += [
            self.taken.eq(self.accepted),
            self.client.eq(select((turn[k], k) for k in range(self.n))),
            addr.eq(select((turn[k], self.i[k].payload.addr) for k in range(self.n))),
            self.length.eq(select((take[k], self.i[k].payload.length) for k in range(self.n))),
        ]
        self._pass_on(m, turn, can_issue)
        m.d.comb += [
            fifo.i.valid.eq(self.taken),
            fifo.i.payload.id.eq(self.client),
            fifo.i.payload.addr.eq(addr + self.base),
            fifo.i.payload.len.eq(self.length - 1),
        ]
        return m

    def _allowed(self, m: Module, level: Value) -> tuple[Signal, Signal]:
        """Registers: a burst, one of low priority, may be accepted."""
        can_issue, can_issue_low, urgent = Signal(), Signal(), self._urgent()
        # three bursts can be on their way into the FIFO when `level` shows 4
        fits = level <= self.AHEAD - 4
        m.d.sync += [
            can_issue.eq(self.can_accept & fits),
            can_issue_low.eq(self.can_accept_low & fits & ~urgent.any()),
        ]
        return can_issue, can_issue_low

    def _urgent(self) -> Value:
        """The clients with a burst that is not of low priority."""
        return Cat(port.valid for port in self.i) & ~self.low_priority

    def _pass_on(self, m: Module, turn: Value, can_issue: Value) -> None:
        """The turn goes to the next client that waits; it stays where there is none."""
        urgent, valid, waiting = self._urgent(), Cat(port.valid for port in self.i), Signal(self.n)
        following = Signal(self.n)
        m.d.sync += waiting.eq(
            Mux(urgent.any(), urgent, valid) & ~Cat(port.ready for port in self.i)
        )
        for k in range(self.n):
            before = [(k - distance) % self.n for distance in range(1, self.n)]
            m.d.comb += following[k].eq(
                waiting[k]
                & Cat(
                    turn[b] & ~Cat(waiting[j] for j in before[:at]).any()
                    for at, b in enumerate(before)
                ).any()
            )
        with m.If((waiting & ~turn).any() & (can_issue | ~(urgent & turn).any())):
            m.d.sync += turn.eq(following)


def select(choices: Iterable[tuple[Value, Value | int]]) -> Value:
    """The value whose condition holds, of (condition, value) of which one or none does."""
    return reduce(or_, (Mux(condition, value, 0) for condition, value in choices))
