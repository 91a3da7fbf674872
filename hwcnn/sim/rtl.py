"""The generated Verilog under Verilator: a process that runs programs on a DRAM image which it
shares with this one.
"""

import os
import re
import tempfile
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from hwcnn.errors import RunError
from hwcnn.rtl.host import registers

from . import fst, process, verilator
from .events import EventLog
from .memory import Orders

#: Cycles from a read address to its first beat, and from a burst's last write beat to its response.
READ_LATENCY, WRITE_LATENCY = 32, 8
#: Where the DRAM image begins in the accelerator's address space.
DRAM_BASE = 0x4000_0000
#: Chance in 1000 of an idle cycle on each AXI channel, where stalls are asked for.
STALL_PERMILLE = 250
#: A run under stalls may take so many times the cycles of one without.
STALLED = 4
#: Cycles without any work or transfer that mean a deadlock.
HANG_CYCLES = 100_000

MAIN = "main.cpp"
_TESTBENCH = resources.files(__package__).joinpath("tb")
_PORTS = ("clk", "n_rst", "irq") + tuple(
    f"s_axi_{n}"
    for n in (
        "awaddr",
        "awvalid",
        "awready",
        "wdata",
        "wstrb",
        "wvalid",
        "wready",
        "bresp",
        "bvalid",
        "bready",
        "araddr",
        "arvalid",
        "arready",
        "rdata",
        "rresp",
        "rvalid",
        "rready",
    )
)


class SimulationError(RunError):
    """The accelerator or the simulator did not finish: what happened, and what each engine was
    waiting for.
    """


class AcceleratorError(SimulationError):
    """STATUS told of an error, and the accelerator was reset. error : its name in registers.ERRORS.
    client, address : of a bus error; address is None where it was not found. dead : the bus did not
    answer what was asked of it: the reset did not wait.
    """

    def __init__(self, answer, waits):
        self.error = next(
            name for name, (code, _) in registers.ERRORS.items() if code == answer["error"]
        )
        clients = {"read": registers.READ_CLIENTS, "write": registers.WRITE_CLIENTS}.get(self.error)
        self.client = clients[answer["client"]] if clients else None
        self.address, self.dead = answer["address"], answer["dead"]
        where = (
            f" ({self.client}, address {'unknown' if self.address is None else hex(self.address)})"
            if clients
            else ""
        )
        super().__init__(
            f"the accelerator stopped with error {self.error!r}: {registers.ERRORS[self.error][1]}{where}\n{waits}"
        )


@dataclass(frozen=True)
class Run:
    """One program run. counters : the accelerator's own (registers.PERF) by name; events : what
    each engine did when, in cycles from start;
    seconds : of the host."""

    counters: dict
    events: EventLog
    seconds: float


def testbench():
    """The C++ sources around the top module by file name; `MAIN` holds the simulation loop."""
    return {f.name: f.read_text() for f in _TESTBENCH.iterdir() if f.name.endswith((".cpp", ".h"))}


def build(verilog, waves=False, optimise="-O1"):
    """Build the simulator of an accelerator (module ``hwcnn``), or find it in the cache; returns
    its folder.

    waves : build with tracing. optimise : see `verilator.build`."""
    sources = {"hwcnn.v": verilog, "tb.sv": _TESTBENCH.joinpath("tb.sv").read_text()} | testbench()
    data, ids = (
        int(re.search(rf"input \[(\d+):0\] m_axi_{port};", verilog)[1]) + 1
        for port in ("rdata", "rid")
    )
    return verilator.build(
        "tb", sources, _PORTS, [f"-GBYTES={data // 8}", f"-GID_BITS={ids}"], waves, optimise, MAIN
    )


class RtlSimulator:
    """A context in which ``run`` executes programs on ``dram`` (uint8, shared with the simulator);
    ``orders`` : what memory is to do wrong.

    folder : from `build`. size : bytes of DRAM. read_latency, write_latency : of the DRAM, in
    cycles. stalls : seed of random idle cycles on all AXI channels and of answers in random order,
    None for neither. waves : .fst or .vcd file, for a build with waves; an FST file is written when
    the context ends. hang : cycles without any work or transfer that mean a deadlock;
    patience : seconds in which the simulator records nothing that mean that it is stuck.
    """

    def __init__(
        self,
        folder,
        size,
        read_latency=READ_LATENCY,
        write_latency=WRITE_LATENCY,
        stalls=None,
        waves=None,
        hang=HANG_CYCLES,
        patience=process.PATIENCE,
    ):
        self._scratch = tempfile.TemporaryDirectory(prefix="hwcnn-")
        scratch = Path(self._scratch.name)
        # A bus with so much latency may well stand still for longer.
        self._events, self._hang, self._patience = (
            scratch / "events.bin",
            max(hang, 4 * read_latency),
            patience,
        )
        with open(scratch / "dram.bin", "wb") as file:
            # or a full disk would kill both processes later
            os.posix_fallocate(file.fileno(), 0, size)
        self.dram = np.memmap(scratch / "dram.bin", np.uint8, "r+", shape=(size,))
        self._slower = max(1, read_latency / READ_LATENCY, write_latency / READ_LATENCY) * (
            1 if stalls is None else STALLED
        )
        self.orders = Orders(scratch / "orders.bin")
        options = {
            "dram": scratch / "dram.bin",
            "orders": scratch / "orders.bin",
            "events": self._events,
            "dram_base": DRAM_BASE,
            "read_latency": read_latency,
            "write_latency": write_latency,
            "hang": self._hang,
            "stall_permille": 0 if stalls is None else STALL_PERMILLE,
            "stall_seed": stalls or 0,
            "reorder": int(stalls is not None),
        }
        if waves is not None:
            options["waves"] = (
                Path(waves).absolute() if Path(waves).suffix != ".fst" else scratch / "waves.vcd"
            )
        self._convert = (
            (options["waves"], waves)
            if waves is not None and Path(waves).suffix == ".fst"
            else None
        )
        self._process = process.Simulator(folder, "tb", "hwcnn.sim.rtl_main", options, scratch)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.close()
        if self._convert and self._convert[0].exists():
            fst.convert(*self._convert)
        self._scratch.cleanup()

    def run(self, program, watchdog=None, budget=0, reset_at=None):
        """Run the program at byte `program` of the DRAM (a multiple of 64). After an error the
        accelerator is reset.

        watchdog : the register; None: its default, or more where that is less than `hang`. budget :
        cycles after which the run has gone wrong, were the memory as fast as it is by default; 0:
        any number. reset_at : the accelerator is reset so many cycles after the start, and started
        again at once.
        """
        began = time.monotonic()
        seen = self._events.stat().st_size if self._events.exists() else 0
        watchdog = (
            max(registers.WATCHDOG_DEFAULT, self._hang + registers.LIMIT_UNIT)
            if watchdog is None
            else watchdog
        )
        limits = {
            name: int(n) if n < 1 << 32 else 0
            for name, n in (("watchdog", watchdog), ("budget", budget * self._slower))
        }
        self._process.send({"base": DRAM_BASE, "program": program, "reset_at": reset_at} | limits)
        answer = self._process.receive(
            lambda: self._events.exists() and self._events.stat().st_size, self._patience
        )
        log = EventLog.read(self._events, seen)
        if answer is None:
            raise SimulationError(self._what_happened(log, program))
        if answer["error"]:
            raise AcceleratorError(answer, log.describe_waits(self.dram[program:]))
        return Run(
            answer["counters"],
            log.between(answer["first"], answer["last"]),
            time.monotonic() - began,
        )

    def progress(self):
        """Instructions completed and cycles passed so far in this process, some thousands of cycles
        late.
        """
        return EventLog.read(self._events).progress()

    def _what_happened(self, log, program):
        if log.hung:
            return f"deadlock: nothing moved for {self._hang} cycles\n{log.describe_waits(self.dram[program:])}"
        if self._process.stuck:
            done, cycle = log.progress()
            return (
                f"the simulator was given up: nothing new for {self._patience} s after cycle {cycle}, with {done} POST and VECTOR "
                f"completed\n{log.describe_waits(self.dram[program:])}"
            )
        words = self._process.last_words()
        if broken := re.search(r"AXI: (\w+)(?: of client (\d+))?: (.*)", words):
            channel, client, rule = broken.groups()
            names = registers.READ_CLIENTS if channel == "AR" else registers.WRITE_CLIENTS
            return f"the accelerator broke a rule of AXI on {channel}{f' of {names[int(client)]}' if client else ''}: {rule}"
        return "the simulator ended before the program, " + words
