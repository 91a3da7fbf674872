"""ArrayEngine with Accumulators inside the simulator, against the loops of docs/architecture.md in
NumPy.
"""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from streams import send, start
from testbench import parameter

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.array.accumulators import Accumulators
from hwcnn.rtl.array.engine import ArrayEngine
from hwcnn.rtl.layouts import instruction_layout

CONFIG = AccelConfig.from_dict(parameter("config"))
LAYOUT = instruction_layout(isa.ARRAY)
LOOPS = ("cb", "ky", "kx", "ob", "y", "x")


def instruction(**values):
    loops = {f"{k}_{n}": 1 if k == "n" else 0 for n in LOOPS for k in "ns"}
    return loops | {"base": 0, "acc": 0, "accumulate": 0, "upper": 0} | values


def random_instruction(draw, half):
    n = {
        name: int(draw.integers(1, high + 1))
        for name, high in zip(LOOPS, (3, 3, 2, 3, 5, 5), strict=True)
    }
    # negative ones too: modulo 2**20
    steps = {f"s_{name}": int(draw.integers(0, 1 << 20)) for name in n}
    acc = half * CONFIG.acc_depth + int(draw.integers(0, CONFIG.acc_depth - 75))
    return instruction(
        base=int(draw.integers(0, 1 << 20)),
        acc=acc,
        upper=int(draw.integers(0, 1 << 20)),
        **{f"n_{k}": v for k, v in n.items()},
        **steps,
    )


def passes(f):
    return f["n_cb"] * f["n_ky"] * f["n_kx"] * f["n_ob"]


def model(instructions, act, tiles, acc):
    """Updates acc [2D, C] in place; tiles: iterator of [R, C]."""
    middle = CONFIG.rows // 2
    for f in instructions:
        for cb, ky, kx, ob in np.ndindex(f["n_cb"], f["n_ky"], f["n_kx"], f["n_ob"]):
            weight = next(tiles).astype(np.int64)
            for y, x in np.ndindex(f["n_y"], f["n_x"]):
                address = f["base"] + sum(
                    i * f[f"s_{n}"] for n, i in zip(LOOPS, (cb, ky, kx, ob, y, x), strict=True)
                )
                vector = act[address % CONFIG.act_vectors].astype(np.int64)
                vector[middle:] = act[(address + f["upper"]) % CONFIG.act_vectors, middle:]
                result = vector @ weight
                at = f["acc"] + (ob * f["n_y"] + y) * f["n_x"] + x
                first = (cb, ky, kx) == (0, 0, 0) and not f["accumulate"]
                acc[at] = result if first else acc[at] + result


def int8(draw, *shape):
    """Random int8 in which the extremes are frequent."""
    extremes = draw.choice([-128, 127], shape)
    return np.where(draw.random(shape) < 0.3, extremes, draw.integers(-128, 128, shape)).astype(
        np.int8
    )


def word(values):
    return int.from_bytes(np.asarray(values).tobytes(), "little")


async def monitor(dut, log):
    """Cycle numbers at which busy, done and stall_weights are high, counted from now."""
    cycle = 0
    while True:
        await RisingEdge(dut.clk)
        for name in log:
            if getattr(dut, name).value:
                log[name].append(cycle)
        cycle += 1


async def run(dut, instructions, act, tiles, stall=0.0, gap=0.0):
    """Returns (log of `monitor`, accumulators of all addresses [2D, C])."""
    await start(dut, i__valid=0, weights__valid=0, act__en=0, read__en=0)
    for address, vector in enumerate(act):
        dut.act__en.value, dut.act__addr.value, dut.act__data.value = 1, address, word(vector)
        await FallingEdge(dut.clk)
    dut.act__en.value = 0
    log = {"busy": [], "done": [], "stall_weights": []}
    watch = cocotb.start_soon(monitor(dut, log))
    rows = [word(row) for tile in tiles for row in tile]
    sends = [
        cocotb.start_soon(
            send(dut, "i", [LAYOUT.const(f).as_value().value for f in instructions], 1, gap)
        ),
        cocotb.start_soon(send(dut, "weights", rows, 2, stall)),
    ]
    while len(log["done"]) < len(instructions):
        await FallingEdge(dut.clk)
    watch.cancel()
    for s in sends:
        await s
    acc = np.zeros((2 * CONFIG.acc_depth, CONFIG.cols), np.int64)
    dut.read__en.value = 1
    for address in range(len(acc) + Accumulators.READ_LATENCY):
        dut.read__addr.value = address % len(acc)
        await FallingEdge(dut.clk)
        if (
            address + 1 >= Accumulators.READ_LATENCY
            and address + 1 - Accumulators.READ_LATENCY < len(acc)
        ):
            data = int(dut.read__data.value).to_bytes(4 * CONFIG.cols, "little")
            acc[address + 1 - Accumulators.READ_LATENCY] = np.frombuffer(data, np.int32)
    return log, acc


async def compare(dut, instructions, seed, **stalls):
    draw = np.random.default_rng(seed)
    act = int8(draw, CONFIG.act_vectors, CONFIG.rows)
    tiles = int8(draw, sum(map(passes, instructions)), CONFIG.rows, CONFIG.cols)
    log, acc = await run(dut, instructions, act, tiles, **stalls)
    written = np.zeros(len(acc), bool)
    for f in instructions:
        written[f["acc"] : f["acc"] + f["n_ob"] * f["n_y"] * f["n_x"]] = True
    expected = np.zeros_like(acc)
    model(instructions, act, iter(tiles), expected)
    np.testing.assert_array_equal(acc[written], expected[written])
    return log


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def loops_under_stalls(dut):
    for seed, (stall, gap) in enumerate(((0, 0), (0.5, 0), (0.9, 0.9), (0.05, 0.5))):
        draw = np.random.default_rng(100 + seed)
        instructions = [random_instruction(draw, half) for half in (0, 1, 0, 1)]
        # The last one adds to what the first half holds.
        instructions.append(instructions[2] | {"accumulate": 1})
        await compare(dut, instructions, seed, stall=stall, gap=gap)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def all_products_extreme(dut):
    act = np.full((CONFIG.act_vectors, CONFIG.rows), -128, np.int8)
    for weight in (-128, 127):
        tiles = np.full((8, CONFIG.rows, CONFIG.cols), weight, np.int8)
        _, acc = await run(dut, [instruction(n_cb=8, n_x=5)], act, tiles)
        assert (acc[:5] == 8 * CONFIG.rows * -128 * weight).all()


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_pass_takes_its_pixels_or_the_rows(dut):
    for pixels in (1, CONFIG.rows - 1, CONFIG.rows, 49, 60):
        f = instruction(n_cb=4, s_cb=7, n_ky=3, n_x=pixels, s_x=1)
        log = await compare(dut, [f], pixels)
        each = max(pixels, CONFIG.rows)
        first = log["busy"][0]
        expected = [first + each * p + x for p in range(12) for x in range(pixels)]
        assert log["busy"] == expected, pixels
        assert log["done"] == [expected[-1] + ArrayEngine.done_latency(CONFIG)]
        assert len(log["stall_weights"]) == first - ArrayEngine.START + (each - pixels) * 11


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def instructions_follow_without_bubbles(dut):
    f = instruction(n_y=7, s_y=7, n_x=7, s_x=1, upper=9)
    short = instruction(n_x=CONFIG.rows, s_x=3, acc=CONFIG.acc_depth)
    log = await compare(dut, [f, short, f, short | {"n_ky": 2}, short, f], 5)
    assert log["busy"] == list(range(log["busy"][0], log["busy"][0] + 3 * 49 + 4 * CONFIG.rows))


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def starts_as_soon_as_promised(dut):
    """With the weights there, the first pixel is issued START cycles after the instruction is
    taken.
    """
    tile = np.ones((1, CONFIG.rows, CONFIG.cols), np.int8)
    await start(dut, i__valid=0, weights__valid=0, act__en=0, read__en=0)
    await send(dut, "weights", [word(row) for row in tile[0]])
    log = {"busy": [], "done": [], "stall_weights": []}
    cocotb.start_soon(monitor(dut, log))
    await send(dut, "i", [LAYOUT.const(instruction()).as_value().value])
    for _ in range(2 * ArrayEngine.done_latency(CONFIG)):
        await FallingEdge(dut.clk)
    assert log["busy"] == [ArrayEngine.START]
    assert not log["stall_weights"]
    assert log["done"] == [ArrayEngine.START + ArrayEngine.done_latency(CONFIG)]
