"""RoundClamp inside the simulator, a value a cycle, against exact rational arithmetic."""

import random
from fractions import Fraction

import cocotb
from cocotb.triggers import FallingEdge
from streams import start
from testbench import parameter, split_shift

from hwcnn.rtl.lib.roundclamp import RoundClamp


def expected(value, shift, zero, low, high):
    # Python rounds half to even
    return min(max(zero + round(Fraction(value, 1 << shift)), low), high)


def cases(width):
    top = 1 << width - 1
    draw = random.Random(width)
    for shift in range(49):
        for zero, low, high in (
            (0, -128, 127),
            (-128, -128, 127),
            (127, -128, 127),
            (3, 3, 90),
            (-5, -7, -6),
        ):
            halves = (-513, -512, -511, -257, -256, -5, -3, -1, 0, 1, 3, 5, 255, 256, 511, 513)
            near = [k * (1 << shift) // 2 + d for k in halves for d in (-1, 0, 1)]
            for value in [-top, top - 1, *near, draw.randrange(-top, top)]:
                if -top <= value < top:
                    yield value, shift, zero, low, high
    for _ in range(5000):
        low, high = sorted(draw.randrange(-128, 128) for _ in range(2))
        value = draw.randrange(-top, top) >> draw.randrange(width)
        yield value, draw.randrange(49), draw.randrange(-128, 128), low, high


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def matches_rationals(dut):
    width = parameter("width")
    todo = list(cases(width))
    await start(dut)
    got = []
    ahead = RoundClamp.SHIFT_AHEAD
    values, shifts = [todo[0]] * ahead + todo, todo + [todo[-1]] * ahead
    pad = [todo[-1]] * RoundClamp.LATENCY
    for (value, _, *limits), (_, shift, *_) in zip(values + pad, shifts + pad, strict=True):
        numbers = (value, split_shift(shift), *limits)
        for name, number, bits in zip(
            ("value", "shift", "zero", "low", "high"), numbers, (width, 7, 8, 8, 8), strict=True
        ):
            getattr(dut, name).value = number & (1 << bits) - 1
        got.append(int(dut.result.value))
        await FallingEdge(dut.clk)
    for case, result in zip(todo, got[ahead + RoundClamp.LATENCY :], strict=True):
        assert (result + 128) % 256 - 128 == expected(*case), case
