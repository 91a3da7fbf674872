"""LoadEngine inside the simulator."""

import random

import cocotb
from axi_memory import ReadMemory
from cocotb.triggers import FallingEdge, RisingEdge
from reader_tiles import random_tile, tile, vectors
from streams import send, start
from testbench import parameter

from hwcnn.isa import HALF_LOWER, HALF_NONE, HALF_UPPER, LOAD

SIZE = 1 << 15
MEMORY = random.Random(6).randbytes(SIZE)


def halved(vector, half, bits):
    """What LOAD's `half` makes of a vector of two halves of so many bits."""
    lower, upper = vector & (1 << bits) - 1, vector >> bits
    return {
        HALF_NONE: vector,
        HALF_LOWER: lower << bits | lower,
        HALF_UPPER: upper << bits | upper,
    }[half]


async def run(dut, tiles, latency, stall):
    """Returns the cycles from the first to the last write; checks every write, and `done` after
    each tile's last.
    """
    lanes = parameter("lanes")
    await start(dut, i__valid=0, port__request__ready=0, port__data__valid=0)
    memory = ReadMemory(dut, "port", MEMORY, parameter("axi_bytes"), latency, 1, stall)
    serving = cocotb.start_soon(memory.run())
    sending = cocotb.start_soon(send(dut, "i", [LOAD.payload.pack(t) for t in tiles], 2, stall))
    cycles, writes = 0, []
    for t in tiles:
        expected = [
            (t["dest"] + n, halved(v, t["half"], 4 * lanes))
            for n, v in enumerate(vectors(MEMORY, t, lanes))
        ]
        for n in range(len(expected)):
            done_due = n == 0 and bool(writes)
            while True:
                await RisingEdge(dut.clk)
                cycles += bool(writes)
                assert bool(dut.done.value) == done_due
                done_due = False
                if dut.write__en.value:
                    break
            writes.append((int(dut.write__addr.value), int(dut.write__data.value)))
        assert writes[-len(expected) :] == expected
    await RisingEdge(dut.clk)
    assert dut.done.value
    await FallingEdge(dut.clk)
    await sending
    serving.cancel()
    return cycles + 1


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_tiles_under_stalls(dut):
    generator = random.Random(8)
    for latency, stall in ((3, 0.4), (40, 0)):
        tiles = [
            random_tile(generator, parameter("lanes"), SIZE)
            | {"dest": generator.randrange(1 << 10), "half": generator.randrange(3)}
            for _ in range(40)
        ]
        await run(dut, tiles, latency, stall)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    """A vector (or beat) a cycle through padded tiles at 32 cycles of latency; one idle cycle
    between tiles.
    """
    lanes = parameter("lanes")
    per_vector = max(1, lanes // parameter("axi_bytes"))
    wide = tile(0, 64 * lanes, 16 * lanes, 2, 4, 16, top=1, left=1, right=1, bottom=1, value=-3) | {
        "dest": 5,
        "half": HALF_NONE,
    }
    cycles = await run(dut, [wide, wide | {"dest": 400, "half": HALF_LOWER}], 32, 0)
    pads = 2 * (2 * 18 + 2 * 4)
    # 40: the first data after the first row of pads
    assert cycles <= 2 * (128 * per_vector + pads) + 1 + 40
