"""AXI4-Lite registers, run control, completion and performance counters, watchdog and interrupt."""

from amaranth import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import bits_for
from hwcnn.rtl.layouts import COUNTS_LAYOUT
from hwcnn.rtl.lib.ram import Ram

from . import registers
from .registers import (
    ADDR_BITS,
    BY_NAME,
    DATA_BITS,
    DEFAULTS,
    ERRORS,
    LIMIT_UNIT,
    PERF,
    PERF_OFFSET,
    REGISTERS,
    UNITS,
)


def axi_lite_members(addr_bits=ADDR_BITS, data_bits=DATA_BITS):
    """Members of an AXI4-Lite slave, by the names of the specification."""
    return {
        "awaddr": In(addr_bits),
        "awprot": In(3),
        "awvalid": In(1),
        "awready": Out(1),
        "wdata": In(data_bits),
        "wstrb": In(data_bits // 8),
        "wvalid": In(1),
        "wready": Out(1),
        "bresp": Out(2),
        "bvalid": Out(1),
        "bready": In(1),
        "araddr": In(addr_bits),
        "arprot": In(3),
        "arvalid": In(1),
        "arready": Out(1),
        "rdata": Out(data_bits),
        "rresp": Out(2),
        "rvalid": Out(1),
        "rready": In(1),
    }


#: Bits of a register's number, its offset in words.
_WORD_BITS = bits_for(max(r.offset for r in REGISTERS) // 4 + 1)
#: Low bits of limits of time that are always 0.
_UNIT_BITS = bits_for(LIMIT_UNIT)


def _locate(address):
    """The number of the register at an address, and a bit: it is in the map."""
    return Cat(address[2 : 2 + _WORD_BITS], ~address[2 + _WORD_BITS :].any())


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

    def __init__(self, config):
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

    def elaborate(self, platform):
        m = Module()
        write = self._write_channel(m)
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

        turn, total, ours = self._counters(m, status["busy"])
        late = self._limits(
            m,
            status["busy"],
            (turn == 0, total[_UNIT_BITS:], ours),
            stored["WATCHDOG"],
            stored["BUDGET"],
        )
        self._run(m, write, status, events, late)
        m.d.sync += self.irq.eq((events & enable).any())
        self._read_channel(
            m,
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

    def _pack(self, register, values):
        word = 0
        for f in BY_NAME[register].fields:
            word |= values[f.name] << f.lsb
        return word

    def _write_channel(self, m):
        """Takes address and data in any order; the returned object tells which register is written
        with what.
        """
        word, in_map, data, strb = (
            Signal(_WORD_BITS),
            Signal(),
            Signal(DATA_BITS),
            Signal(DATA_BITS // 8),
        )
        address_held, data_held, commit = Signal(), Signal(), Signal()
        m.d.comb += [self.awready.eq(~address_held), self.wready.eq(~data_held)]
        m.d.sync += commit.eq(address_held & data_held & ~self.bvalid & ~commit)
        with m.If(self.awvalid & self.awready):
            m.d.sync += [Cat(word, in_map).eq(_locate(self.awaddr)), address_held.eq(1)]
        with m.If(self.wvalid & self.wready):
            m.d.sync += [data.eq(self.wdata), strb.eq(self.wstrb), data_held.eq(1)]
        with m.If(self.bready):
            m.d.sync += self.bvalid.eq(0)
        with m.If(commit):
            m.d.sync += [address_held.eq(0), data_held.eq(0), self.bvalid.eq(1)]
        return _Write(commit & in_map, word, data, strb)

    def _read_channel(self, m, values, turn):
        """Answers reads with `values`, signals by register name (those left out read as 0).

        Performance counter number `turn` can be read: reads of the others wait for their turn.
        """
        word, in_map, held, answers = Signal(_WORD_BITS), Signal(), Signal(), Signal()
        # the counters begin at a multiple of their number of words, rounded up
        page = bits_for(len(PERF))
        number = word[:page]
        is_counter = (word[page:] == PERF_OFFSET >> 2 + page) & (number < len(PERF))
        m.d.comb += answers.eq(held & (~is_counter | (number == turn)))
        m.d.comb += self.arready.eq(~held & ~self.rvalid)
        with m.If(self.arvalid & self.arready):
            m.d.sync += [Cat(word, in_map).eq(_locate(self.araddr)), held.eq(1)]
        with m.If(self.rready):
            m.d.sync += self.rvalid.eq(0)
        with m.If(answers):
            m.d.sync += [held.eq(0), self.rvalid.eq(1)]
        with m.If(held):
            m.d.sync += self.rdata.eq(0)
            with m.If(in_map):
                with m.Switch(word):
                    for register in REGISTERS:
                        if register.name in values:
                            with m.Case(register.offset >> 2):
                                m.d.sync += self.rdata.eq(values[register.name])

    def _limits(self, m, busy, cycles, watchdog, budget):
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

    def _run(self, m, write, status, events, late):
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

    def _counters(self, m, busy):
        """The completion counters and the performance counters; returns (number of a counter, its
        value, a bit: it is of this run).

        The performance counters are in a RAM. One has its turn in each cycle: what has been counted
        for it since its last turn is added in the next, and shown in the one after.
        """
        for k in range(len(isa.COUNTERS)):
            m.d.sync += self.counts[k].eq(Mux(self.start, 0, self.counts[k] + self.done[k]))
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
            count.eq(Mux(busy, Cat(1, self.perf), 0)),
            turn.eq(Mux(turns[-1], 0, turn + 1)),
            turns.eq(turns.rotate_left(1)),
            adding.eq(turn),
            counted.eq(Array(since)[turn]),
            fresh.eq(unwritten != 0),
            shown.eq(adding),
            value.eq(total),
            begun.eq(self.start | (begun & busy)),
        ]
        for k, number in enumerate(since):
            m.d.sync += number.eq(Mux(turns[k], 0, number) + count[k])
        with m.If(unwritten != 0):
            m.d.sync += unwritten.eq(unwritten - 1)
        with m.If(self.start):
            m.d.sync += [unwritten.eq(n), counted.eq(0), *(number.eq(0) for number in since)]
        return shown, value, begun & (unwritten == 0)


class _Write:
    """The write that commits in this cycle."""

    def __init__(self, commit, word, data, strb):
        self.commit, self.word, self.data, self.strb = commit, word, data, strb

    def strobe(self, name):
        """High while register `name` is written."""
        return self.commit & (self.word == BY_NAME[name].offset >> 2)

    def bit(self, name, bit):
        """High while a one is written to a field of one bit of register `name`."""
        lsb = BY_NAME[name][bit].lsb
        return self.strobe(name) & self.data[lsb] & self.strb[lsb // 8]

    def written(self, width):
        """The low `width` bits of the data, 0 where not strobed."""
        return (self.data & Cat(s.replicate(8) for s in self.strb))[:width]

    def store(self, m, name, target, lsb=0):
        """Write register `name`, whose bits from `lsb` on are `target`, byte by byte."""
        for k, strobe in enumerate(self.strb):
            low, high = max(8 * k, lsb), 8 * k + 8
            if low < high:
                with m.If(self.strobe(name) & strobe):
                    m.d.sync += target[low - lsb : high - lsb].eq(self.data[low:high])
