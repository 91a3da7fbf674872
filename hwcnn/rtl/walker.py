"""Addresses of nested loops, by running sums."""

from amaranth import Array, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out


def walk_layout(levels, addr_bits):
    """{addr, s0, n0, s1, n1, ...}: first address; stride and count (>= 1) of each loop, innermost first."""
    fields = {"addr": addr_bits}
    for k, (stride_bits, count_bits) in enumerate(levels):
        fields |= {f"s{k}": stride_bits, f"n{k}": count_bits}
    return data.StructLayout(fields)


class Walker(wiring.Component):
    """Emits the address of every iteration of a loop nest: ``addr + sum(index[k] * s[k])``, modulo 2**addr_bits.

    Latency: 2 cycles from `i` to the first address. Throughput: one address a cycle, two idle cycles between nests.
    `i.ready`, `o.valid` and the address come from registers.

    Parameters
    ----------
    levels : (stride bits, count bits) of each loop, two or three, innermost first.
    addr_bits : bits of an address; it and the strides have one unit, whichever.

    Members
    -------
    i : stream of `walk_layout(levels, addr_bits)`.
    o : stream of {addr, last}; ``last`` marks the nest's last address.
    """

    def __init__(self, levels, addr_bits=32):
        self.levels, self.addr_bits = levels, addr_bits
        super().__init__({
            "i": In(stream.Signature(walk_layout(levels, addr_bits))),
            "o": Out(stream.Signature(data.StructLayout({"addr": addr_bits, "last": 1}))),
        })

    def elaborate(self, platform):
        m = Module()
        depth, nest = len(self.levels), self.i.payload
        strides = [Signal(bits, name=f"s{k}") for k, (bits, _) in enumerate(self.levels)]
        counts = [Signal(bits, name=f"n{k}") for k, (_, bits) in enumerate(self.levels)]
        at = [Signal(bits, name=f"at{k}") for k, (_, bits) in enumerate(self.levels)]  # from 1 to the count
        starts = [Signal(self.addr_bits, name=f"start{k}") for k in range(depth)]  # of the present iteration of loop k
        loaded, active = Signal(), Signal()  # a nest before its first address; an address is at `o`
        ends = [Signal(name=f"end{k}") for k in range(depth)]  # loops 0 to k are in their last iterations
        step, move = Signal(), Signal()  # the address is taken; another one follows

        for k in range(depth):
            m.d.comb += ends[k].eq((at[k] == counts[k]) & (ends[k - 1] if k else 1))
        m.d.comb += [
            self.i.ready.eq(~active & ~loaded), self.o.valid.eq(active),
            self.o.payload.addr.eq(starts[0]), self.o.payload.last.eq(ends[-1]),
            step.eq(self.o.valid & self.o.ready), move.eq(loaded | (step & ~ends[-1])),
        ]

        # The one adder: the innermost loop that is not at its end goes on; the nest begins with the outermost's start.
        stepping, following = Signal(range(depth + 1)), Signal(self.addr_bits)
        m.d.comb += stepping.eq(depth)
        for k in reversed(range(depth)):
            with m.If(~loaded & ~ends[k]):
                m.d.comb += stepping.eq(k)
        m.d.comb += following.eq(Array([*starts, starts[-1]])[stepping] + Array([*strides, Const(0, 1)])[stepping])
        for k in range(depth):
            with m.If(move & (stepping >= k if k else 1)):
                m.d.sync += starts[k].eq(following)
            with m.If(loaded | (step & (ends[k - 1] if k else 1))):
                m.d.sync += at[k].eq(Mux(loaded | ends[k], 1, at[k] + 1))

        with m.If(loaded | (step & ends[-1])):
            m.d.sync += [active.eq(loaded), loaded.eq(0)]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [loaded.eq(1), starts[-1].eq(nest.addr)]
            for k in range(depth):
                m.d.sync += [strides[k].eq(nest[f"s{k}"]), counts[k].eq(nest[f"n{k}"])]
        return m
