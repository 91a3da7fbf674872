"""Accumulators inside the simulator: random traffic on both sides against NumPy, at a pixel a
cycle.
"""

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from streams import start
from testbench import parameter

from hwcnn.config import AccelConfig
from hwcnn.rtl.array.accumulators import Accumulators

CONFIG = AccelConfig.from_dict(parameter("config"))
DEPTH, BITS = 2 * CONFIG.acc_depth, CONFIG.sum_bits


def pack(values, bits):
    return sum((int(v) & (1 << bits) - 1) << bits * i for i, v in enumerate(values))


def wrap(values):
    return (values + 2**31) % 2**32 - 2**31


class Driver:
    """Drives one cycle at a time; `acc` is what the RAM must hold."""

    def __init__(self, dut, draw):
        self.dut, self.draw = dut, draw
        self.acc = np.zeros((DEPTH, CONFIG.cols), np.int64)
        self.expected = {}  # cycle: (address, accumulators)
        self.data = {}  # cycle: sums
        self.cycle = 0

    def add(self, addr, first, sums):
        dut = self.dut
        dut.sums__valid.value, dut.sums__addr.value, dut.sums__first.value = 1, addr, first
        self.data[self.cycle + Accumulators.DATA_LATENCY] = pack(sums, BITS)
        self.acc[addr] = wrap(sums if first else self.acc[addr] + sums)

    def read(self, addr):
        self.dut.read__en.value, self.dut.read__addr.value = 1, addr
        self.expected[self.cycle + Accumulators.READ_LATENCY] = addr, self.acc[addr].copy()

    async def step(self):
        await FallingEdge(self.dut.clk)
        self.cycle += 1
        self.dut.sums__valid.value = self.dut.read__en.value = 0
        self.dut.sums__data.value = self.data.pop(self.cycle, 0)
        if self.cycle in self.expected:
            addr, lanes = self.expected.pop(self.cycle)
            half, width = addr // CONFIG.acc_depth, 32 * CONFIG.cols
            assert int(self.dut.read__data.value) >> width * half & (1 << width) - 1 == pack(
                lanes, 32
            ), addr

    def sums(self):
        high = 2**14 * CONFIG.rows
        return np.where(
            self.draw.random(CONFIG.cols) < 0.3,
            high,
            self.draw.integers(-high, high + 1, CONFIG.cols),
        )


async def driver(dut):
    await start(dut, sums__valid=0, read__en=0)
    return Driver(dut, np.random.default_rng(7))


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def one_half_adds_while_the_other_drains(dut):
    d = await driver(dut)
    for addr in range(DEPTH):
        d.add(addr, 1, d.sums())
        await d.step()
    for half in (0, 1, 0):
        for _ in range(Accumulators.LATENCY):
            await d.step()
        recent = []  # addresses that may not come again yet
        for _ in range(600):
            addr = half * CONFIG.acc_depth + int(d.draw.integers(0, 6))
            busy = addr in recent or d.draw.random() < 0.1
            recent = [*recent, None if busy else addr][1 - Accumulators.REUSE :]
            if not busy:
                d.add(addr, int(d.draw.random() < 0.05), d.sums())
            if d.draw.random() < 0.8:
                d.read((1 - half) * CONFIG.acc_depth + int(d.draw.integers(0, CONFIG.acc_depth)))
            await d.step()
    for _ in range(Accumulators.LATENCY):
        await d.step()
    for addr in range(DEPTH):
        d.read(addr)
        await d.step()
    for _ in range(Accumulators.READ_LATENCY):
        await d.step()
    assert not d.expected


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def same_address_every_reuse_cycles_wraps(dut):
    """Adding the largest sum over and over passes 2**31; a read LATENCY cycles later sees the last
    one.
    """
    d = await driver(dut)
    high = np.full(CONFIG.cols, 2**14 * CONFIG.rows)
    d.add(3, 1, high)
    for _ in range(Accumulators.REUSE):
        await d.step()
    for _ in range(2**31 // int(high[0]) + 2):
        d.add(3, 0, high)
        for _ in range(Accumulators.REUSE):
            await d.step()
    assert d.acc[3, 0] < 0
    assert Accumulators.LATENCY <= Accumulators.REUSE
    d.read(3)
    for _ in range(Accumulators.READ_LATENCY):
        await d.step()
    assert not d.expected


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def the_array_wins(dut):
    """A read of the half that adds does not disturb the addition."""
    d = await driver(dut)
    for addr in (5, 9):
        d.add(addr, 1, d.sums())
        await d.step()
    for _ in range(Accumulators.LATENCY):
        await d.step()
    d.add(5, 0, d.sums())
    dut.read__en.value, dut.read__addr.value = 1, 9
    await d.step()
    for _ in range(Accumulators.LATENCY):
        await d.step()
    for addr in (5, 9):
        d.read(addr)
        await d.step()
    for _ in range(Accumulators.READ_LATENCY):
        await d.step()
    assert not d.expected
