"""Addresses of nested loops, by running sums."""

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


def walk_layout(levels):
    """{addr, s0, n0, s1, n1, ...}: first address; byte stride and count (>= 1) of each loop, innermost first."""
    fields = {"addr": 32}
    for k, (stride_bits, count_bits) in enumerate(levels):
        fields |= {f"s{k}": stride_bits, f"n{k}": count_bits}
    return data.StructLayout(fields)


class Walker(wiring.Component):
    """Emits the address of every iteration of a loop nest: ``addr + sum(index[k] * s[k])``, modulo 2**32.

    Latency: 1 cycle from `i` to the first address. Throughput: one address a cycle, one idle cycle between nests.
    All outputs come from registers.

    Parameters
    ----------
    levels : (stride bits, count bits) of each loop, innermost first.

    Members
    -------
    i : stream of `walk_layout(levels)`.
    o : stream of {addr, last}; ``last`` marks the nest's last address.
    """

    def __init__(self, levels):
        self.levels = levels
        super().__init__({
            "i": In(stream.Signature(walk_layout(levels))),
            "o": Out(stream.Signature(data.StructLayout({"addr": 32, "last": 1}))),
        })

    def elaborate(self, platform):
        m = Module()
        depth = len(self.levels)
        strides = [Signal(bits, name=f"s{k}") for k, (bits, _) in enumerate(self.levels)]
        counts = [Signal(bits, name=f"n{k}") for k, (_, bits) in enumerate(self.levels)]
        left = [Signal(bits, name=f"left{k}") for k, (_, bits) in enumerate(self.levels)]
        # starts[k]: address where loop k's next iteration starts; starts[0] is not a register of its own.
        addr = Signal(32)
        starts = [addr] + [Signal(32, name=f"start{k}") for k in range(1, depth)]
        active = Signal()
        ends = [Signal(name=f"end{k}") for k in range(depth)]  # loops 0 to k are in their last iterations

        def begin(k, base):
            """Loops below k start again at `base`."""
            m.d.sync += [addr.eq(base)]
            m.d.sync += [starts[j].eq(base + strides[j]) for j in range(1, k)]
            m.d.sync += [left[j].eq(counts[j]) for j in range(k)]

        for k in range(depth):
            m.d.comb += ends[k].eq((left[k] == 1) & (ends[k - 1] if k else 1))
        m.d.comb += [self.i.ready.eq(~active), self.o.valid.eq(active),
                     self.o.payload.addr.eq(addr), self.o.payload.last.eq(ends[-1])]
        with m.If(self.o.valid & self.o.ready):
            with m.If(~ends[0]):
                m.d.sync += [addr.eq(addr + strides[0]), left[0].eq(left[0] - 1)]
            for k in range(1, depth):
                with m.Elif(~ends[k]):
                    begin(k, starts[k])
                    m.d.sync += [starts[k].eq(starts[k] + strides[k]), left[k].eq(left[k] - 1)]
            with m.Else():
                m.d.sync += active.eq(0)
        with m.If(self.i.valid & self.i.ready):
            nest = self.i.payload
            m.d.sync += [active.eq(1), addr.eq(nest.addr)]
            for k in range(depth):
                m.d.sync += [strides[k].eq(nest[f"s{k}"]), counts[k].eq(nest[f"n{k}"]), left[k].eq(nest[f"n{k}"])]
            for k in range(1, depth):
                m.d.sync += starts[k].eq(nest.addr + nest[f"s{k}"])
        return m
