"""ParamEngine inside the simulator."""

import random

import cocotb
from axi_memory import ReadMemory
from cocotb.triggers import RisingEdge
from streams import send, start
from testbench import parameter

from hwcnn.isa import PARAM

SIZE = 1 << 14
MEMORY = random.Random(9).randbytes(SIZE)


async def run(dut, instructions, latency, stall):
    """Returns the cycle of each beat on `o`; checks them all, and `done` in the cycle after each
    instruction's last.
    """
    beat = parameter("axi_bytes")
    await start(dut, i__valid=0, port__request__ready=0, port__data__valid=0)
    memory = ReadMemory(dut, "port", MEMORY, beat, latency, 1, stall)
    serving = cocotb.start_soon(memory.run())
    cocotb.start_soon(send(dut, "i", [PARAM.payload.pack(i) for i in instructions], 2, stall))
    cycles = []
    for i in instructions:
        for n in range(i["n_beats"]):
            done_due = n == 0 and bool(cycles)
            while True:
                await RisingEdge(dut.clk)
                assert bool(dut.done.value) == done_due
                done_due = False
                if dut.o__en.value:
                    break
            cycles.append(memory.cycle)
            at = i["addr"] + n * beat
            got = tuple(
                int(getattr(dut, f"o__{p}").value) for p in ("dest", "index", "offset", "data")
            )
            assert got == (
                i["dest"],
                i["index"],
                n,
                int.from_bytes(MEMORY[at : at + beat], "little"),
            )
    await RisingEdge(dut.clk)
    assert dut.done.value
    serving.cancel()
    return cycles


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def random_instructions_under_stalls(dut):
    generator, beat = random.Random(3), parameter("axi_bytes")
    for latency, stall in ((3, 0.5), (30, 0), (1, 0)):
        sizes = [generator.choice([1, 2, 16, 33, 100]) for _ in range(20)]
        instructions = [
            dict(
                dest=generator.randrange(4),
                addr=beat * generator.randrange(SIZE // beat - n),
                index=generator.randrange(256),
                n_beats=n,
            )
            for n in sizes
        ]
        await run(dut, instructions, latency, stall)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def full_rate(dut):
    cycles = await run(
        dut, [dict(dest=2, addr=5 * parameter("axi_bytes"), index=0, n_beats=128)], 32, 0
    )
    assert cycles[-1] - cycles[0] == 127
