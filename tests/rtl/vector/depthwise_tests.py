"""Depthwise inside the simulator: convolutions of all kinds against NumPy, under stalls and at full
rate.
"""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from streams import receive, send, start
from testbench import parameter

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.vector.depthwise import DW_SUM_BITS, Depthwise
from hwcnn.rtl.vector.depthwise_reads import DW_FIELDS

#: blocks, padded rows and columns, kernel, stride, dilation of rows.
CASES = [
    (1, 5, 7, (3, 3), (1, 1), 1),
    (3, 6, 8, (3, 3), (1, 1), 1),
    (2, 9, 13, (3, 3), (2, 2), 1),
    (2, 8, 10, (5, 5), (1, 1), 1),
    (2, 9, 11, (7, 7), (2, 2), 1),
    (1, 11, 9, (3, 2), (1, 1), 4),
    (2, 1, 40, (1, 31), (1, 1), 1),
    (2, 31, 2, (31, 1), (1, 1), 1),
    (4, 1, 1, (1, 1), (1, 1), 1),
    (1, 30, 6, (1, 1), (9, 3), 1),  # rows that no window covers
    (3, 7, 12, (2, 3), (3, 3), 1),
    (2, 12, 5, (3, 5), (2, 1), 2),
    (5, 3, 3, (3, 3), (1, 1), 1),
    (2, 4, 9, (1, 4), (1, 2), 1),
]


class Case:
    """One instruction: its weights [blocks, kh, kw, L], fields, words of weights and what must come
    of an input.
    """

    def __init__(self, case, seed, config):
        self.blocks, self.height, self.width, (self.kh, self.kw), (self.sh, self.sw), self.dil = (
            case
        )
        self.taps, self.lanes = config.dw_taps, config.lanes
        self.span = (self.kh - 1) * self.dil + 1
        self.rows = (self.height - self.span) // self.sh + 1
        self.cols = (self.width - self.kw) // self.sw + 1
        rng = np.random.default_rng(seed)
        self.x = rng.integers(-128, 128, (self.blocks, self.height, self.width, self.lanes))
        self.w = rng.integers(-128, 128, (self.blocks, self.kh, self.kw, self.lanes))
        self.x[..., 0], self.w[..., 0] = -128, -128  # the largest sum
        self.groups = -(-self.kw // self.taps)
        turns = [0]
        while (turn := (turns[-1] + self.sw) % self.taps) != 0:
            turns.append(turn)
        self.turns = turns
        self.words = len(turns) * self.kh * self.groups

    def fits(self, depth):
        return self.span * -(-self.width // self.taps) < depth

    def weight_words(self):
        """[words, taps, L]: bank k holds the taps of the columns that are k modulo the taps."""
        words = []
        for block in self.w:
            for turn in self.turns:
                for line in block:
                    for group in range(self.groups):
                        word = np.zeros((self.taps, self.lanes), np.int64)
                        for tap in range(self.taps):
                            if group * self.taps + tap < self.kw:
                                word[(turn + tap) % self.taps] = line[group * self.taps + tap]
                        words.append(word)
        return np.array(words)

    def fields(self, first):
        row_words = -(-self.width // self.taps)
        values = dict(
            n_blk=self.blocks, in_rows=self.height, in_cols=self.width, out_rows=self.rows,
            out_cols=self.cols, kh=self.kh, sh=self.sh, sw=self.sw, n_kx=self.groups,
            span=self.span, row_words=row_words, line_words=self.dil * row_words,
            dw_weights=first, dw_words=self.words)  # fmt: skip
        return DW_FIELDS.const(values).as_value().value

    def reference(self):
        y = np.zeros((self.blocks, self.rows, self.cols, self.lanes), np.int64)
        for r in range(self.rows):
            for c in range(self.cols):
                rows = slice(r * self.sh, r * self.sh + self.span, self.dil)
                window = self.x[:, rows, c * self.sw : c * self.sw + self.kw]
                y[:, r, c] = (window * self.w).sum(axis=(1, 2))
        return y.reshape(-1, self.lanes)


def pack(vector, bits):
    return sum((int(v) & (1 << bits) - 1) << bits * k for k, v in enumerate(vector))


async def load(dut, case, config, first):
    """The weights as beats of PARAM from word `first` on."""
    for number, word in enumerate(case.weight_words()):
        data = np.zeros(config.dw_word_bytes, np.uint8)
        data[: word.size] = word.reshape(-1).astype(np.int8).view(np.uint8)
        per_word = len(data) // config.axi_bytes
        for beat in range(per_word):
            await FallingEdge(dut.clk)
            dut.params__en.value = 1
            dut.params__dest.value = isa.PARAM_DEPTHWISE
            dut.params__index.value = first
            dut.params__offset.value = number * per_word + beat
            piece = data[beat * config.axi_bytes : (beat + 1) * config.axi_bytes]
            dut.params__data.value = int.from_bytes(piece.tobytes(), "little")
    await FallingEdge(dut.clk)
    dut.params__en.value = 0


async def run(dut, case, config, seed, send_stall=0.0, receive_stall=0.0, first=0):
    """Run one instruction; gives (cycles from its start to its last result, cycles from its first
    to its last).
    """
    await load(dut, case, config, first)
    dut.fields.value = case.fields(first)
    dut.start.value = 1
    await FallingEdge(dut.clk)
    dut.start.value = 0
    vectors = [pack(v, 8) for v in case.x.reshape(-1, case.lanes)]
    sending = cocotb.start_soon(send(dut, "i", vectors, seed, send_stall))
    want = [pack(v, DW_SUM_BITS) for v in case.reference()]
    counting = cocotb.start_soon(count(dut, len(want)))
    got, span = await receive(dut, "o", len(want), seed + 1, receive_stall)
    await sending
    for n, (g, w) in enumerate(zip(got, want, strict=True)):
        assert g == w, (vars(case), n)
    await FallingEdge(dut.clk)
    assert not dut.busy.value
    return await counting, span


async def count(dut, results):
    cycles = taken = 0
    while taken < results:
        await RisingEdge(dut.clk)
        cycles += 1
        taken += bool(dut.o__valid.value) and bool(dut.o__ready.value)
    return cycles


def cases(config):
    every = [Case(c, seed, config) for seed, c in enumerate(CASES)]
    return [c for c in every if c.fits(config.pool_depth) and c.blocks * c.words <= 512]


async def ready(dut):
    await start(dut, i__valid=0, o__ready=0, start=0, params__en=0)
    return AccelConfig.from_dict(parameter("config"))


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def convolutions_under_stalls(dut):
    config = await ready(dut)
    for seed, case in enumerate(cases(config)):
        stalls = ((0.5, 0.2), (0.1, 0.7), (0.0, 0.0))[seed % 3]
        first = (512 - case.blocks * case.words) * (seed % 2)
        await run(dut, case, config, seed, *stalls, first)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def rows_wait_where_results_are_not_taken(dut):
    """The ring fills, and nothing in it is overwritten."""
    config = await ready(dut)
    await run(dut, Case((2, 30, 9, (2, 2), (1, 1), 1), 5, config), config, 1, 0, 0.9)


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def full_rate(dut):
    """An input a cycle, or kh * n_kx cycles an output and one more a row of outputs."""
    config = await ready(dut)
    for case in cases(config):
        cycles, _ = await run(dut, case, config, 1)
        each = case.kh * case.groups
        computing = case.blocks * case.rows * (case.cols * max(2, each) + 2)
        filling = case.blocks * case.height * case.width
        first = case.span * case.width
        bound = max(filling, first + computing) + case.cols * each + Depthwise.LATENCY + 20
        assert cycles <= bound, (vars(case), cycles, bound)
