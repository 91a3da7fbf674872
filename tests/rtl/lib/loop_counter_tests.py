"""LoopCounter inside the simulator: the last round is known in every cycle, with steps in every
cycle and with random ones.
"""

import random

import cocotb
from cocotb.triggers import FallingEdge
from streams import start


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def knows_the_last_round(dut):
    draw = random.Random(1)
    for rate in (1, 0.4):
        await start(dut, load=0, step=0)
        for n in [*range(1, 16), *(draw.randrange(1, 16) for _ in range(40))]:
            # Loaded behind the last round, with its step, or in the middle.
            dut.load.value, dut.n.value, dut.step.value = 1, n, draw.randrange(2)
            await FallingEdge(dut.clk)
            dut.load.value, dut.n.value = 0, 0
            passed = 0
            for _ in range(draw.randrange(1, 4 * n + 2)):
                assert dut.last.value == (passed % n == n - 1), (n, passed)
                step = int(draw.random() < rate)
                dut.step.value = step
                passed += step
                await FallingEdge(dut.clk)
