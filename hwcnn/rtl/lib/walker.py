"""Addresses of nested loops, by running sums."""

from collections.abc import Sequence

from amaranth import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .loop_counter import InlineLoopCounter


def walk_layout(levels: Sequence[tuple[int, int]], addr_bits: int) -> data.StructLayout:
    """{addr, s0, n0, s1, n1, ...}: first address; stride and count (>= 1) of each loop, innermost
    first.
    """
    fields = {"addr": addr_bits}
    for k, (stride_bits, count_bits) in enumerate(levels):
        fields |= {f"s{k}": stride_bits, f"n{k}": count_bits}
    return data.StructLayout(fields)


class Walker(wiring.Component):
    """Emits the address of every iteration of a loop nest: ``addr + sum(index[k] * s[k])``, modulo
    2**addr_bits.

    Latency: 1 cycle from `i` to the first address. Throughput: one address a cycle, one idle cycle
    between nests. `i.ready` and all of `o` come from registers.

    Parameters
    ----------
    levels : (stride bits, count bits) of each loop, two or three, innermost first.
    addr_bits : bits of an address; it and the strides have one unit, whichever.

    Members
    -------
    i : stream of `walk_layout(levels, addr_bits)`.
    o : stream of {addr, last}; ``last`` marks the nest's last address.
    """

    def __init__(self, levels: Sequence[tuple[int, int]], addr_bits: int = 32) -> None:
        self.levels, self.addr_bits = levels, addr_bits
        super().__init__(
            {
                "i": In(stream.Signature(walk_layout(levels, addr_bits))),
                "o": Out(stream.Signature(data.StructLayout({"addr": addr_bits, "last": 1}))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        nest, loops = (
            self.i.payload,
            [InlineLoopCounter(f"loop{k}", bits) for k, (_, bits) in enumerate(self.levels)],
        )
        strides = [
            Signal(bits, name=f"s{k}", reset_less=True) for k, (bits, _) in enumerate(self.levels)
        ]
        counts = [
            Signal(bits, name=f"n{k}", reset_less=True) for k, (_, bits) in enumerate(self.levels)
        ]
        # of loop k's present iteration
        starts = [
            Signal(self.addr_bits, name=f"start{k}", reset_less=True) for k in range(len(loops))
        ]
        # loops 0 to k are in their last iterations
        ends = [Signal(name=f"end{k}") for k in range(len(loops))]
        active = Signal()  # an address is at `o`
        m.d.comb += [
            self.i.ready.eq(~active),
            self.o.valid.eq(active),
            self.o.payload.addr.eq(starts[0]),
            self.o.payload.last.eq(ends[-1]),
        ]

        # The one adder: the innermost loop that is not at its end goes on.
        start, stride = starts[-1], strides[-1]
        for k in reversed(range(len(loops) - 1)):
            start, stride = Mux(ends[k], start, starts[k]), Mux(ends[k], stride, strides[k])
        following = (start + stride)[: self.addr_bits]

        all_last = all_single = 1  # at the next address, at a nest's first
        for k, loop in enumerate(loops):
            # the loop goes on with the next step
            turn, single = (ends[k - 1] if k else 1), nest[f"n{k}"] == 1
            all_last &= Mux(turn, loop.last_next(counts[k]), loop.last)
            all_single &= single
            with m.If(~active | self.o.ready):
                m.d.sync += ends[k].eq(Mux(active, all_last, all_single))
            loop.count(m, ~active, self.o.ready & turn, single, counts[k])
            with m.If(~active | (self.o.ready & turn)):
                m.d.sync += starts[k].eq(Mux(active, following, nest.addr))
            with m.If(~active):
                m.d.sync += [strides[k].eq(nest[f"s{k}"]), counts[k].eq(nest[f"n{k}"])]
        with m.If(~active | self.o.ready):
            m.d.sync += active.eq(Mux(active, ~ends[-1], self.i.valid))
        return m
