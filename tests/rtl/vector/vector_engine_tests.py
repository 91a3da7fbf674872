"""VectorEngine inside the simulator: instructions of all kinds, back to back, with memory models
behind its ports.
"""

import cocotb
import numpy as np
from axi_memory import ReadMemory, WriteMemory
from cocotb.triggers import FallingEdge, RisingEdge
from streams import send, start
from testbench import parameter
from vector_cases import (
    POOL_MAX,
    POOL_SUM,
    SIZE,
    cases,
    complete,
    depthwise,
    execute,
    lrn,
    pool,
    tile,
    with_words,
)

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import DW_WORDS, depthwise_cycles, lrn_cycles, pool_cycles, result_cycles
from hwcnn.rtl.vector.core import VectorCore
from hwcnn.rtl.vector.fields import VECTOR_LAYOUT

CONFIG = AccelConfig.from_dict(parameter("config"))
LANES, BEAT = CONFIG.lanes, CONFIG.axi_bytes


def tables(seed):
    generator = np.random.default_rng(seed)
    shape = (CONFIG.param_slots, LANES)
    slots = {
        "mantissa": generator.integers(-(2**17), 2**17, shape),
        "bias": generator.integers(-(2**25), 2**25, shape),
        "shift": generator.integers(15, 20, shape),
    }
    return {
        "slots": slots,
        "lrn": generator.integers(0, 2**17, 1024),
        "activation": generator.integers(-128, 128, 256),
        "depthwise": generator.integers(-128, 128, (DW_WORDS, CONFIG.dw_taps, LANES)),
    }


def beats(tables):
    """(dest, offset, beat) of the PARAM instructions that fill all tables."""
    words = isa.VECTOR_CHANNEL.pack_arrays(tables["slots"])
    images = [
        (1, words.astype("<u8").tobytes()),
        (2, tables["lrn"].astype("<u4").tobytes()),
        (3, tables["activation"].astype(np.int8).tobytes()),
    ]
    if CONFIG.dw_taps:
        words = np.zeros((DW_WORDS, CONFIG.dw_word_bytes), np.int8)
        words[:, : CONFIG.dw_taps * LANES] = tables["depthwise"].reshape(DW_WORDS, -1)
        images.append((4, words.tobytes()))
    for dest, image in images:
        for offset in range(len(image) // BEAT):
            yield dest, offset, int.from_bytes(image[offset * BEAT : (offset + 1) * BEAT], "little")


async def fill(dut, tables):
    """Write all tables, then wait until the activation table has been copied."""
    for dest, offset, beat in beats(tables):
        dut.params__en.value, dut.params__dest.value, dut.params__index.value = 1, dest, 0
        dut.params__offset.value, dut.params__data.value = offset, beat
        await FallingEdge(dut.clk)
    dut.params__en.value = 0


def payload(fields):
    return VECTOR_LAYOUT.const({n: fields[n] for n in VECTOR_LAYOUT.members}).as_value().value


class Bench:
    """The engine with its memory: `run` executes instructions and checks every byte of memory."""

    def __init__(self, dut, seed, latency, stall):
        self.dut, self.stall = dut, stall
        self.memory = bytearray(
            np.random.default_rng(seed).integers(0, 256, SIZE, np.uint8).tobytes()
        )
        self.models = [
            ReadMemory(dut, "a", self.memory, BEAT, latency, seed, stall),
            ReadMemory(dut, "b", self.memory, BEAT, latency, seed + 1, stall),
            WriteMemory(dut, "write", self.memory, BEAT, latency, seed + 2, stall),
        ]
        self.tables = tables(seed)

    async def start(self):
        await start(
            self.dut,
            i__valid=0,
            params__en=0,
            a__request__ready=0,
            a__data__valid=0,
            b__request__ready=0,
            b__data__valid=0,
            write__request__ready=0,
            write__data__ready=0,
            write__response=0,
        )
        self.serving = [cocotb.start_soon(model.run()) for model in self.models]
        await fill(self.dut, self.tables)

    async def run(self, instructions):
        """Each instruction's memory is checked when it is done; gives the cycle at which each was
        taken.
        """
        taken, done = [], 0
        sending = cocotb.start_soon(
            send(self.dut, "i", [payload(f) for f in instructions], 4, self.stall)
        )
        expected = np.frombuffer(bytes(self.memory), np.int8).copy()
        for f in instructions:
            execute(expected, f, LANES, self.tables)
        cycle = 0
        while done < len(instructions):
            await RisingEdge(self.dut.clk)
            cycle += 1
            if self.dut.i__valid.value and self.dut.i__ready.value:
                taken.append(cycle)
            done += int(self.dut.done.value)
        await sending
        got = np.frombuffer(bytes(self.memory), np.int8)
        wrong = np.flatnonzero(got != expected)
        assert not len(wrong), (
            instructions[-1],
            len(wrong),
            wrong[:8],
            got[wrong[:8]],
            expected[wrong[:8]],
        )
        await FallingEdge(self.dut.clk)
        assert not self.dut.busy.value
        return taken

    def stop(self):
        for task in self.serving:
            task.cancel()


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def one_by_one(dut):
    for seed, (latency, stall) in enumerate(((5, 0), (20, 0.3))):
        bench = Bench(dut, seed, latency, stall)
        await bench.start()
        for case in cases(CONFIG):
            await bench.run([complete(case, LANES)])
        bench.stop()


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def back_to_back(dut):
    """Every instruction right behind another, each with an output of its own."""
    for seed, (latency, stall) in enumerate(((30, 0), (3, 0.2), (10, 0.6))):
        bench = Bench(dut, seed, latency, stall)
        await bench.start()
        instructions = [complete(case, LANES) for case in cases(CONFIG) * 2]
        at = 0x9000
        batch = []
        for f in instructions:
            size = f["out_blk_stride"] * f["n_blk"] + LANES
            if at + size > SIZE:
                await bench.run(batch)
                at, batch = 0x9000, []
            batch.append(f | {"out_addr": at})
            at += size
        await bench.run(batch)
        bench.stop()


async def period(bench, case):
    """Cycles from an instruction to the next of its kind."""
    taken = await bench.run([complete(case, LANES)] * 4)
    return taken[3] - taken[2]


@cocotb.test(timeout_time=2, timeout_unit="ms", skip=LANES > BEAT)
async def full_rate(dut):
    """Cycles of each kind of instruction, the gap to the next included."""
    bench = Bench(dut, 1, 20, 0)
    await bench.start()
    gap, each = VectorCore.GAP - 1, result_cycles(CONFIG)
    assert await period(bench, tile(2, 4, 16)) == 128 * each + gap
    if "eltwise" in CONFIG.features:
        assert await period(bench, tile(1, 1, 100, b_mode=1, mb=9)) == 100 * each + gap
        assert await period(bench, tile(5, 1, 20, b_mode=2, mb=9)) == 100 * each + gap
    if "affine" in CONFIG.features:
        assert await period(bench, tile(3, 1, 32, per_channel=1)) == 96 * each + gap + 2 + max(
            2, 8 * LANES // BEAT
        )
    if "lrn" in CONFIG.features:
        measured = await period(bench, lrn(3, 20, 2))
        assert 0 <= measured - lrn_cycles(CONFIG, 3, 20) <= 15, measured
    if "pool" in CONFIG.features:
        for case in (
            pool(POOL_MAX, 2, 8, 16, (2, 2), (2, 2)),
            pool(POOL_SUM, 1, 13, 15, (3, 3), (2, 2)),
            pool(POOL_MAX, 2, 10, 14, (3, 3), (1, 1)),
        ):
            f = complete(case, LANES)
            padded = f["n_blk"] * f["n_rows"] * f["n_cols"]
            measured = await period(bench, case)
            expected = pool_cycles(
                CONFIG, padded, f["n_blk"] * f["out_rows"] * f["out_cols"], f["kh"]
            )
            around = max(
                pool_cycles(CONFIG, 0, f["out_cols"], f["kh"]), (f["kh"] - 1) * f["n_cols"]
            )
            assert 0 <= measured - expected <= around + 15, (measured, expected)
    if CONFIG.dw_taps:
        for case in (
            depthwise(2, 10, 12, (3, 1), (1, 1), (1, 1, 1, 1)),
            depthwise(1, 11, 13, (3, 1), (2, 2)),
            depthwise(3, 8, 12, (5, 1), (1, 1)),
        ):
            f = complete(with_words(case, CONFIG.dw_taps), LANES)
            measured = await period(bench, with_words(case, CONFIG.dw_taps))
            assert 0 <= measured - depthwise_cycles(f) <= 40, (measured, depthwise_cycles(f))
    bench.stop()
