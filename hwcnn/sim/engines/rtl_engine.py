"""The generated Verilog under Verilator: a process that runs programs on a DRAM image which it
shares with this one.
"""

import contextlib
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from hwcnn.errors import RunError
from hwcnn.limits import READ_LATENCY, WRITE_LATENCY
from hwcnn.rtl.host import registers
from hwcnn.sim.testbench import fst
from hwcnn.sim.testbench.events import EventLog

from . import rtl_process
from .fault_orders import FaultOrders

#: Where the DRAM image begins in the accelerator's address space.
DRAM_BASE = 0x4000_0000
#: Chance in 1000 of an idle cycle on each AXI channel, where stalls are asked for.
STALL_PERMILLE = 250
#: A run under stalls may take so many times the cycles of one without.
STALLED = 4
#: Cycles without any work or transfer that mean a deadlock.
HANG_CYCLES = 100_000


class SimulationError(RunError):
    """The accelerator or the simulator did not finish: what happened, and what each engine was
    waiting for.
    """


class AcceleratorError(SimulationError):
    """STATUS told of an error, and the accelerator was reset.

    Attributes
    ----------
    error : its name in registers.ERRORS.
    client, address : of a bus error; address is None where it was not found.
    dead : the bus did not answer what was asked of it: the reset did not wait.
    """

    def __init__(self, answer: dict[str, Any], waits: str) -> None:
        code = answer["error"]
        self.error = next(name for name, (n, _) in registers.ERRORS.items() if n == code)
        self.address: int | None = answer["address"]
        self.dead: bool = answer["dead"]
        clients = {"read": registers.READ_CLIENTS, "write": registers.WRITE_CLIENTS}.get(self.error)
        self.client: str | None = None
        where = ""
        if clients:
            self.client = clients[answer["client"]]
            address = "unknown" if self.address is None else hex(self.address)
            where = f" ({self.client}, address {address})"
        meaning = registers.ERRORS[self.error][1]
        super().__init__(
            f"the accelerator stopped with error {self.error!r}: {meaning}{where}\n{waits}"
        )


@dataclass(frozen=True)
class RtlRun:
    """One program run.

    counters : the accelerator's own (registers.PERF) by name. events : what each engine did when,
    in cycles from the start. seconds : of the host.
    """

    counters: dict[str, int]
    events: EventLog
    seconds: float


class RtlSimulator:
    """A simulator process, as a context: ``run`` executes programs on ``dram``.

    Parameters
    ----------
    folder : from `accelerator.build`.
    size : bytes of DRAM.
    read_latency, write_latency : of the DRAM, in cycles; see `limits.READ_LATENCY`.
    stalls : seed of random idle cycles on all AXI channels and of answers in random order; None for
        neither.
    waves : .fst or .vcd file, for a build with waves; an FST file is written when the context ends.
    hang : cycles without any work or transfer that mean a deadlock.
    patience : seconds in which the simulator records nothing that mean that it is stuck.

    Attributes
    ----------
    dram : uint8 [size], shared with the simulator.
    orders : what memory is to do wrong.
    """

    def __init__(
        self,
        folder: Path,
        size: int,
        read_latency: int = READ_LATENCY,
        write_latency: int = WRITE_LATENCY,
        stalls: int | None = None,
        waves: Path | None = None,
        hang: int = HANG_CYCLES,
        patience: float = rtl_process.PATIENCE,
    ) -> None:
        self._patience = patience
        # A bus with so much latency may well stand still for longer.
        self._hang = max(hang, 4 * read_latency)
        slowest = max(1, read_latency / READ_LATENCY, write_latency / READ_LATENCY)
        self._slower = slowest * (1 if stalls is None else STALLED)
        with contextlib.ExitStack() as stack:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="hwcnn-"))
            scratch = Path(name)
            self._events = scratch / "events.bin"
            self.dram = _memory(scratch / "dram.bin", size)
            self.orders = FaultOrders(scratch / "orders.bin")
            options: dict[str, object] = {
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
                options["waves"] = waves.absolute()
                if waves.suffix == ".fst":
                    options["waves"] = vcd = scratch / "waves.vcd"
                    stack.callback(lambda: vcd.exists() and fst.convert(vcd, waves))
            self._process = rtl_process.SimulatorProcess(
                folder, "tb", "hwcnn.sim.testbench.cocotb_main", options, scratch
            )
            stack.callback(self._process.close)
            self._end = stack.pop_all()

    def __enter__(self) -> "RtlSimulator":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.close()

    def run(
        self,
        program: int,
        watchdog: int | None = None,
        budget: int = 0,
        reset_at: int | None = None,
    ) -> RtlRun:
        """Run the program at byte `program` of the DRAM (a multiple of 64).

        Parameters
        ----------
        watchdog : cycles; None: the register's default, or more where that is less than `hang`.
        budget : cycles after which the run has gone wrong, were the memory as fast as it is by
            default; 0: any number.
        reset_at : the accelerator is reset so many cycles after the start, and started again at
            once.

        Raises SimulationError where the run does not end as it should; after an `AcceleratorError`
        the accelerator has been reset.
        """
        began = time.monotonic()
        seen = self._recorded()
        if watchdog is None:
            watchdog = max(registers.WATCHDOG_DEFAULT, self._hang + registers.LIMIT_UNIT)
        limits = {
            name: int(n) if n < 1 << 32 else 0
            for name, n in (("watchdog", watchdog), ("budget", budget * self._slower))
        }
        self._process.send({"base": DRAM_BASE, "program": program, "reset_at": reset_at} | limits)
        answer = self._process.receive(self._recorded, self._patience)
        log = EventLog.read(self._events, seen)
        if answer is None:
            raise SimulationError(self._what_happened(log, program))
        if answer["error"]:
            raise AcceleratorError(answer, log.describe_waits(self.dram[program:]))
        return RtlRun(
            answer["counters"],
            log.between(answer["first"], answer["last"]),
            time.monotonic() - began,
        )

    def _recorded(self) -> int:
        """Bytes of the record of events."""
        return self._events.stat().st_size if self._events.exists() else 0

    def _what_happened(self, log: EventLog, program: int) -> str:
        """Why the process ended without an answer."""
        if log.hung:
            waits = log.describe_waits(self.dram[program:])
            return f"deadlock: nothing moved for {self._hang} cycles\n{waits}"
        if self._process.stuck:
            done, cycle = log.progress()
            return (
                f"the simulator was given up: nothing new for {self._patience} s after cycle "
                f"{cycle}, with {done} POST and VECTOR completed\n"
                f"{log.describe_waits(self.dram[program:])}"
            )
        words = self._process.last_words()
        if broken := re.search(r"AXI: (\w+)(?: of client (\d+))?: (.*)", words):
            channel, client, rule = broken.groups()
            names = registers.READ_CLIENTS if channel == "AR" else registers.WRITE_CLIENTS
            of = f" of {names[int(client)]}" if client else ""
            return f"the accelerator broke a rule of AXI on {channel}{of}: {rule}"
        return "the simulator ended before the program, " + words


def _memory(path: Path, size: int) -> np.ndarray:
    """A file of zeros as an array: uint8 [size]. Raises OSError where the disk is too full."""
    with open(path, "wb") as file:
        # or a full disk would kill both processes later
        os.posix_fallocate(file.fileno(), 0, size)
    return np.memmap(path, np.uint8, "r+", shape=(size,))
