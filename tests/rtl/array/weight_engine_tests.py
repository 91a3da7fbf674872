"""WeightEngine inside the simulator."""

import random

import cocotb
from axi_memory import ReadMemory
from streams import receive, send, start
from testbench import parameter

from hwcnn.isa import WEIGHT

SIZE = 1 << 16
MEMORY = random.Random(9).randbytes(SIZE)


async def run(dut, runs, latency, stall, receive_stall):
    """Stream the (address, bytes) runs; returns (memory model, cycles from the first to the last
    row).
    """
    cols = parameter("cols")
    await start(dut, i__valid=0, o__ready=0, port__request__ready=0, port__data__valid=0)
    memory = ReadMemory(dut, "port", MEMORY, parameter("axi_bytes"), latency, 1, stall)
    serving = cocotb.start_soon(memory.run())
    cocotb.start_soon(
        send(dut, "i", [WEIGHT.payload.pack(dict(addr=a, n_bytes=n)) for a, n in runs], 2, stall)
    )
    expected = [
        int.from_bytes(MEMORY[at : at + cols], "little")
        for a, n in runs
        for at in range(a, a + n, cols)
    ]
    got, cycles = await receive(dut, "o", len(expected), 3, receive_stall)
    serving.cancel()
    assert got == expected
    return memory, cycles


def random_runs(count):
    generator = random.Random(4)
    tile_bytes, beat = parameter("rows") * parameter("cols"), parameter("axi_bytes")
    sizes = [tile_bytes * generator.choice([1, 1, 2, 9]) for _ in range(count)]
    return [(beat * generator.randrange((SIZE - n) // beat), n) for n in sizes]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_runs_under_stalls(dut):
    for latency, stall, receive_stall in ((3, 0.3, 0.3), (50, 0, 0.7), (1, 0.6, 0)):
        await run(dut, random_runs(12), latency, stall, receive_stall)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    """A row (or beat) a cycle across instructions, at 40 cycles of latency."""
    tile_bytes, beat = parameter("rows") * parameter("cols"), parameter("axi_bytes")
    runs = [(n * 4 * tile_bytes + 3 * beat, 4 * tile_bytes) for n in range(8)]
    _, cycles = await run(dut, runs, 40, 0, 0)
    rows, beats = 32 * parameter("rows"), 32 * tile_bytes // beat
    assert cycles <= max(rows, beats) + 8
