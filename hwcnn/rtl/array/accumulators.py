"""The accumulators: two halves of block RAM, one adding sums while the other is drained."""

from itertools import pairwise

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.layouts import ram_read_port
from hwcnn.rtl.lib.ram import Ram


def sums_port(config: AccelConfig) -> wiring.Signature:
    """Sums of one pixel for the accumulators, from the array; no back-pressure.

    first : overwrite instead of add. addr : bits_for(2 * acc_depth), the top bit is the half. data
    : cols sums, `Accumulators.DATA_LATENCY` cycles after the rest.
    """
    return wiring.Signature(
        {
            "valid": Out(1),
            "first": Out(1),
            "addr": Out(bits_for(2 * config.acc_depth)),
            "data": Out(config.cols * config.sum_bits),
        }
    )


def drain_port(config: AccelConfig) -> wiring.Signature:
    """A read of the accumulators; ``data``: 2 * cols * 32 bits, of both halves; the top bit of
    ``addr`` says which is valid.
    """
    return ram_read_port(2 * 32 * config.cols, bits_for(2 * config.acc_depth))


class Accumulators(wiring.Component):
    """``acc[addr][c] = (0 if first else acc[addr][c]) + sums[c]``, modulo 2**32, for an address a
    cycle.

    The same address may come again `REUSE` cycles later, which every array guarantees since a pass
    takes at least 4 cycles. The sums of an address of cycle t are in RAM for a read in cycle t +
    `LATENCY`.

    Each half has one write and one read port. Where both sides address the same half in a cycle,
    the array's read wins and the other side gets that data; programs never do so.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    sums : `sums_port`. read : `drain_port`, data `READ_LATENCY` cycles after ``en``, for one cycle,
    straight from the RAMs.
    """

    READ_LATENCY, DATA_LATENCY = 1, 2
    LATENCY = REUSE = 3

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__({"sums": In(sums_port(config)), "read": In(drain_port(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth, width = self.config.acc_depth, 32 * self.config.cols
        stages = [self._stage(m, i) for i in (1, 2)]
        m.d.sync += [
            q.eq(d)
            for past, now in pairwise([self._now(), *stages])
            for d, q in zip(past, now, strict=True)
        ]
        (_, first, reading), (valid, _, addr) = stages

        old, total, halves = Signal(width, reset_less=True), Signal(width), []
        for half in range(2):
            m.submodules[f"half_{half}"] = ram = Ram(width, depth)
            mine = self.sums.valid & (self.sums.addr[-1] == half)
            theirs = self.read.en & (self.read.addr[-1] == half)
            halves.append(ram.r_data)
            m.d.comb += [
                ram.r_en.eq(mine | theirs),
                ram.r_addr.eq(Mux(mine, self.sums.addr, self.read.addr)[:-1]),
                ram.w_en.eq(valid & (addr[-1] == half)),
                ram.w_addr.eq(addr[:-1]),
                ram.w_data.eq(total),
            ]
        low, high = halves
        m.d.sync += old.eq(Mux(first, 0, Mux(reading[-1], high, low)))
        m.d.comb += [total.eq(self._added(old)), self.read.data.eq(Cat(halves))]
        return m

    def _now(self) -> tuple[Value, ...]:
        return self.sums.valid, self.sums.first, self.sums.addr

    def _stage(self, m: Module, i: int) -> list[Signal]:
        return [
            Signal.like(s, name=f"{name}_{i}", reset_less=name != "valid")
            for s, name in zip(self._now(), ("valid", "first", "addr"), strict=True)
        ]

    def _added(self, old: Value) -> Value:
        """The new accumulators, lane by lane."""
        bits = self.config.sum_bits
        return Cat(
            (old.word_select(c, 32) + self.sums.data.word_select(c, bits).as_signed())[:32]
            for c in range(self.config.cols)
        )
