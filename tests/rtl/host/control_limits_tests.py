"""Control inside the simulator: starts during a soft reset, the watchdog, the budget."""

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from control_tests import BUSY, DONE, ERROR, RESET, RESETTING, START, begin, pulse

from hwcnn.rtl.host.registers import LIMIT_UNIT


async def begin_and_record(dut):
    """The host after a reset, and a list to which each start and soft reset is appended by name."""
    host, seen = await begin(dut), []

    async def record():
        while True:
            await RisingEdge(dut.clk)
            seen.extend(name for name in ("start", "soft_reset") if getattr(dut, name).value)

    cocotb.start_soon(record())
    return host, seen


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_start_waits_for_the_reset_to_end(dut):
    """A prompt retry after an error: it does not see the old run, and what still comes from that is
    not taken for its own.
    """
    host, seen = await begin_and_record(dut)
    await host.write("IRQ_ENABLE", 3)
    for wait in (0, 20):
        await host.write("CONTROL", START)
        await pulse(dut, read_error=1)
        dut.located.value = 1
        await host.write("CONTROL", RESET)
        assert await host.read("STATUS") == RESETTING
        assert dut.irq.value == 0
        assert await host.read("IRQ_STATUS") == 0
        await host.write("CONTROL", START)
        await host.write("CONTROL", START)  # ignored: busy
        for late in ("read_error", "write_error", "bad_opcode", "finished"):
            await pulse(dut, **{late: 1})
        await ClockCycles(dut.clk, wait)
        assert await host.read("STATUS") == BUSY | RESETTING
        assert seen == ["start"]
        dut.drained.value = 1
        dut.finished.value = dut.read_error.value = 1  # of the old run, until the engines are reset
        await RisingEdge(dut.soft_reset)
        await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
        dut.finished.value = dut.read_error.value = dut.located.value = 0
        dut.drained.value = 0
        await ClockCycles(dut.clk, 5)
        assert seen == ["start", "soft_reset", "start"]
        assert await host.read("STATUS") == BUSY
        await pulse(dut, finished=1)
        assert await host.read("STATUS") == DONE
        assert await host.read("IRQ_STATUS") == 1
        await host.write("IRQ_STATUS", 3)
        seen.clear()


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_start_at_each_cycle_of_a_reset(dut):
    """However near the start and the end of the draining are, there is one soft reset, and one
    start after it.
    """
    host, seen = await begin_and_record(dut)
    for delay in range(30):
        await host.write("CONTROL", START)
        await host.write("CONTROL", RESET)
        writing = cocotb.start_soon(host.write("CONTROL", START))
        await ClockCycles(dut.clk, delay)
        await pulse(dut, drained=1)
        await writing
        await ClockCycles(dut.clk, 8)
        assert seen == ["start", "soft_reset", "start"], delay
        assert await host.read("STATUS") == BUSY
        dut.drained.value = 1
        await host.write("CONTROL", RESET)
        await ClockCycles(dut.clk, 8)
        dut.drained.value = 0
        assert await host.read("STATUS") == 0
        seen.clear()


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def a_dead_bus_is_given_up_by_a_second_reset(dut):
    """A start that waits for a bus that never answers ends with an error of the watchdog; a second
    reset forgets bus and start.
    """
    host, seen = await begin_and_record(dut)
    await host.write("WATCHDOG", LIMIT_UNIT)
    await host.write("CONTROL", START)
    await host.write("CONTROL", RESET)
    await host.write("CONTROL", START)
    await ClockCycles(dut.clk, 2 * LIMIT_UNIT + 50)
    assert await host.read("STATUS") == BUSY | RESETTING | 4 << ERROR
    await host.write("CONTROL", START | RESET)
    await ClockCycles(dut.clk, 20)
    assert await host.read("STATUS") == 0
    assert seen == ["start", "soft_reset"]
    await host.write("CONTROL", START)
    assert await host.read("STATUS") == BUSY


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def watchdog(dut):
    host = await begin(dut)
    await host.write("WATCHDOG", LIMIT_UNIT)
    await ClockCycles(dut.clk, 2 * LIMIT_UNIT + 50)
    assert await host.read("STATUS") == 0  # not running
    await host.write("CONTROL", START)
    for _ in range(4):
        await ClockCycles(dut.clk, LIMIT_UNIT - 50)
        await pulse(dut, activity=1)
    assert await host.read("STATUS") == BUSY
    await pulse(dut, activity=1)
    await ClockCycles(dut.clk, LIMIT_UNIT - 50)
    assert await host.read("STATUS") == BUSY
    await ClockCycles(dut.clk, LIMIT_UNIT + 100)
    assert await host.read("STATUS") == BUSY | 4 << ERROR
    await host.write("CONTROL", RESET)
    await host.write("CONTROL", RESET)
    await host.write("WATCHDOG", 0)
    await host.write("CONTROL", START)
    await ClockCycles(dut.clk, 3 * LIMIT_UNIT)
    assert await host.read("STATUS") == BUSY


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def budget(dut):
    """A run that is busy without end is stopped; one that ends in time is not, nor the one after a
    long one.
    """
    host = await begin(dut)
    dut.activity.value = 1
    for limit, length, error in (
        (2, 2 * LIMIT_UNIT - 50, 0),
        (2, 2 * LIMIT_UNIT + 50, 5),
        (0, 3 * LIMIT_UNIT, 0),
        (1, 100, 0),
    ):
        await host.write("BUDGET", limit * LIMIT_UNIT)
        starting = cocotb.start_soon(host.write("CONTROL", START))
        await RisingEdge(dut.start)
        await ClockCycles(dut.clk, length)
        await pulse(dut, finished=1)
        await starting
        assert await host.read("STATUS") == (BUSY if error else 0) | DONE | error << ERROR, (
            limit,
            length,
        )
        dut.drained.value = error != 0
        if error:
            await host.write("CONTROL", RESET)
            await ClockCycles(dut.clk, 4)
