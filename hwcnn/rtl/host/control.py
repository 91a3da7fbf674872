"""AXI4-Lite registers, run control, completion and performance counters, watchdog and interrupt."""

from collections.abc import Mapping

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.layouts import COUNTS_LAYOUT

from . import registers
from .axi_lite import RegisterWrite, axi_lite_members, read_channel, write_channel
from .counters import counters
from .registers import (
    BY_NAME,
    DATA_BITS,
    DEFAULTS,
    ERRORS,
    LIMIT_UNIT,
    PERF,
    UNITS,
)

#: Low bits of limits of time that are always 0.
_UNIT_BITS = bits_for(LIMIT_UNIT)


class Control(wiring.Component):
    """The host's side of the accelerator: the registers of `registers.REGISTERS` on AXI4-Lite.

    A write takes effect 3 cycles after the later of its address and data, a read answers 2 cycles
    after its address, that of a performance counter up to 11; one of each at a time. All responses
    are OKAY; addresses without a register read as 0.

    Parameters
    ----------
    config : AccelConfig, read back in ARRAY and KEY.

    Members
    -------
    AXI4-Lite slave : see `axi_lite_members`.
    irq : high while an enabled event is set in IRQ_STATUS.
    start : pulse; base, program : registers BASE and PROGRAM, whose low bits are 0.
    finished : pulse: the run's END has been reached.
    done : a pulse for each counter of isa.COUNTERS; counts : the completion counters, one cycle
    later.
    perf : a bit for each counter of `registers.PERF` but the first, high in each cycle to count.
    read_error, write_error, bad_opcode : pulses. client, located, fault_addr : STATUS.client,
    STATUS.located, FAULT_ADDR.
    activity : high in each cycle in which something moves: a handshake on the AXI4 bus, a pixel in
    the array.
    drain : high while a soft reset waits for `drained` (nothing is in flight on the bus); a second
    write of
        CONTROL.reset ends the waiting. soft_reset : pulse of one cycle that resets the engines.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            axi_lite_members()
            | {
                "irq": Out(1),
                "start": Out(1),
                "base": Out(32),
                "program": Out(32),
                "finished": In(1),
                "done": In(len(isa.COUNTERS)),
                "counts": Out(COUNTS_LAYOUT),
                "perf": In(len(PERF) - 1),
                "read_error": In(1),
                "write_error": In(1),
                "bad_opcode": In(1),
                "client": In(4),
                "located": In(1),
                "fault_addr": In(32),
                "activity": In(1),
                "drain": Out(1),
                "drained": In(1),
                "soft_reset": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        write = write_channel(m, self)
        status = {
            name: Signal(BY_NAME["STATUS"][name].bits, name=f"status_{name}")
            for name in ("busy", "done", "resetting", "error")
        }
        events = Signal(2)  # IRQ_STATUS: done, error
        enable = Signal(2)
        write.store(m, "IRQ_ENABLE", enable)
        stored = {
            name: Signal(
                DATA_BITS - bits_for(unit),
                name=f"{name.lower()}_units",
                init=DEFAULTS.get(name, 0) // unit,
            )
            for name, unit in UNITS.items()
        }
        values = {name: units << DATA_BITS - len(units) for name, units in stored.items()}
        for name, units in stored.items():
            write.store(m, name, units, DATA_BITS - len(units))
        m.d.comb += [self.base.eq(values["BASE"]), self.program.eq(values["PROGRAM"])]

        turn, total, ours = counters(m, self, status["busy"])
        late = self._limits(
            m,
            status["busy"],
            (turn == 0, total[_UNIT_BITS:], ours),
            stored["WATCHDOG"],
            stored["BUDGET"],
        )
        self._run(m, write, status, events, late)
        m.d.sync += self.irq.eq((events & enable).any())
        read_channel(
            m,
            self,
            {
                "ID": Const(registers.ID_VALUE, 32),
                "VERSION": Const(registers.VERSION_VALUE, 32),
                "ARRAY": Cat(
                    Const(v, 8) for v in (self.config.rows, self.config.cols, self.config.axi_bytes)
                ),
                "KEY": Const(int(self.config.key()[:8], 16), 32),
                "STATUS": self._pack(
                    "STATUS",
                    status
                    | {"client": self.client, "located": self.located & ~status["resetting"]},
                ),
                "IRQ_ENABLE": enable,
                "IRQ_STATUS": events,
                "FAULT_ADDR": self.fault_addr,
            }
            | values
            | {name.upper(): total for name, _ in PERF}
            | {f"COUNT_{name.upper()}": self.counts[n] for n, name in enumerate(isa.COUNTERS)},
            turn,
        )
        return m

    def _pack(self, register: str, values: Mapping[str, Value]) -> Value | int:
        word = 0
        for f in BY_NAME[register].fields:
            word |= values[f.name] << f.lsb
        return word

    def _limits(
        self,
        m: Module,
        busy: Value,
        cycles: tuple[Value, Value, Value],
        watchdog: Value,
        budget: Value,
    ) -> dict[str, Signal]:
        """Signals by the name of their error: there was no activity for too long, the run has taken
        too long.

        cycles : (a bit: the cycle counter is shown now, its number of units, a bit: it is of this
        run).
        """
        now, passed, ours = cycles
        before, tick, active = Signal(), Signal(), Signal()
        timer = Signal.like(watchdog, init=0)  # ticks, a unit of cycles apart, without activity
        late = {"watchdog": Signal(name="inactive"), "budget": Signal(name="exceeded")}
        m.d.sync += [
            active.eq(self.activity),
            tick.eq(now & (passed[0] != before)),
            late["watchdog"].eq(tick & ~active & busy & watchdog.any() & (timer == watchdog)),
            late["budget"].eq(now & ours & budget.any() & (passed == budget)),
        ]
        with m.If(now):
            m.d.sync += before.eq(passed[0])
        with m.If(active | ~busy):
            m.d.sync += timer.eq(0)
        with m.Elif(tick):
            m.d.sync += timer.eq(timer + 1)
        return late

    def _run(
        self,
        m: Module,
        write: RegisterWrite,
        status: Mapping[str, Signal],
        events: Value,
        late: Mapping[str, Signal],
    ) -> None:
        """Start, end, errors and soft reset."""
        start, reset = write.bit("CONTROL", "start"), write.bit("CONTROL", "reset")
        busy, resetting = status["busy"], status["resetting"]
        causes = (
            ("read", self.read_error & ~resetting),
            ("write", self.write_error & ~resetting),
            ("opcode", self.bad_opcode & ~resetting),
            *late.items(),
        )
        error, cleared = Signal(4), Signal()  # cleared: the engines are being reset
        wanted, waits = Signal(), Signal()  # there is a start to carry out; there was, and it waits
        m.d.sync += error.eq(0)
        for name, cause in reversed(causes):
            with m.If(cause):
                m.d.sync += error.eq(ERRORS[name][0])
        m.d.comb += [self.drain.eq(resetting), wanted.eq((waits | (start & ~busy)) & ~reset)]
        m.d.sync += [
            self.start.eq(wanted & ~resetting),
            waits.eq(wanted & resetting),
            self.soft_reset.eq(resetting & (self.drained | reset) & ~self.soft_reset & ~cleared),
            cleared.eq(self.soft_reset),
        ]

        with m.If(write.strobe("IRQ_STATUS")):
            m.d.sync += events.eq(events & ~write.written(2))
        with m.If(self.finished & ~resetting):
            m.d.sync += [status["done"].eq(1), events[0].eq(1)]
            with m.If(status["error"] == 0):
                m.d.sync += busy.eq(0)
        with m.If((error != 0) & (status["error"] == 0) & busy):
            m.d.sync += [status["error"].eq(error), events[1].eq(1), busy.eq(1)]
        with m.If(start & ~busy):
            m.d.sync += [busy.eq(1), status["done"].eq(0)]
        with m.If(reset):
            m.d.sync += [*(s.eq(0) for s in status.values()), events.eq(0), resetting.eq(1)]
        with m.If(cleared):
            m.d.sync += resetting.eq(0)
