"""The completion counters, and the performance counters, which share one adder and a RAM."""

from amaranth import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring

from hwcnn import isa
from hwcnn.config import bits_for
from hwcnn.rtl.lib.ram import Ram

from .registers import DATA_BITS, PERF


def counters(m: Module, control: wiring.Component, busy: Value) -> tuple[Signal, Signal, Value]:
    """The completion counters and the performance counters; returns (number of a counter, its
    value, a bit: it is of this run).

    The performance counters are in a RAM. One has its turn in each cycle: what has been counted
    for it since its last turn is added in the next, and shown in the one after.
    """
    for k in range(len(isa.COUNTERS)):
        m.d.sync += control.counts[k].eq(Mux(control.start, 0, control.counts[k] + control.done[k]))
    n = len(PERF)
    m.submodules.perf = ram = Ram(DATA_BITS, n)
    # number of the counter that is in each step
    turn, adding, shown = Signal(range(n)), Signal(range(n)), Signal(range(n))
    turns = Signal(n, init=1)  # a bit for each counter: it has its turn
    unwritten = Signal(range(n + 1), init=n)  # turns until all in the RAM is of this run
    fresh, begun = Signal(init=1), Signal()
    since = [Signal(bits_for(n + 1), name=f"since_{name}") for name, _ in PERF]
    count, counted, total, value = (
        Signal(n),
        Signal.like(since[0]),
        Signal(DATA_BITS),
        Signal(DATA_BITS),
    )
    m.d.comb += [
        total.eq(counted + Mux(fresh, 0, ram.r_data)),
        ram.r_en.eq(1),
        ram.r_addr.eq(turn),
        ram.w_en.eq(1),
        ram.w_addr.eq(adding),
        ram.w_data.eq(total),
    ]
    m.d.sync += [
        count.eq(Mux(busy, Cat(1, control.perf), 0)),
        turn.eq(Mux(turns[-1], 0, turn + 1)),
        turns.eq(turns.rotate_left(1)),
        adding.eq(turn),
        counted.eq(Array(since)[turn]),
        fresh.eq(unwritten != 0),
        shown.eq(adding),
        value.eq(total),
        begun.eq(control.start | (begun & busy)),
    ]
    for k, number in enumerate(since):
        m.d.sync += number.eq(Mux(turns[k], 0, number) + count[k])
    with m.If(unwritten != 0):
        m.d.sync += unwritten.eq(unwritten - 1)
    with m.If(control.start):
        m.d.sync += [unwritten.eq(n), counted.eq(0), *(number.eq(0) for number in since)]
    return shown, value, begun & (unwritten == 0)
