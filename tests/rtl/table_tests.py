"""ActivationTable inside the simulator: filled twice, looked up and bypassed at a vector a cycle."""

import random

import cocotb
from bench import parameter
from cocotb.triggers import FallingEdge
from streams import start

LANES, BEAT = parameter("lanes"), parameter("axi_bytes")


async def fill(dut, table):
    """Returns the cycles for which `filling` is high after the last beat."""
    for offset in range(256 // BEAT):
        dut.params__en.value, dut.params__dest.value, dut.params__offset.value = 1, 3, offset
        dut.params__data.value = int.from_bytes(table[offset * BEAT:(offset + 1) * BEAT], "little")
        await FallingEdge(dut.clk)
    dut.params__dest.value = 2  # for someone else
    dut.params__data.value = 0
    cycles = 0
    while dut.filling.value:
        await FallingEdge(dut.clk)
        dut.params__en.value = 0
        cycles += 1
    return cycles


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def looks_up(dut):
    generator = random.Random(2)
    await start(dut, i__valid=0, params__en=0)
    for _ in range(2):
        table = generator.randbytes(256)
        assert await fill(dut, table) == 257
        for _ in range(300):
            vector, bypass, valid = generator.randbytes(LANES), generator.random() < 0.3, generator.random() < 0.8
            dut.i__valid.value, dut.i__vector.value, dut.bypass.value = valid, int.from_bytes(vector, "little"), bypass
            await FallingEdge(dut.clk)
            want = vector if bypass else bytes(table[(v + 128) % 256] for v in vector)
            assert bool(dut.o__valid.value) == valid
            assert not valid or int(dut.o__vector.value).to_bytes(LANES, "little") == want
        dut.i__valid.value = 0
