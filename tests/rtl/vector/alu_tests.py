"""Alu inside the simulator: every operation, fields and coefficients that change from vector to
vector, gaps, and extremes.
"""

from typing import ClassVar

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from streams import start
from testbench import parameter, split_shift

from hwcnn import isa
from hwcnn.fixedpoint import round_shift
from hwcnn.rtl.vector.alu import ALU_FIELDS, Alu

LANES, ELTWISE = parameter("lanes"), parameter("eltwise")
OPS = (isa.ALU_ADD, isa.ALU_MUL, isa.ALU_MAX, isa.ALU_MIN) if ELTWISE else (isa.ALU_ADD,)


def constant(layout, values):
    return layout.const(values).as_value().value


def pack(values, bits):
    return sum((int(v) & (1 << bits) - 1) << bits * k for k, v in enumerate(values))


def random_fields(generator, op):
    low, high = sorted(generator.integers(-128, 128, 2))
    ca = generator.integers(-127, 128) if op == isa.ALU_MUL else generator.integers(-1000, 1000)
    return dict(
        alu=op,
        use_b=int(ELTWISE and (op == isa.ALU_MUL or generator.random() < 0.8)),
        ca=int(ca),
        cb=int(generator.integers(-128, 128)),
        mb=int(generator.integers(-(2**17), 2**17)),
        zero=int(generator.integers(-128, 128)),
        low=int(low),
        high=int(high),
    )


def coefficients(generator):
    extreme = generator.random() < 0.2
    return {
        "bias": generator.choice([-(2**31), 2**31 - 1], LANES)
        if extreme
        else generator.integers(-(2**25), 2**25, LANES),
        "mantissa": generator.choice([-(2**17), 2**17 - 1], LANES)
        if extreme
        else generator.integers(-(2**17), 2**17, LANES),
        "shift": generator.integers(0, 49, LANES) if extreme else generator.integers(16, 24, LANES),
    }


def reference(f, c, x, b):
    ma, bias, shift = (c[n] for n in ("mantissa", "bias", "shift"))
    a = x + f["ca"]
    b = (b + f["cb"]) * f["use_b"]
    u, v = a * ma, b * f["mb"]
    t = [u + v, a * b * f["mb"], np.maximum(u, v), np.minimum(u, v)][f["alu"]] + bias
    return np.clip(f["zero"] + round_shift(t, shift), f["low"], f["high"])


class Clock:
    """Steps the clock; the coefficients follow the vector `c` that is issued in a cycle at their
    ages.
    """

    BITS: ClassVar = {"mantissa": 18, "bias": 32, "shift": 7}

    def __init__(self, dut):
        self.dut, self.past = dut, []

    async def step(self, c=None):
        self.past.insert(0, c)
        for (name, bits), age in zip(self.BITS.items(), Alu.ages(bool(ELTWISE)), strict=True):
            c = self.past[age] if age < len(self.past) else None
            getattr(self.dut, name).value = (
                pack(map(split_shift, c[name]) if name == "shift" else c[name], bits) if c else 0
            )
        await FallingEdge(self.dut.clk)


async def collect(dut, got):
    while True:
        await RisingEdge(dut.clk)
        if dut.o__valid.value:
            got.append((int(dut.o__vector.value), int(dut.o__tag.value)))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def follows_the_formula(dut):
    generator = np.random.default_rng(1)
    await start(dut, i__valid=0)
    got, want, clock = [], [], Clock(dut)
    cocotb.start_soon(collect(dut, got))
    for k in range(120):
        while dut.loading.value:
            await clock.step()
        for _ in range(2):
            await clock.step()
        f = random_fields(generator, OPS[k % len(OPS)])
        dut.fields.value = constant(ALU_FIELDS, f)
        for n in range(generator.integers(1, 9)):
            small, c = f["alu"] == isa.ALU_MUL, coefficients(generator)
            x = (
                generator.integers(-128, 128, LANES)
                if small
                else generator.integers(-(2**16), 2**16, LANES)
            )
            b = generator.integers(-128, 128, LANES)
            dut.i__valid.value, dut.i__start.value, dut.i__tag.value = 1, n == 0, n & 3
            dut.i__x.value, dut.i__b.value = pack(x, 18), pack(b, 8)
            want.append((pack(reference(f, c, x, b), 8), n & 3))
            await clock.step(c)
            dut.i__valid.value = 0
            if generator.random() < 0.3:
                await clock.step()
    for _ in range(Alu.latency()):
        await clock.step()
    assert got == want, [k for k, (g, w) in enumerate(zip(got, want, strict=False)) if g != w][:5]


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def latency(dut):
    await start(dut, i__valid=0)
    dut.i__valid.value = dut.i__start.value = 1
    await FallingEdge(dut.clk)
    dut.i__valid.value = 0
    cycles = 1
    while not dut.o__valid.value:
        await FallingEdge(dut.clk)
        cycles += 1
    assert cycles == Alu.latency(bool(ELTWISE))
