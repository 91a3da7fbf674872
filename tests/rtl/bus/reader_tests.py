"""VectorReader inside the simulator."""

import random

import cocotb
from axi_memory import ReadMemory
from cocotb.triggers import RisingEdge
from reader_tiles import READ, random_tile, tile, vectors
from streams import receive, send, start
from testbench import parameter

SIZE = 1 << 15
MEMORY = random.Random(5).randbytes(SIZE)
PADDED = parameter("padded")
NO_PADS = dict(pad_top=0, pad_bottom=0, pad_left=0, pad_right=0)


class Everywhere:
    """A memory of all 4 GiB, whose bytes follow from their addresses."""

    def __getitem__(self, where):
        return b"".join(
            (a * 2654435761 >> 16 & 255).to_bytes() for a in range(where.start, where.stop)
        )


def expect(t, memory=MEMORY):
    """The tile's vectors; a reader without pads ignores the fields of pads."""
    return list(vectors(memory, t if PADDED else t | NO_PADS, parameter("lanes")))


async def run(dut, tiles, latency, stall, receive_stall, content=MEMORY):
    """Send tiles; returns (memory model, cycles from the first to the last vector); checks all
    vectors and `last`.
    """
    await start(dut, i__valid=0, o__ready=0, port__request__ready=0, port__data__valid=0)
    memory = ReadMemory(dut, "port", content, parameter("axi_bytes"), latency, 1, stall)
    serving = cocotb.start_soon(memory.run())
    expected = [v for t in tiles for v in expect(t, content)]
    ends = {sum(len(expect(t, content)) for t in tiles[: n + 1]) for n in range(len(tiles))}
    watching = cocotb.start_soon(watch_last(dut, ends, len(expected) if PADDED else 0))
    sending = cocotb.start_soon(send(dut, "i", [READ.pack(t) for t in tiles], 2, stall))
    got, cycles = await receive(dut, "o", len(expected), 3, receive_stall)
    await sending
    await watching
    serving.cancel()
    assert got == expected
    return memory, cycles


async def watch_last(dut, ends, count):
    taken = 0
    while taken < count:
        await RisingEdge(dut.clk)
        if dut.o__valid.value and dut.o__ready.value:
            taken += 1
            assert bool(dut.last.value) == (taken in ends)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_tiles_under_stalls(dut):
    generator = random.Random(7)
    for latency, stall, receive_stall in ((3, 0.3, 0.3), (40, 0, 0.6), (1, 0.6, 0)):
        tiles = [random_tile(generator, parameter("lanes"), SIZE) for _ in range(40)]
        await run(dut, tiles, latency, stall, receive_stall)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def strides_use_all_their_bits(dut):
    lanes = parameter("lanes")
    far = tile(0x0ABC_D000 + 3 * lanes, 0xE5A5_A000 + lanes, (1 << 24) - 5 * lanes, 2, 3, 2)
    await run(dut, [far, tile(0, 1 << 31, 1 << 23, 2, 2, 1)], 5, 0.2, 0.2, Everywhere())


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    """A vector (L <= axi_bytes) or beat a cycle at 32 cycles of latency: long rows, rows of 4
    vectors, padded rows.
    """
    lanes, beat = parameter("lanes"), parameter("axi_bytes")
    per_vector = max(1, lanes // beat)
    for n_cols, n_rows, right in ((64, 4, 0), (4, 40, 0), (7, 20, 1)):
        addr = 4096 - 2 * max(lanes, beat)
        rows = tile(addr, lanes * n_cols * n_rows, lanes * n_cols, 1, n_rows, n_cols, right=right)
        _, cycles = await run(dut, [rows], 32, 0, 0)
        assert cycles <= n_cols * n_rows * per_vector + n_rows * right * PADDED + 1 + 2 * per_vector


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def short_tiles_keep_the_bus_busy(dut):
    """Tiles of 8 vectors back to back: one idle cycle each, though memory takes 20 cycles to
    answer.
    """
    lanes, beat = parameter("lanes"), parameter("axi_bytes")
    per_vector = max(1, lanes // beat)
    tiles = [tile(8 * lanes * n, 8 * lanes, 8 * lanes, 1, 1, 8) for n in range(20)]
    _, cycles = await run(dut, tiles, 20, 0, 0)
    assert cycles <= len(tiles) * (8 * per_vector + 1) + 2 * per_vector


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def latencies(dut):
    """As the docstring says: 3 cycles to the request, 3 from a vector's last beat to it or one
    less, 5 to a pad.
    """
    lanes, beat = parameter("lanes"), parameter("axi_bytes")
    per_vector = max(1, lanes // beat)
    less = not PADDED and lanes >= beat
    for top, expected in (
        (0, 3 + 10 + 3 + (per_vector > 1) + per_vector - 1 - less),
        *([(1, 5)] if PADDED else []),
    ):
        await start(dut, i__valid=0, o__ready=1, port__request__ready=0, port__data__valid=0)
        memory = ReadMemory(dut, "port", MEMORY, parameter("axi_bytes"), 10)
        serving = cocotb.start_soon(memory.run())
        sending = cocotb.start_soon(send(dut, "i", [READ.pack(tile(0, 0, 0, 1, 1, 1, top=top))]))
        cycles = 0
        while True:
            await RisingEdge(dut.clk)
            if dut.o__valid.value:
                break
            cycles += 1
        assert cycles == expected
        await sending
        serving.cancel()
