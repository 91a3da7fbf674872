"""The accumulators: two halves of block RAM, one adding sums while the other is drained."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .layouts import ram_read_port
from .ram import Ram


def sums_port(config):
    """Sums of one pixel for the accumulators, from the array; no back-pressure.

    first : overwrite instead of add. addr : bits_for(2 * acc_depth), the top bit is the half. data : cols sums,
    `Accumulators.DATA_LATENCY` cycles after them.
    """
    return wiring.Signature({
        "valid": Out(1), "first": Out(1), "addr": Out(bits_for(2 * config.acc_depth)),
        "data": Out(config.cols * config.sum_bits)})


class Accumulators(wiring.Component):
    """``acc[addr][c] = (0 if first else acc[addr][c]) + sums[c]``, modulo 2**32, for an address a cycle.

    The same address may come again `REUSE` cycles later, which every array guarantees since a pass takes at least 4
    cycles. The sums of an address of cycle t are in RAM for a read in cycle t + `LATENCY`.

    Each half has one write and one read port. Where both sides address the same half in a cycle, the array's read wins
    and the other side gets that data; programs never do so.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    sums : `sums_port`. read : cols * 32 bits, `READ_LATENCY` cycles after ``en``, for one cycle.
    """

    READ_LATENCY = DATA_LATENCY = 2
    LATENCY = REUSE = 4

    def __init__(self, config):
        self.config = config
        super().__init__({
            "sums": In(sums_port(config)),
            "read": In(ram_read_port(32 * config.cols, bits_for(2 * config.acc_depth))),
        })

    def elaborate(self, platform):
        m = Module()
        depth, width = self.config.acc_depth, 32 * self.config.cols
        stages = [self._stage(m, i) for i in (1, 2, 3)]
        m.d.sync += [q.eq(d) for past, now in zip([self._now(), *stages], stages) for d, q in zip(past, now)]
        valid, _, addr = stages[2]

        total, held = Signal(width, reset_less=True), []
        for half in range(2):
            m.submodules[f"half_{half}"] = ram = Ram(width, depth)
            mine = self.sums.valid & (self.sums.addr[-1] == half)
            theirs = self.read.en & (self.read.addr[-1] == half)
            kept = Signal(width, name=f"read_{half}", reset_less=True)
            held.append(kept)
            m.d.comb += [
                ram.r_en.eq(mine | theirs),
                ram.r_addr.eq(Mux(mine, self.sums.addr, self.read.addr)[:-1]),
                ram.w_en.eq(valid & (addr[-1] == half)), ram.w_addr.eq(addr[:-1]), ram.w_data.eq(total),
            ]
            m.d.sync += kept.eq(ram.r_data)
        m.d.sync += total.eq(self._added(held, *stages[1][1:], self.sums.data))

        halves = Signal(self.READ_LATENCY, reset_less=True)
        m.d.sync += halves.eq(Cat(self.read.addr[-1], halves))
        m.d.comb += self.read.data.eq(Mux(halves[-1], held[1], held[0]))
        return m

    def _now(self):
        return self.sums.valid, self.sums.first, self.sums.addr

    def _stage(self, m, i):
        return [Signal.like(s, name=f"{name}_{i}", reset_less=name != "valid")
                for s, name in zip(self._now(), ("valid", "first", "addr"))]

    def _added(self, held, first, addr, sums):
        """The new accumulators, lane by lane."""
        bits = self.config.sum_bits
        lanes = []
        for c in range(self.config.cols):
            low, high = (half.word_select(c, 32) for half in held)
            old = Mux(first, Const(0, 32), Mux(addr[-1], high, low))
            lane = sums.word_select(c, bits)
            lanes.append((Cat(lane, lane[-1].replicate(32 - bits)) + old)[:32])
        return Cat(lanes)
