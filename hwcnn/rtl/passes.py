"""The outer loops of ARRAY: which passes an instruction makes."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .. import isa
from .layouts import instruction_layout

#: Bits of addresses and steps in ARRAY.
STEP_BITS = 20
#: A pass: its first address, where its sums go, and the loops over its pixels. restart: accumulator addresses start at
#: ``acc`` (otherwise they go on from the pass before). first: its sums overwrite. last: of the instruction.
PASS_LAYOUT = data.StructLayout({
    "base": STEP_BITS, "acc": 16, "restart": 1, "first": 1, "last": 1,
    "n_y": 16, "s_y": STEP_BITS, "n_x": 16, "s_x": STEP_BITS})
_LOOPS = ("ob", "kx", "ky", "cb")  # inner to outer


class PassSequencer(wiring.Component):
    """The loops cb, ky, kx, ob of ARRAY as a stream of passes, one a cycle.

    An instruction is taken as soon as the last pass of the one before has been put into `o`; its first pass is in `o`
    `LATENCY` cycles later (when `o` is free), so behind a pass of 4 cycles or more it costs no time.

    Addresses are running sums: each loop keeps the address at which its present round began.

    Members
    -------
    i : stream of ARRAY. o : stream of `PASS_LAYOUT`.
    """

    LATENCY = 2

    def __init__(self):
        super().__init__({
            "i": In(stream.Signature(instruction_layout(isa.ARRAY))),
            "o": Out(stream.Signature(PASS_LAYOUT)),
        })

    def elaborate(self, platform):
        m = Module()
        fields = Signal(instruction_layout(isa.ARRAY), reset_less=True)
        running = Signal()
        overwrite, restart = Signal(reset_less=True), Signal(reset_less=True)
        left = [Signal(16, name=f"left_{n}", reset_less=True) for n in _LOOPS]  # rounds after the present one
        base = [Signal(STEP_BITS, name=f"base_{n}", reset_less=True) for n in _LOOPS]
        ended = [rounds == 0 for rounds in left]

        advance = running & (~self.o.valid | self.o.ready)
        m.d.comb += self.i.ready.eq(~running)
        with m.If(self.i.valid & ~running):
            new = self.i.payload
            m.d.sync += [running.eq(1), fields.eq(new), overwrite.eq(~new.accumulate), restart.eq(1)]
            m.d.sync += [rounds.eq(new[f"n_{n}"] - 1) for n, rounds in zip(_LOOPS, left)]
            m.d.sync += [address.eq(new.base) for address in base]
        with m.If(advance):
            self._step(m, fields, left, base, ended)
            m.d.sync += [running.eq(~Cat(ended).all()), restart.eq(ended[0]), overwrite.eq(overwrite & ~ended[0])]

        o = self.o.payload
        m.d.sync += self.o.valid.eq(advance | (self.o.valid & ~self.o.ready))
        with m.If(advance):
            m.d.sync += [
                o.base.eq(base[0]), o.restart.eq(restart), o.first.eq(overwrite), o.last.eq(Cat(ended).all()),
                *(o[n].eq(fields[n]) for n in ("acc", "n_y", "s_y", "n_x", "s_x"))]
        return m

    def _step(self, m, fields, left, base, ended):
        """Advance the innermost loop that has rounds left; those inside it start anew at its new address."""
        origin, step = Signal(STEP_BITS), Signal(STEP_BITS)
        for n, address, over in reversed(list(zip(_LOOPS, base, ended))):
            with m.If(~over):
                m.d.comb += [origin.eq(address), step.eq(fields[f"s_{n}"])]
        inside_ended = Const(1)
        for n, rounds, address, over in zip(_LOOPS, left, base, ended):
            with m.If(inside_ended):
                m.d.sync += [rounds.eq(Mux(over, fields[f"n_{n}"], rounds) - 1), address.eq(origin + step)]
            inside_ended = inside_ended & over
