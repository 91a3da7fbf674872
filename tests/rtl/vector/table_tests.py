"""ActivationTable inside the simulator: filled while it starts and later, looked up and bypassed at
half a vector a cycle.
"""

import random

import cocotb
from cocotb.triggers import FallingEdge
from streams import start
from testbench import parameter

from hwcnn.rtl.vector.table import ActivationTable

LANES, BEAT, COPY = parameter("lanes"), parameter("axi_bytes"), ActivationTable.COPY


async def fill(dut, table, starting=True):
    """Returns the cycles for which `filling` is high after the last beat. starting : the other
    table may be being made.
    """
    for offset in range(256 // BEAT):
        dut.params__en.value, dut.params__dest.value, dut.params__offset.value = 1, 3, offset
        dut.params__data.value = int.from_bytes(
            table[offset * BEAT : (offset + 1) * BEAT], "little"
        )
        await FallingEdge(dut.clk)
    dut.params__dest.value = 2  # for someone else
    dut.params__data.value = 0
    cycles = 0
    while dut.filling.value:
        assert starting or not dut.starting.value, "the other table is there, and can be used"
        await FallingEdge(dut.clk)
        dut.params__en.value = 0
        cycles += 1
    return cycles


async def look_up(dut, generator, table):
    for _ in range(150):
        vector, bypass = generator.randbytes(LANES), generator.random() < 0.3
        for upper, half in enumerate((vector[: LANES // 2], vector[LANES // 2 :])):
            dut.i__valid.value, dut.i__upper.value, dut.bypass.value = 1, upper, bypass
            dut.i__vector.value = int.from_bytes(half, "little")
            await FallingEdge(dut.clk)
            assert bool(dut.o__valid.value) == bool(upper)
            dut.i__valid.value = 0
        want = vector if bypass else bytes(table[(v + 128) % 256] for v in vector)
        assert int(dut.o__vector.value).to_bytes(LANES, "little") == want
        if generator.random() < 0.2:
            await FallingEdge(dut.clk)
            assert not dut.o__valid.value


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def looks_up(dut):
    generator = random.Random(2)
    await start(dut, i__valid=0, params__en=0)
    for k in range(3):
        assert dut.starting.value == (k == 0)
        table = generator.randbytes(256)
        cycles = await fill(dut, table, starting=k == 0)
        assert COPY < cycles <= 2 * COPY if k == 0 else cycles == COPY
        await look_up(dut, generator, table)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def is_filled_whenever_the_other_table_is_done(dut):
    generator = random.Random(3)
    await start(dut, i__valid=0, params__en=0)
    for last in range(250, 264):  # cycles from reset to the last beat
        dut.rst.value = 1
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        for _ in range(last - 256 // BEAT):
            await FallingEdge(dut.clk)
        table = generator.randbytes(256)
        await fill(dut, table)
        await look_up(dut, generator, table)
