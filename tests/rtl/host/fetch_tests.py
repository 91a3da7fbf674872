"""Fetch inside the simulator: the program's words in order, what it asks of memory, stop and
restart.
"""

import random
from collections import deque

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge
from streams import receive, start
from testbench import parameter

BYTES = parameter("axi_bytes")
IMAGE = random.Random(0).randbytes(1 << 14)
IDLE = {
    "start": 0,
    "stop": 1,
    "address": 0,
    "o__ready": 0,
    "port__data__valid": 0,
    "port__request__ready": 0,
}


class Memory:
    """Answers the read port from IMAGE, in order, with random delays; keeps the requests for
    checks.
    """

    def __init__(self, dut, stall):
        self.dut, self.stall, self.generator = dut, stall, random.Random(7)
        self.beats, self.requests = deque(), []
        cocotb.start_soon(self.run())

    async def run(self):
        dut = self.dut
        while True:
            send = self.beats and self.generator.random() >= self.stall
            dut.port__data__valid.value = int(bool(send))
            if send:
                address = self.beats.popleft()
                dut.port__data__payload.value = int.from_bytes(
                    IMAGE[address : address + BYTES], "little"
                )
            dut.port__request__ready.value = int(self.generator.random() >= self.stall)
            await RisingEdge(dut.clk)
            if dut.port__request__valid.value and dut.port__request__ready.value:
                payload = int(dut.port__request__payload.value)
                address, length = payload & 0xFFFFFFFF, payload >> 32
                assert address % BYTES == 0
                assert address // 4096 == (address + length * BYTES - 1) // 4096
                self.requests.append((address, length))
                self.beats.extend(address + BYTES * k for k in range(length))
            assert dut.port__data__ready.value == 1
            await FallingEdge(dut.clk)


async def run(dut, address, count, stall):
    """Start at `address`, take `count` words, stop; returns (words, cycles) once idle."""
    dut.address.value, dut.start.value = address, 1
    await FallingEdge(dut.clk)
    dut.address.value, dut.start.value, dut.stop.value = 0, 0, 0
    got, cycles = await receive(dut, "o", count, 5, stall)
    assert dut.busy.value == 1
    dut.stop.value = 1
    for _ in range(600):
        await FallingEdge(dut.clk)
        assert dut.o__valid.value == 0
        if not dut.busy.value:
            return got, cycles
    raise AssertionError("busy does not fall")


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reads_programs_one_after_another(dut):
    await start(dut, **IDLE)
    for stall in (0, 0.4, 0.8):
        memory = Memory(dut, stall)
        for address, count in ((0, 3), (64 * 63, 200), (192, 1), (4096 - 64, 33), (256, 100)):
            memory.requests.clear()
            got, _ = await run(dut, address, count, stall)
            assert got == [
                int.from_bytes(IMAGE[a : a + 16], "little")
                for a in range(address, address + 16 * count, 16)
            ]
            assert not memory.beats
            end = max(a + n * BYTES for a, n in memory.requests)
            assert end <= address + 16 * count + 512


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def keeps_up_with_the_bus(dut):
    await start(dut, **IDLE)
    Memory(dut, 0)
    _, cycles = await run(dut, 0, 256, 0)
    assert cycles <= 256 * max(1, 16 // BYTES) + 4
