"""LrnFactors inside the simulator: sums across lanes and blocks, table lookups, stalls on both
sides, cycles.
"""

import random

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from streams import send, start
from testbench import parameter

from hwcnn.config import AccelConfig
from hwcnn.limits import lrn_cycles, lrn_lookups
from hwcnn.rtl.vector.lrn import TABLE_BITS, LrnFactors

CONFIG = AccelConfig.from_dict(parameter("config"))
LANES, BEAT = CONFIG.lanes, CONFIG.axi_bytes
#: blocks, pixels, half, ca; the last fills the RAM.
CASES = [
    (1, 1, 2, 0),
    (1, 2, 1, 128),
    (2, 1, 2, -127),
    (3, 5, 2, 7),
    (4, 3, 1, -3),
    (2, 6, 0, 1),
    (2, CONFIG.pool_depth, 2, 0),
]


def index(s):
    """docs/architecture.md: S below 128; else with e = top bit - 6: 64*e + (S >> e)."""
    e = max(0, s.bit_length() - 7)
    return 64 * e + (s >> e)


def reference(x, half, ca, table):
    """x: [blocks, pixels, lanes]; the factors, the same shape."""
    d = (x + ca).transpose(1, 0, 2).reshape(x.shape[1], -1)
    factors = np.zeros_like(d)
    for p, c in np.ndindex(*d.shape):
        factors[p, c] = table[index(int((d[p, max(0, c - half) : c + half + 1] ** 2).sum()))]
    return factors.reshape(x.shape[1], x.shape[0], LANES).transpose(1, 0, 2)


async def fill(dut, table):
    image = table.astype("<u4").tobytes()
    for offset in range(len(image) // BEAT):
        dut.params__en.value, dut.params__dest.value, dut.params__offset.value = 1, 2, offset
        dut.params__data.value = int.from_bytes(
            image[offset * BEAT : (offset + 1) * BEAT], "little"
        )
        await FallingEdge(dut.clk)
    dut.params__dest.value = 3  # for someone else
    dut.params__data.value = 0
    await FallingEdge(dut.clk)
    dut.params__en.value = 0


async def collect(dut, count, stall):
    """(vector, factors) of `count` results, and the cycles from now to the last; `room` comes at
    random, and stays until used.
    """
    generator, results, reserved, cycles = random.Random(5), [], 0, 0
    factors, lower = [None] * LANES, None  # the lower half of a result, with all its factors
    room = False
    while len(results) < count:
        room = room or generator.random() >= stall
        dut.has_credit.value = room
        await RisingEdge(dut.clk)
        cycles += 1
        if lower is not None:
            results.append((lower[0] | int(dut.o__vector.value) << 4 * LANES, lower[1]))
            lower = None
        if dut.factors__en.value:
            for j in range(lrn_lookups(CONFIG)):
                value = int(dut.factors__values.value) >> TABLE_BITS * j & (1 << TABLE_BITS) - 1
                factors[int(dut.factors__group.value) * lrn_lookups(CONFIG) + j] = value
        if dut.o__valid.value:
            lower, factors = (int(dut.o__vector.value), tuple(factors)), [None] * LANES
        assert not dut.reserve.value or room
        if dut.reserve.value:
            reserved, room = reserved + 1, False
        await FallingEdge(dut.clk)
    assert reserved == count
    return results, cycles


async def run(dut, case, seed, send_stall, room_stall):
    blocks, pixels, half, ca = case
    generator = np.random.default_rng(seed)
    x = generator.integers(-128, 128, (blocks, pixels, LANES))
    x[:, 0] = -128 if ca <= 0 else 127  # the largest sums
    table = generator.integers(0, 1 << TABLE_BITS, 1024)
    await fill(dut, table)
    dut.n_blk.value, dut.n_pixels.value, dut.half.value = blocks, pixels, half
    dut.ca.value = ca & (1 << 18) - 1
    dut.start.value = 1
    await FallingEdge(dut.clk)
    dut.start.value = 0
    vectors = [v.astype(np.int8).tobytes() for v in x.reshape(-1, LANES)]
    sending = cocotb.start_soon(
        send(dut, "i", [int.from_bytes(v, "little") for v in vectors], seed, send_stall)
    )
    got, cycles = await collect(dut, blocks * pixels, room_stall)
    await sending
    expected = reference(x, half, ca, table).reshape(-1, LANES)
    assert [g[0] for g in got] == [int.from_bytes(v, "little") for v in vectors]
    assert [g[1] for g in got] == [tuple(f) for f in expected], case
    assert not dut.busy.value
    return cycles


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def normalises_under_stalls(dut):
    await start(dut, i__valid=0, has_credit=0, start=0, params__en=0)
    for seed, case in enumerate(CASES):
        await run(dut, case, seed, *((0.5, 0.1), (0.0, 0.9), (0.3, 0.3))[seed % 3])


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    await start(dut, i__valid=0, has_credit=0, start=0, params__en=0)
    for case in CASES:
        cycles = await run(dut, case, 1, 0, 0)
        # From the cycle after start: the load of a vector comes a cycle before its first step, its
        # upper half a cycle after `o`.
        assert cycles == lrn_cycles(CONFIG, *case[:2]) + 2 + LrnFactors.LATENCY, (case, cycles)
