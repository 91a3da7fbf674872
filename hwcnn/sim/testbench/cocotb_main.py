"""Inside the simulator: starts the accelerator through its registers and waits for its interrupt,
once for each command.

The process that started the simulator (engines/rtl_engine.py) sends one JSON line for a run and
gets one back; between them the simulated time stands still, so that both can work on the shared
DRAM file.
"""

import json
import os
from typing import Any

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge, Timer
from cocotb.utils import get_sim_time

from hwcnn.rtl.host import registers

#: The top module's handle, whose signals cocotb finds by name.
Dut = Any
#: Of the clock that main.cpp makes.
PERIOD_PS = 10_000
#: Reads of STATUS in which the bus must have answered all that was asked of it.
PATIENCE = 2000


def cycle() -> int:
    """The cycle of the last clock edge, counted as main.cpp does."""
    return int(get_sim_time("ps")) // PERIOD_PS - 1


class Registers:
    """The accelerator's registers over AXI4-Lite, by name. One access takes a few cycles."""

    def __init__(self, dut: Dut) -> None:
        self.dut = dut
        for name in ("awvalid", "wvalid", "arvalid", "bready", "rready"):
            self._port(name).value = 0

    def _port(self, name: str) -> Any:
        return getattr(self.dut, f"s_axi_{name}")

    async def _send(self, channel: str, **payload: int) -> None:
        for name, value in payload.items():
            self._port(channel + name).value = value
        self._port(channel + "valid").value = 1
        await RisingEdge(self.dut.clk)
        while not self._port(channel + "ready").value:
            await RisingEdge(self.dut.clk)
        self._port(channel + "valid").value = 0

    async def _receive(self, channel: str, *names: str) -> list[int]:
        self._port(channel + "ready").value = 1
        await RisingEdge(self.dut.clk)
        while not self._port(channel + "valid").value:
            await RisingEdge(self.dut.clk)
        values = [int(self._port(channel + name).value) for name in names]
        self._port(channel + "ready").value = 0
        return values

    async def write(self, name: str, value: int) -> None:
        """Write a register."""
        sending = cocotb.start_soon(self._send("aw", addr=registers.BY_NAME[name].offset))
        await self._send("w", data=value, strb=15)
        await sending
        (resp,) = await self._receive("b", "resp")
        assert resp == 0, f"write of {name}: response {resp}"

    async def read(self, name: str) -> int:
        """Read a register."""
        await self._send("ar", addr=registers.BY_NAME[name].offset)
        value, resp = await self._receive("r", "data", "resp")
        assert resp == 0, f"read of {name}: response {resp}"
        return value

    async def status(self) -> dict[str, int]:
        """The fields of STATUS by name."""
        value = await self.read("STATUS")
        return {
            f.name: value >> f.lsb & (1 << f.bits) - 1 for f in registers.BY_NAME["STATUS"].fields
        }

    async def command(self, name: str) -> None:
        """Set one bit of CONTROL."""
        await self.write("CONTROL", 1 << registers.BY_NAME["CONTROL"][name].lsb)

    async def status_with(self, field: str, value: int) -> dict[str, int]:
        """STATUS, when a field has this value, or after a long time."""
        status = await self.status()
        for _ in range(PATIENCE):
            if status[field] == value:
                break
            status = await self.status()
        return status

    async def reset(self) -> bool:
        """Soft reset, as the driver does it; returns whether the bus was dead."""
        await self.command("reset")
        if not (await self.status_with("resetting", 0))["resetting"]:
            return False
        await self.command("reset")
        status = await self.status_with("resetting", 0)
        assert not status["resetting"], "a second reset does not end either"
        return True


async def run_program(dut: Dut, regs: Registers, job: dict[str, Any]) -> dict[str, Any]:
    """One run: registers, start, interrupt; its error, counters and the cycles between which it
    ran; after an error, what was wrong.
    """
    run = registers.BY_NAME["IRQ_STATUS"]
    events = sum(1 << f.lsb for f in run.fields)
    await regs.write("BASE", job["base"])
    await regs.write("PROGRAM", job["program"])
    await regs.write("WATCHDOG", job["watchdog"])
    await regs.write("BUDGET", job["budget"])
    await regs.write("IRQ_ENABLE", events)
    if job["reset_at"] is not None:
        await regs.command("start")
        await Timer(max(1, job["reset_at"] * PERIOD_PS), "ps")
        await RisingEdge(dut.clk)
        await regs.command("reset")
    first = cycle()
    await regs.command("start")
    if not dut.irq.value:
        await RisingEdge(dut.irq)
    last = cycle()
    status = await regs.status()
    answer: dict[str, Any] = {"first": first, "last": last, "error": status["error"]}
    answer["counters"] = {name: await regs.read(name.upper()) for name, _ in registers.PERF}
    await regs.write("IRQ_STATUS", events)
    if status["error"]:
        answer |= await recover(regs, status)
    return answer


async def recover(regs: Registers, status: dict[str, int]) -> dict[str, Any]:
    """Client and address of an error, and whether the reset after it found a dead bus."""
    bus_error = status["error"] in (registers.ERRORS["read"][0], registers.ERRORS["write"][0])
    if bus_error:
        status = await regs.status_with("located", 1)
    address = await regs.read("FAULT_ADDR") if bus_error and status["located"] else None
    return {"client": status["client"], "address": address, "dead": await regs.reset()}


@cocotb.test()
async def serve(dut: Dut) -> None:
    """Run programs until the commands end."""
    regs = Registers(dut)
    with (
        open(int(os.environ["HWCNN_COMMANDS"])) as commands,
        open(int(os.environ["HWCNN_ANSWERS"]), "w") as answers,
    ):
        await FallingEdge(dut.n_rst)
        for _ in range(2):
            await RisingEdge(dut.clk)
        for line in commands:
            answers.write(json.dumps(await run_program(dut, regs, json.loads(line))) + "\n")
            answers.flush()
