"""A stand-in for the accelerator: its real control block and bus ports, around a core that only
counts.
"""

from amaranth import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig
from hwcnn.rtl.host.axi_lite import axi_lite_members
from hwcnn.rtl.host.control import Control


def axi_master(axi_bytes):
    address = {
        "id": Out(3),
        "addr": Out(32),
        "len": Out(8),
        "size": Out(3),
        "burst": Out(2),
        "valid": Out(1),
        "ready": In(1),
    }
    return {f"{c}{n}": m for c in ("ar", "aw") for n, m in address.items()} | {
        "rid": In(3),
        "rdata": In(8 * axi_bytes),
        "rresp": In(2),
        "rlast": In(1),
        "rvalid": In(1),
        "rready": Out(1),
        "wdata": Out(8 * axi_bytes),
        "wstrb": Out(axi_bytes),
        "wlast": Out(1),
        "wvalid": Out(1),
        "wready": In(1),
        "bid": In(3),
        "bresp": In(2),
        "bvalid": In(1),
        "bready": Out(1),
    }


class StandIn(wiring.Component):
    """After start it pulses event 1 (array done) each 10 cycles, and ends after `cycles`. A run
    with BASE + PROGRAM's lowest byte 0x40 ends with a bad opcode, one with 0x80 never ends.
    """

    def __init__(self, cycles):
        self.cycles = cycles
        super().__init__(
            {f"s_axi_{n}": m for n, m in axi_lite_members().items()}
            | {f"m_axi_{n}": m for n, m in axi_master(16).items()}
            | {"irq": Out(1), "events": Out(19)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = Control(AccelConfig())
        for name, member in axi_lite_members().items():
            inside, outside = getattr(control, name), getattr(self, f"s_axi_{name}")
            m.d.comb += outside.eq(inside) if member.flow is Out else inside.eq(outside)
        left, tick, done, busy = (
            Signal(range(self.cycles + 1)),
            Signal(range(10)),
            Signal(),
            Signal(),
        )
        wrong, stuck = control.program[6], control.program[7]
        with m.If(control.start):
            m.d.sync += [left.eq(self.cycles), tick.eq(0)]
        with m.Elif((left != 0) & ~stuck):
            m.d.sync += [left.eq(left - 1), tick.eq(tick + 1)]
            with m.If(tick == 9):
                m.d.sync += tick.eq(0)
                m.d.comb += done.eq(1)
        m.d.comb += [
            control.finished.eq((left == 1) & ~wrong & ~stuck),
            control.bad_opcode.eq((left == 1) & wrong),
            busy.eq((left != 0) & ~stuck),
            control.perf.eq(busy),
            self.events.eq(Cat(Const(0, 1), done, Const(0, 10), busy)),
            self.irq.eq(control.irq),
        ]
        return m
