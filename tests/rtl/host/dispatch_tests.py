"""Dispatch inside the simulator: every word to its engine's queue, the end of a program, bad
opcodes.
"""

import random

import cocotb
from cocotb.triggers import FallingEdge, RisingEdge
from streams import receive, send, start
from testbench import parameter

from hwcnn import isa

INSTRUCTIONS = [isa.BY_NAME[n] for n in parameter("instructions")]
IDLE = {"i__valid": 0, "start": 0} | {f"o_{i.name}__ready": 0 for i in INSTRUCTIONS}


def instruction(which, generator):
    """The words of an instruction with random content behind the opcode."""
    words = [generator.getrandbits(isa.WORD_BITS) for _ in range(which.words)]
    words[0] = words[0] & ~0xFF | which.opcode
    return words


async def pulse_start(dut):
    dut.start.value = 1
    await FallingEdge(dut.clk)
    dut.start.value = 0


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def routes_programs(dut):
    generator = random.Random(1)
    await start(dut, **IDLE)
    for stall in (0, 0.6, 0.2):
        kinds = generator.choices([i for i in INSTRUCTIONS if i is not isa.END], k=60)
        program = [(which, instruction(which, generator)) for which in kinds]
        program.append((isa.END, instruction(isa.END, generator)))
        want = {
            i.name: [word for which, words in program if which is i for word in words]
            for i in INSTRUCTIONS
        }
        assert dut.stop.value == 1
        await pulse_start(dut)
        sending = cocotb.start_soon(
            send(dut, "i", [w for _, words in program for w in words], 2, stall)
        )
        receiving = {
            n: cocotb.start_soon(receive(dut, f"o_{n}", len(words), len(n), stall))
            for n, words in want.items()
            if words
        }
        await sending
        for name, task in receiving.items():
            got, _ = await task
            assert got == want[name], name
        assert dut.stop.value == 1


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_word_in_two_cycles(dut):
    generator = random.Random(2)
    await start(dut, **IDLE | {n: 1 for n in IDLE if n.startswith("o_")})
    words = [word for i in INSTRUCTIONS if i is not isa.END for word in instruction(i, generator)]
    await pulse_start(dut)
    for word in words:
        dut.i__payload.value, dut.i__valid.value = word, 1
        for ready in (1, 0):
            await RisingEdge(dut.clk)
            assert dut.i__ready.value == ready
            await FallingEdge(dut.clk)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def stops_at_end(dut):
    generator = random.Random(3)
    await start(dut, **IDLE | {n: 1 for n in IDLE if n.startswith("o_")})
    await pulse_start(dut)
    await send(dut, "i", instruction(isa.END, generator))
    dut.i__payload.value, dut.i__valid.value = instruction(isa.LOAD, generator)[0], 1
    for cycle in range(5):
        assert dut.i__ready.value == 0
        assert dut.o_load__valid.value == 0
        assert dut.stop.value == (cycle > 0)
        await FallingEdge(dut.clk)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reports_a_bad_opcode_once(dut):
    generator = random.Random(4)
    bad = [n for n in range(256) if n not in {i.opcode for i in INSTRUCTIONS}]
    for opcode in [0, 8, 255, *([isa.VECTOR.opcode] if isa.VECTOR not in INSTRUCTIONS else [])]:
        assert opcode in bad
        await start(dut, **IDLE | {n: 1 for n in IDLE if n.startswith("o_")})
        await pulse_start(dut)
        await send(dut, "i", instruction(isa.WEIGHT, generator))
        await send(dut, "i", [generator.getrandbits(120) << 8 | opcode])
        dut.i__valid.value = 1
        assert dut.bad_opcode.value == 1
        assert dut.i__ready.value == 0
        pulses = -1
        for _ in range(5):
            await RisingEdge(dut.clk)
            pulses += int(dut.bad_opcode.value)
            await FallingEdge(dut.clk)
            assert all(getattr(dut, f"o_{i.name}__valid").value == 0 for i in INSTRUCTIONS)
        assert pulses == 0
        assert dut.stop.value == 1
        assert dut.i__ready.value == 0
