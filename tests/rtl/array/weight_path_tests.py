"""WeightPath inside the simulator: how many WEIGHTs get in while the array takes nothing."""

import random

import cocotb
from axi_memory import ReadMemory
from cocotb.triggers import FallingEdge, RisingEdge
from streams import start
from testbench import parameter

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.scheduler.weight_prefetch import PrefetchedWeights

CONFIG = AccelConfig.from_dict(parameter("config"))
#: Cycles without a word taken after which none will be.
STUCK = 300


def patterns():
    """Bytes of the WEIGHTs of a program, in several mixtures of short and long."""
    generator, tile, many = (
        random.Random(1),
        CONFIG.tile_bytes,
        2 * CONFIG.weight_fifo + CONFIG.queue_words,
    )
    yield [tile] * many
    yield [3 * tile] * many
    for choice in ((1, 2, 3), (1, 1, 1, 40), (1, 9, 17, 33)):
        yield [tile * generator.choice(choice) for _ in range(many)]


def promised(sizes):
    """WEIGHTs of which the scheduler takes for granted that they are dispatched."""
    ahead = PrefetchedWeights(CONFIG)
    for count, size in enumerate(sizes):
        if not ahead.fits(size):
            return count
        ahead.ask(size)
    raise AssertionError("all fit")


async def accepted(dut, sizes):
    """WEIGHTs of which all words are taken, each from a beat of its own on, as far from a burst's
    boundary as can be.
    """
    address, words = 0, []
    for size in sizes:
        address += -address % 64 + 64 * random.Random(address).randrange(16)
        code = isa.encode(isa.WEIGHT, {}, addr=address, n_bytes=size)
        words += [int.from_bytes(code[k : k + 16], "little") for k in range(0, len(code), 16)]
        address += size
    await start(dut, i__valid=0, o__ready=0, port__request__ready=0, port__data__valid=0)
    serving = cocotb.start_soon(
        ReadMemory(dut, "port", bytes(address + 4096), CONFIG.axi_bytes, 5, 1, 0.2).run()
    )
    taken, idle = 0, 0
    while idle < STUCK:
        dut.i__payload.value, dut.i__valid.value = words[taken], 1
        await RisingEdge(dut.clk)
        idle = 0 if dut.i__ready.value else idle + 1
        taken += bool(dut.i__ready.value)
        await FallingEdge(dut.clk)
    serving.cancel()
    return taken // isa.WEIGHT.words


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def takes_what_the_scheduler_counts_on(dut):
    for sizes in patterns():
        fits, taken = promised(sizes), await accepted(dut, sizes)
        assert 0 < fits <= taken, f"{fits} are counted on, {taken} are taken"
        assert taken - fits <= 4 + 16 * CONFIG.axi_bytes // CONFIG.tile_bytes, (
            "much less is counted on than is taken"
        )
