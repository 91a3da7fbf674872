"""The accelerator: control block and core, with the ports that an FPGA design connects to."""

from amaranth import ClockDomain, ClockSignal, Module, ResetInserter, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig
from hwcnn.rtl.bus.axi_master import axi_members
from hwcnn.rtl.host.axi_lite import axi_lite_members
from hwcnn.rtl.host.control import Control

from .core import Core


class Accelerator(wiring.Component):
    """A whole accelerator. One clock (`clk`), synchronous reset (`rst`), flat ports.

    Resets reach the blocks a cycle late, from registers: they go far.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    clk, rst. m_axi_* : AXI4 master to DRAM. s_axi_* : AXI4-Lite slave with the registers of
    `registers.REGISTERS`.
    irq : interrupt, a level. events : see `core.Core`; for simulation, leave it open otherwise.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        self._control, self._core = Control(config), Core(config)
        super().__init__(
            {f"m_axi_{name}": member for name, member in axi_members(config).items()}
            | {f"s_axi_{name}": member for name, member in axi_lite_members().items()}
            | {"clk": In(1), "rst": In(1), "irq": Out(1), "events": Out(len(self._core.events))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        control, core = self._control, self._core
        m.domains.sync = ClockDomain(reset_less=True)
        control_reset, core_reset = Signal(init=1), Signal(init=1)
        m.d.comb += ClockSignal().eq(self.clk)
        m.d.sync += [control_reset.eq(self.rst), core_reset.eq(self.rst | control.soft_reset)]
        m.submodules.control = ResetInserter(control_reset)(control)
        m.submodules.core = ResetInserter(core_reset)(core)
        for prefix, block, members in (
            ("m_axi", core, axi_members(self.config)),
            ("s_axi", control, axi_lite_members()),
        ):
            for name, member in members.items():
                inside, outside = getattr(block, name), getattr(self, f"{prefix}_{name}")
                m.d.comb += outside.eq(inside) if member.flow is Out else inside.eq(outside)
        for name in (
            "finished",
            "done",
            "perf",
            "read_error",
            "write_error",
            "client",
            "located",
            "fault_addr",
            "bad_opcode",
            "activity",
            "drained",
        ):
            m.d.comb += getattr(control, name).eq(getattr(core, name))
        for name in ("start", "base", "program", "counts", "drain"):
            m.d.comb += getattr(core, name).eq(getattr(control, name))
        m.d.comb += [self.irq.eq(control.irq), self.events.eq(core.events)]
        return m
