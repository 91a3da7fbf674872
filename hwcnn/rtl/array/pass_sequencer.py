"""The outer loops of ARRAY: which passes an instruction makes."""

from amaranth import Module, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.rtl.layouts import instruction_layout
from hwcnn.rtl.lib.delay import output_register
from hwcnn.rtl.lib.loop_counter import LoopCounter

#: Bits of addresses and steps in ARRAY.
STEP_BITS = 20
#: A pass: its first address, where its sums go, and the loops over its pixels. restart: accumulator
#: addresses start at ``acc`` (otherwise they go on from the pass before). first: its sums
#: overwrite. last: of the instruction. upper: added to the addresses for the upper half of the
#: lanes.
PASS_LAYOUT = data.StructLayout(
    {
        "base": STEP_BITS,
        "acc": 16,
        "restart": 1,
        "first": 1,
        "last": 1,
        "n_y": 16,
        "s_y": STEP_BITS,
        "n_x": 16,
        "s_x": STEP_BITS,
        "upper": STEP_BITS,
    }
)
_LOOPS = ("ob", "kx", "ky", "cb")  # inner to outer


class PassSequencer(wiring.Component):
    """The loops cb, ky, kx, ob of ARRAY as a stream of passes, one in two cycles.

    An instruction is taken 2 cycles after the last pass of the one before has been put into `o`;
    its first pass is in `o` `LATENCY` cycles later (when `o` is free), so behind passes of 4 cycles
    or more it costs no time.

    In the cycle in which a pass is put into `o`, every loop already knows where its next round
    would begin. In the one after it, the innermost loop that has rounds left goes on there, and
    those inside it begin anew at the same address.

    Members
    -------
    i : stream of ARRAY. o : stream of `PASS_LAYOUT`.
    """

    LATENCY = 2

    def __init__(self) -> None:
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(isa.ARRAY))),
                "o": Out(stream.Signature(PASS_LAYOUT)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fields, new = Signal(instruction_layout(isa.ARRAY), reset_less=True), self.i.payload
        running, stepping = Signal(), Signal()  # the present pass has been put into `o`
        base = Signal(STEP_BITS, reset_less=True)
        overwrite, restart = Signal(reset_less=True), Signal(reset_less=True)
        # loops of which a round begins with the present pass
        begun = Signal(len(_LOOPS), reset_less=True)
        put = running & ~stepping & ~self.o.valid
        ended, inside_ended = self._loop_counters(m, ~running, stepping)

        following = Signal(STEP_BITS)
        for n, begins, over in reversed(list(zip(_LOOPS, begun, ended, strict=True))):
            address = Signal(STEP_BITS, name=f"following_{n}", reset_less=True)
            with m.If(begins):
                m.d.sync += address.eq(base + fields[f"s_{n}"])
            with m.If(~over):
                m.d.comb += following.eq(address)

        o = output_register(m, self.o.payload)
        m.d.comb += self.i.ready.eq(~running)
        m.d.sync += [stepping.eq(put), self.o.valid.eq(put | (self.o.valid & ~self.o.ready))]
        with m.If(~self.o.valid):
            m.d.sync += [
                o.base.eq(base),
                o.restart.eq(restart),
                o.first.eq(overwrite),
                o.last.eq(ended.all()),
                *(o[n].eq(fields[n]) for n in ("acc", "n_y", "s_y", "n_x", "s_x", "upper")),
            ]
        with m.If(stepping):
            m.d.sync += [
                base.eq(following),
                begun.eq(inside_ended),
                running.eq(~ended.all()),
                restart.eq(ended[0]),
                overwrite.eq(overwrite & ~ended[0]),
            ]
        # whatever is at `i` is taken over, so that only one bit has to wait for its `valid`
        with m.If(~running):
            m.d.sync += [
                running.eq(self.i.valid),
                fields.eq(new),
                base.eq(new.base),
                begun.eq(-1),
                overwrite.eq(~new.accumulate),
                restart.eq(1),
            ]
        return m

    def _loop_counters(self, m: Module, load: Value, step: Value) -> tuple[Signal, Signal]:
        """(Loops in their last round, loops of which all that are inside are); a step is one of the
        latter.
        """
        ended, inside_ended = Signal(len(_LOOPS)), Signal(len(_LOOPS))
        for k, n in enumerate(_LOOPS):
            m.submodules[n] = counter = LoopCounter(len(self.i.payload[f"n_{n}"]))
            m.d.comb += [
                counter.load.eq(load),
                counter.n.eq(self.i.payload[f"n_{n}"]),
                counter.step.eq(step & inside_ended[k]),
                ended[k].eq(counter.last),
                inside_ended[k].eq(ended[:k].all()),
            ]
        return ended, inside_ended
