"""PostCore inside the simulator, against fixedpoint.py."""

import itertools

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from streams import receive, send, start
from testbench import parameter

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.fixedpoint import requantise
from hwcnn.rtl.layouts import READ_LAYOUT, WRITE_LAYOUT, instruction_layout
from hwcnn.rtl.post.engine import PostCore

CONFIG = AccelConfig.from_dict(parameter("config"))
LAYOUT = instruction_layout(isa.POST)
P, L, C = CONFIG.post_lanes, CONFIG.lanes, CONFIG.cols


def raw(layout, fields):
    return layout.const(fields).as_value().value


def between(draw, low, high, shape=None):
    """Random integers from low to high in which the extremes are frequent."""
    values = np.where(
        draw.random(shape) < 0.15,
        draw.choice([low, high], shape),
        draw.integers(low, high + 1, shape),
    )
    return values if shape is not None else int(values)


def signed(draw, bits, shape=None):
    return between(draw, -(1 << bits - 1), (1 << bits - 1) - 1, shape)


def random_instruction(draw, **values):
    """Any values; half of the time the second stage, and half of these with a residual."""
    low, high = sorted((signed(draw, 8), signed(draw, 8)))
    low2, high2 = sorted((signed(draw, 8), signed(draw, 8)))
    f = {
        "acc": int(draw.integers(0, 2 * CONFIG.acc_depth - 60)),
        "n_blk": int(draw.integers(1, 4)),
        "group": int(draw.integers(0, C // P)),
        "slot": int(draw.integers(0, CONFIG.param_slots)),
        "zero": signed(draw, 8),
        "low": low,
        "high": high,
        "stage2": int(draw.integers(0, 2)),
        "residual": int(draw.integers(0, 2)),
        "ma": signed(draw, 18),
        "mb": signed(draw, 18),
        "c": signed(draw, int(draw.integers(16, 33))),
        "shift": between(draw, 0, 27),
        "zero2": signed(draw, 8),
        "low2": low2,
        "high2": high2,
        "res_addr": int(draw.integers(0, 1 << 20)) * L + int(draw.integers(0, L // P)) * P,
        "out_addr": int(draw.integers(0, 1 << 20)) * P,
        "out_blk_stride": int(draw.integers(0, 1 << 20)) * L,
        "out_row_stride": int(draw.integers(0, 1 << 12)) * L,
        "out_pix_stride": L,
        "out_rows": int(draw.integers(1, 5)),
        "out_cols": int(draw.integers(1, 6)),
    }
    f |= values
    return f | {"residual": f["residual"] & f["stage2"]}


def vectors(f):
    return f["n_blk"] * f["out_rows"] * f["out_cols"]


def random_parameters(draw):
    """(bias, mantissa, shift), each [param_slots, C]; shifts mostly such that results are not all
    clamped.
    """
    shape = (CONFIG.param_slots, C)
    shift = np.where(
        draw.random(shape) < 0.8, draw.integers(28, 49, shape), draw.choice([0, 1, 48], shape)
    )
    return signed(draw, 32, shape), signed(draw, 18, shape), shift


def model(f, acc, parameters, residuals):
    """The vectors [n, P] that an instruction writes; residuals: iterator of [L]."""
    lanes = slice(f["group"] * P, f["group"] * P + P)
    out, pixels = [], f["out_rows"] * f["out_cols"]
    for n in range(vectors(f)):
        slot = (f["slot"] + n // pixels) % CONFIG.param_slots
        bias, mantissa, shift = (p[slot, lanes] for p in parameters)
        q = requantise(
            acc[f["acc"] + n, lanes] + bias, mantissa, shift, f["zero"], f["low"], f["high"]
        )
        at = f["res_addr"] % L
        r = (
            next(residuals)[at : at + P].astype(np.int64)
            if f["residual"]
            else np.zeros(P, np.int64)
        )
        if f["stage2"]:
            total = q.astype(np.int64) * f["ma"] + r * f["mb"] + f["c"]
            q = requantise(total, 1, f["shift"], f["zero2"], f["low2"], f["high2"])
        out.append(q)
    return np.stack(out)


def word(values):
    return int.from_bytes(np.ascontiguousarray(values).tobytes(), "little")


async def reset(dut):
    await start(
        dut,
        i__valid=0,
        residual__valid=0,
        o__ready=0,
        write__ready=0,
        read__ready=0,
        fill__en=0,
        params__en=0,
    )


async def fill(dut, acc):
    for address, lanes in enumerate(acc):
        dut.fill__en.value, dut.fill__addr.value, dut.fill__data.value = (
            1,
            address,
            word(lanes.astype(np.int32)),
        )
        await FallingEdge(dut.clk)
    dut.fill__en.value = 0


async def load_parameters(dut, parameters, first=3):
    """As a PARAM instruction from slot `first` on, wrapping around, with beats for another
    destination between.
    """
    order = [(first + n) % CONFIG.param_slots for n in range(CONFIG.param_slots)]
    image = b"".join(
        isa.CHANNEL.pack({"bias": b, "mantissa": m, "shift": s}).to_bytes(8, "little")
        for slot in order
        for b, m, s in zip(*(p[slot] for p in parameters), strict=True)
    )
    for offset in range(len(image) // CONFIG.axi_bytes):
        beat = image[offset * CONFIG.axi_bytes : (offset + 1) * CONFIG.axi_bytes]
        dut.params__en.value, dut.params__index.value, dut.params__offset.value = 1, first, offset
        for dest, value in ((0, beat), (1, bytes(reversed(beat)))):
            dut.params__dest.value, dut.params__data.value = dest, int.from_bytes(value, "little")
            await FallingEdge(dut.clk)
    dut.params__en.value = 0
    await FallingEdge(dut.clk)


async def watch(dut, log):
    cycle = 0
    while True:
        await RisingEdge(dut.clk)
        now = {
            "here": dut.i__valid.value,
            "out": dut.o__valid.value & dut.o__ready.value,
            "done": dut.done.value,
            "stall_store": dut.stall_store.value,
        }
        for name, value in now.items():
            if value:
                log[name].append(cycle)
        cycle += 1


async def compare(
    dut, draw, instructions, gap=0.0, out_stall=0.0, residual_stall=0.0, descriptor_stall=0.0
):
    """Run and compare vectors and descriptors; returns the log of `watch`."""
    acc = signed(draw, 32, (2 * CONFIG.acc_depth, C))
    parameters = random_parameters(draw)
    adding = [f for f in instructions if f["residual"]]
    residuals = signed(draw, 8, (sum(map(vectors, adding)), L)).astype(np.int8)
    await reset(dut)
    await fill(dut, acc)
    await load_parameters(dut, parameters)
    log = {"here": [], "out": [], "done": [], "stall_store": []}
    watching = cocotb.start_soon(watch(dut, log))
    cocotb.start_soon(send(dut, "i", [raw(LAYOUT, f) for f in instructions], 1, gap))
    cocotb.start_soon(send(dut, "residual", [word(r) for r in residuals], 2, residual_stall))
    writes = cocotb.start_soon(receive(dut, "write", len(instructions), 3, descriptor_stall))
    reads = (
        cocotb.start_soon(receive(dut, "read", len(adding), 4, descriptor_stall))
        if adding
        else None
    )
    got, _ = await receive(dut, "o", sum(map(vectors, instructions)), 5, out_stall)
    assert (await writes)[0] == [
        raw(WRITE_LAYOUT, {n: f[n] for n in WRITE_LAYOUT.members}) for f in instructions
    ]
    if adding:
        assert (await reads)[0] == [
            raw(
                READ_LAYOUT,
                {
                    "addr": f["res_addr"] // L * L,
                    "blk_stride": f["out_blk_stride"],
                    "row_stride": f["out_row_stride"],
                    "n_blk": f["n_blk"],
                    "n_rows": f["out_rows"],
                    "n_cols": f["out_cols"],
                },
            )
            for f in adding
        ]
    watching.cancel()
    assert len(log["done"]) == len(instructions)
    values = np.stack([np.frombuffer(v.to_bytes(P, "little"), np.int8) for v in got])
    source = iter(residuals)
    expected = np.concatenate([model(f, acc, parameters, source) for f in instructions])
    np.testing.assert_array_equal(values, expected)
    return log


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_instructions_under_stalls(dut):
    cases = (
        (0, 0, 0, 0),
        (0.5, 0.5, 0.5, 0.5),
        (0, 0.8, 0, 0),
        (0, 0, 0.7, 0.9),
        (0.95, 0.1, 0.1, 0),
    )
    for seed, stalls in enumerate(cases):
        draw = np.random.default_rng(seed)
        await compare(dut, draw, [random_instruction(draw) for _ in range(25)], *stalls)


def schedule(instructions):
    """(cycles of the vectors' last passes, cycles of `done`), from the first issue on, if nothing
    waits.
    """
    begin, last, done = 0, [], []
    for f in instructions:
        issued = [begin + n for n in range(vectors(f))]
        if f["stage2"]:
            issued = [
                cycle + (cycle - begin) // PostCore.SECOND * PostCore.SECOND for cycle in issued
            ]
        last += [cycle + f["stage2"] * PostCore.SECOND for cycle in issued]
        done.append(issued[-1] + 1)
        begin = last[-1] + 1
    return np.array(last), np.array(done)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_vector_a_cycle(dut):
    """No bubble between blocks of one vector, nor between instructions; two cycles a vector with
    stage2.
    """
    draw = np.random.default_rng(9)
    shapes = [
        dict(n_blk=9, out_rows=1, out_cols=1, stage2=0, residual=0),
        dict(n_blk=2, out_rows=2, out_cols=5, stage2=1, residual=1),
        dict(n_blk=20, out_rows=1, out_cols=1, stage2=0, residual=0),
        dict(n_blk=21, out_rows=1, out_cols=1, stage2=1, residual=1),
        dict(n_blk=1, out_rows=3, out_cols=4, stage2=1, residual=0),
    ]
    instructions = [random_instruction(draw, **shape) for shape in shapes * 2]
    log = await compare(dut, draw, instructions)
    begin = log["here"][0] + PostCore.START
    last, done = schedule(instructions)
    assert log["out"] == list(begin + last + PostCore.LATENCY)
    assert log["done"] == list(begin + done)
    assert not log["stall_store"]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def instructions_of_one_vector(dut):
    """The fields of an instruction stay with its vector; one every three cycles, with stage2 when
    its second pass begins.
    """
    draw = np.random.default_rng(10)
    instructions = [random_instruction(draw, n_blk=1, out_rows=1, out_cols=1) for _ in range(60)]
    log = await compare(dut, draw, instructions)
    passes = np.array([f["stage2"] * PostCore.SECOND for f in instructions])
    cycles = sum(np.maximum(3, passes[:-1] + 1)) + passes[-1] - passes[0]
    assert log["out"][-1] - log["out"][0] <= cycles


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def waits_for_the_output(dut):
    """With a blocked output the FIFO fills, stall_store rises, and nothing is lost."""
    draw = np.random.default_rng(11)
    blocked = random_instruction(draw, acc=0, n_blk=1, out_rows=6, out_cols=10, residual=0)
    log = await compare(dut, draw, [blocked], out_stall=0.9)
    assert len(log["stall_store"]) > vectors(blocked)
    assert log["done"][0] > log["out"][0]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def first_stage_extremes(dut):
    """The largest sums and mantissas, shifts 0 and 48, and exact ties."""
    acc = np.zeros((2 * CONFIG.acc_depth, C), np.int64)
    acc[:8] = np.array([-(2**31), 2**31 - 1, -5, -3, -1, 1, 3, 5])[:, None]
    cases = list(
        itertools.product(
            (-(2**31), 2**31 - 1, 0, -1), (-(2**17), 2**17 - 1, 1, 2**16), (0, 1, 17, 48)
        )
    )
    slots = CONFIG.param_slots
    for at in range(0, len(cases), slots):
        columns = np.resize(np.array(cases[at : at + slots], np.int64), (slots, 3))
        parameters = [np.repeat(columns[:, n : n + 1], C, axis=1) for n in range(3)]
        await reset(dut)
        await fill(dut, acc[:8])
        await load_parameters(dut, parameters, first=0)
        fixed = dict(
            acc=0, n_blk=1, out_rows=2, out_cols=4, low=-128, high=127, stage2=0, residual=0
        )
        instructions = [
            random_instruction(np.random.default_rng(0), slot=slot, zero=zero, **fixed)
            for slot in range(slots)
            for zero in (-128, 0, 127)
        ]
        dut.write__ready.value = 1
        cocotb.start_soon(send(dut, "i", [raw(LAYOUT, f) for f in instructions]))
        got, _ = await receive(dut, "o", sum(map(vectors, instructions)))
        expected = np.concatenate([model(f, acc, parameters, None) for f in instructions])
        assert got == [word(v) for v in expected]
