"""Window inside the simulator: pools of all kinds against NumPy slices, under stalls and at full
rate.
"""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from streams import receive, send, start
from testbench import parameter

from hwcnn.rtl.vector.window import WINDOW_FIELDS, Window

#: kind, blocks, padded rows and columns, kernel, stride.
CASES = [
    ("max", 3, 6, 8, (2, 2), (2, 2)),
    ("sum", 1, 7, 9, (2, 2), (2, 2)),  # a row and a column left over
    ("max", 2, 9, 13, (3, 3), (2, 2)),
    ("sum", 2, 10, 12, (3, 3), (2, 2)),
    ("max", 2, 5, 7, (3, 3), (1, 1)),
    ("sum", 2, 5, 7, (3, 3), (1, 1)),
    ("max", 1, 6, 9, (4, 4), (1, 1)),
    ("max", 1, 14, 18, (6, 6), (4, 4)),
    ("sum", 1, 14, 17, (6, 7), (4, 2)),
    ("sum", 3, 7, 7, (7, 7), (7, 7)),
    ("max", 2, 13, 13, (13, 13), (1, 1)),
    ("max", 2, 9, 11, (2, 1), (3, 4)),  # gaps between windows
    ("sum", 4, 1, 1, (1, 1), (1, 1)),
    ("sum", 1, 1, 40, (1, 40), (1, 1)),
    ("sum", 1, 60, 30, (60, 30), (1, 1)),  # a sum of more than 18 bits
    ("sum", 2, 3, 12, (2, 10), (1, 1)),  # as wide as it likes where at most three columns come out
    ("sum", 2, 7, 19, (3, 7), (1, 2)),
    ("max", 1, 40, 1, (40, 1), (1, 1)),
    ("max", 2, 41, 8, (3, 3), (17, 2)),  # row strides of more than 7
    ("sum", 2, 30, 9, (1, 2), (9, 4)),
    ("sum", 1, 33, 6, (5, 4), (14, 1)),
    ("max", 1, 1, 520, (1, 2), (1, 255)),  # the largest column stride, the widest window
    ("sum", 2, 2, 296, (2, 255), (1, 20)),
]


def out_size(case):
    _, _, height, width, (kh, kw), (sh, sw) = case
    return (height - kh) // sh + 1, (width - kw) // sw + 1


def reference(case, x):
    """x: int64 [blocks, rows, columns, lanes]; the same of the output, as `Window` gives it."""
    kind, _, _, _, (kh, kw), (sh, sw) = case
    rows, cols = out_size(case)
    y = np.zeros((x.shape[0], rows, cols, x.shape[3]), np.int64)
    for r in range(rows):
        for c in range(cols):
            taps = x[:, r * sh : r * sh + kh, c * sw : c * sw + kw]
            y[:, r, c] = taps.max(axis=(1, 2)) + 128 if kind == "max" else taps.sum(axis=(1, 2))
    return y


def pack(vector, bits):
    return sum((int(v) & (1 << bits) - 1) << bits * k for k, v in enumerate(vector))


def fields(case):
    kind, blocks, height, width, (kh, kw), (sh, sw) = case
    rows, cols = out_size(case)
    values = {
        "is_max": int(kind == "max"),
        "kh": kh,
        "kw": kw,
        "sh": sh,
        "sw": sw,
        "in_rows": height,
        "in_cols": width,
        "n_blk": blocks,
        "out_rows": rows,
        "out_cols": cols,
    }
    return WINDOW_FIELDS.const(values).as_value().value


def inputs(case, seed):
    x = np.random.default_rng(seed).integers(-128, 128, (*case[1:4], parameter("lanes")))
    x[..., 0] = -128  # the smallest sum
    return x


async def run(dut, case, seed, send_stall=0.0, receive_stall=0.0):
    """Run one instruction; gives the cycles from the first input offered to the end of busy."""
    x = inputs(case, seed)
    want = [
        pack(v, parameter("sum_bits")) for v in reference(case, x).reshape(-1, parameter("lanes"))
    ]
    await FallingEdge(dut.clk)
    dut.fields.value = fields(case)
    dut.start.value = 1
    await FallingEdge(dut.clk)
    dut.start.value = 0
    sending = cocotb.start_soon(
        send(dut, "i", [pack(v, 8) for v in x.reshape(-1, parameter("lanes"))], seed, send_stall)
    )
    cycles = cocotb.start_soon(count_busy(dut, len(want)))
    got, span = await receive(dut, "o", len(want), seed + 1, receive_stall)
    await sending
    assert got == want, case
    return await cycles, span


async def count_busy(dut, results):
    """The cycles until the last of so many results is at `o` and `busy` has ended, which is not
    before.
    """
    cycles = taken = 0
    while True:
        await RisingEdge(dut.clk)
        there = bool(dut.o__valid.value)
        if taken + there < results:
            assert dut.busy.value, "not busy before its last result"
        elif not dut.busy.value:
            return cycles
        taken += there and bool(dut.o__ready.value)
        cycles += 1


@cocotb.test(timeout_time=400, timeout_unit="us")
async def pools_under_stalls(dut):
    await start(dut, i__valid=0, o__ready=0, start=0)
    for seed, case in enumerate(CASES):
        await run(dut, case, seed, *((0.5, 0.2), (0.1, 0.7), (0.0, 0.0))[seed % 3])


@cocotb.test(timeout_time=400, timeout_unit="us")
async def rows_wait_where_results_are_not_taken(dut):
    """The ring fills, and nothing in it is overwritten."""
    await start(dut, i__valid=0, o__ready=0, start=0)
    for case in (("max", 1, 30, 16, (1, 1), (1, 1)), ("sum", 3, 12, 8, (3, 3), (1, 1))):
        await run(dut, case, 1, 0, 0.9)


@cocotb.test(timeout_time=400, timeout_unit="us")
async def full_rate(dut):
    """One input a cycle where kh cycles an output are fewer than the inputs; kh cycles an output
    otherwise.
    """
    await start(dut, i__valid=0, o__ready=0, start=0)
    for case in CASES:
        _, blocks, height, width, (kh, _), _ = case
        outputs = blocks * np.prod(out_size(case))
        cycles, span = await run(dut, case, 1)
        if kh * np.prod(out_size(case)) <= height * width // 2:
            # What remains after the last input is at most the last row of outputs.
            assert (
                cycles <= blocks * height * width + Window.LATENCY + 2 + kh * out_size(case)[1]
            ), (case, cycles)
        if height == kh and blocks == 1 and kh > 1:
            assert span == (outputs - 1) * kh + 1, (case, span)
