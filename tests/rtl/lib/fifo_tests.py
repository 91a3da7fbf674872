"""StreamFifo inside the simulator: order and content under stalls, one item a cycle without."""

import random

import cocotb
from cocotb.triggers import RisingEdge
from streams import receive, send, start
from testbench import parameter


async def watch_level(dut):
    """The level is the number of items inside, or one more while one moves to the output."""
    inside = 0
    while True:
        await RisingEdge(dut.clk)
        assert inside <= int(dut.level.value) <= inside + 1
        inside += bool(dut.i__valid.value and dut.i__ready.value) - bool(
            dut.o__valid.value and dut.o__ready.value
        )


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def keeps_order_under_stalls(dut):
    items = [random.Random(1).getrandbits(parameter("width")) for _ in range(500)]
    for send_stall, receive_stall in ((0.5, 0.5), (0, 0.7), (0.7, 0)):
        await start(dut, i__valid=0, o__ready=0)
        if hasattr(dut, "level"):
            watching = cocotb.start_soon(watch_level(dut))
        sending = cocotb.start_soon(send(dut, "i", items, 2, send_stall))
        got, _ = await receive(dut, "o", len(items), 3, receive_stall)
        await sending
        if hasattr(dut, "level"):
            watching.cancel()
        assert got == items


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    items = [n & (1 << parameter("width")) - 1 for n in range(200)]
    await start(dut, i__valid=0, o__ready=0)
    cocotb.start_soon(send(dut, "i", items))
    got, cycles = await receive(dut, "o", len(items))
    assert got == items
    assert cycles == len(items)
