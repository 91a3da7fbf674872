"""Writer inside the simulator."""

import random

import cocotb
from axi_memory import WriteMemory
from cocotb.triggers import ClockCycles, RisingEdge
from cocotb.utils import get_sim_time
from reader_tiles import WRITE
from streams import send, start
from testbench import parameter

SIZE = 1 << 16


def tile(addr, n_blk, rows, cols, pix, row, blk):
    return dict(
        n_blk=n_blk,
        out_addr=addr,
        out_blk_stride=blk,
        out_row_stride=row,
        out_pix_stride=pix,
        out_rows=rows,
        out_cols=cols,
    )


def random_tiles(random, lanes, count):
    """Tiles that do not overlap, in random order: dense ones, and with gaps between pixels, rows,
    blocks.
    """
    tiles, at = [], 0
    for _ in range(count):
        n_blk, rows, cols = (
            random.randint(1, 3),
            random.randint(1, 4),
            random.choice([1, 2, 3, 7, 16, 40]),
        )
        pix = lanes * random.choice([1, 1, 1, 2, 4, 3])
        row = pix * cols + lanes * random.choice([0, 0, 1, 6])
        blk = row * rows + lanes * random.choice([0, 0, 2])
        if random.random() < 0.3:  # just before a multiple of 4 KiB
            at = max(at, (at // 4096 + 1) * 4096 - lanes * random.randint(1, 5))
        at += lanes * random.randint(0, 3)
        if at + blk * n_blk > SIZE:
            continue
        tiles.append(tile(at, n_blk, rows, cols, pix, row, blk))
        at += blk * n_blk
    random.shuffle(tiles)
    return tiles


def addresses(t):
    return [
        t["out_addr"] + b * t["out_blk_stride"] + y * t["out_row_stride"] + x * t["out_pix_stride"]
        for b in range(t["n_blk"])
        for y in range(t["out_rows"])
        for x in range(t["out_cols"])
    ]


def holds(burst, address):
    return burst[0] <= address < burst[0] + burst[1] * parameter("axi_bytes")


async def run(dut, tiles, latency, stall, data_stall, pause=0):
    """Write the tiles; returns the memory model after checking memory, the writes to each byte, and
    `done`.

    pause : cycles at the beginning in which memory takes nothing."""
    lanes, generator = parameter("lanes"), random.Random(11)
    await start(
        dut,
        i__valid=0,
        data__valid=0,
        port__request__ready=0,
        port__data__ready=0,
        port__response=0,
    )
    memory = WriteMemory(
        dut, "port", {}, parameter("axi_bytes"), latency, 1, 1.0 if pause else stall
    )
    serving = cocotb.start_soon(memory.run())
    expected, items = {}, []
    for address in (a for t in tiles for a in addresses(t)):
        vector = generator.randbytes(lanes)
        items.append(int.from_bytes(vector, "little"))
        expected |= {address + n: byte for n, byte in enumerate(vector)}
    cocotb.start_soon(send(dut, "i", [WRITE.pack(t) for t in tiles], 2, stall))
    cocotb.start_soon(send(dut, "data", items, 3, data_stall))
    if pause:
        await ClockCycles(dut.clk, pause)
        memory.stall = stall
    done_burst = -1
    for t in tiles:
        while True:
            await RisingEdge(dut.clk)
            if dut.done.value:
                break
        for a in addresses(t):
            assert all(memory.memory[n] == expected[n] for n in range(a, a + lanes)), (
                "done before its data was in memory"
            )
        end = addresses(t)[-1]
        done_burst = next(
            n for n in range(done_burst + 1, len(memory.bursts)) if holds(memory.bursts[n], end)
        )
        assert len(memory.acknowledged) > done_burst, (
            "done before memory acknowledged its last burst"
        )
    for _ in range(latency + 20):
        await RisingEdge(dut.clk)
        assert not dut.done.value
    serving.cancel()
    assert memory.memory == expected
    assert memory.written == dict.fromkeys(expected, 1)
    assert len(memory.acknowledged) == len(memory.bursts)
    return memory


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_tiles_under_stalls(dut):
    generator = random.Random(7)
    for latency, stall, data_stall in ((3, 0.3, 0.3), (60, 0, 0), (1, 0.6, 0), (20, 0, 0.5)):
        await run(dut, random_tiles(generator, parameter("lanes"), 40), latency, stall, data_stall)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def strides_use_all_their_bits(dut):
    lanes = parameter("lanes")
    far = tile(
        0x0ABC_D000 + 3 * lanes,
        2,
        3,
        2,
        (1 << 16) - lanes,
        (1 << 24) - 5 * lanes,
        0xE5A5_A000 + lanes,
    )
    await run(dut, [far], 5, 0.2, 0.2)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def counts_use_all_their_bits(dut):
    """Memory takes everything at once, and answers ahead, so that no Python runs in the cycles of a
    tile.
    """
    n, lanes, parts = (
        33_000,
        parameter("lanes"),
        max(1, parameter("lanes") // parameter("axi_bytes")),
    )
    for counts in ((n, 1, 1), (1, n, 1), (1, 1, n)):
        payload = WRITE.pack(tile(0, *counts, lanes, lanes, lanes))
        await start(
            dut,
            i__valid=1,
            i__payload=payload,
            data__valid=1,
            data__payload=0,
            port__request__ready=1,
            port__data__ready=1,
            port__response=1,
        )
        await ClockCycles(dut.clk, 200)  # until `done` has ended, of a tile before
        began = get_sim_time("ns")
        await RisingEdge(dut.done)
        assert n * parts - 200 <= (get_sim_time("ns") - began) / 10 <= n * parts


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def nothing_is_lost_where_memory_takes_nothing(dut):
    """Every FIFO fills: with bursts of one vector each, with long ones, and with responses that are
    awaited.
    """
    lanes = parameter("lanes")
    apart = 17 * max(lanes, parameter("axi_bytes"))
    single, dense = tile(0, 1, 1, 100, apart, 0, 0), tile(0, 1, 1, 120, lanes, 0, 0)
    for tiles, latency, pause in (
        ([single], 5, 200),
        ([dense], 5, 300),
        ([single], 250, 0),
        ([dense], 250, 0),
    ):
        await run(dut, tiles, latency, 0, 0, pause)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def done_waits_for_the_last_response(dut):
    lanes = parameter("lanes")
    memory = await run(dut, [tile(0, 1, 1, 3, lanes, 3 * lanes, 3 * lanes)], 50, 0, 0)
    assert memory.acknowledged[-1] - memory.beats[-1] == 50


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    """A vector (or beat) a cycle over dense rows, rows of 7 with gaps, interleaved pixels; 32
    cycles to respond.
    """
    lanes, beat = parameter("lanes"), parameter("axi_bytes")
    for rows, cols, pix, gap in ((4, 64, 1, 0), (4, 64, 1, 3), (30, 7, 1, 1), (4, 32, 2, 0)):
        row = lanes * (cols * pix + gap)
        memory = await run(
            dut, [tile(4096 - 4 * lanes, 1, rows, cols, pix * lanes, row, 0)], 32, 0, 0
        )
        vectors = rows * cols * max(1, lanes // beat)
        # A burst leaves when it is whole, so the last one may start up to 16 beats late.
        assert memory.beats[-1] - memory.beats[0] < vectors + 16
        # 3 to take data, 3 to request, a burst to send, 32 to answer
        if lanes == beat and pix == 1:
            assert memory.acknowledged[-1] <= vectors + 3 + 3 + 16 + 32
        if pix == 1 and gap == 0:
            assert len(memory.bursts) <= rows * cols * lanes // (16 * beat) + 2


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def tiles_overlap_responses(dut):
    """Data of the next tiles flows while responses are awaited: at most two idle cycles a tile."""
    lanes, beat = parameter("lanes"), parameter("axi_bytes")
    tiles = [tile(n * 16 * lanes, 1, 1, 16, lanes, 16 * lanes, 0) for n in range(20)]
    memory = await run(dut, tiles, 60, 0, 0)
    vectors = 320 * max(1, lanes // beat)
    assert memory.acknowledged[-1] <= vectors + 2 * len(tiles) + 60 + 16 + 14


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def jumps_of_a_burst(dut):
    """Vectors 16 and 17 beats apart, which have the places in a burst of one that goes on, belong
    to different ones.
    """
    lanes, beat = parameter("lanes"), parameter("axi_bytes")
    for beats in (16, 17, 64):
        stride = beats * max(lanes, beat)
        await run(dut, [tile(0, 2, 4, 2, lanes, stride, 5 * stride)], 5, 0, 0)
