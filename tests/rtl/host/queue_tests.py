"""InstructionQueue inside the simulator: fields under stalls, waits, latency and rate."""

import random

import cocotb
from cocotb.triggers import FallingEdge, ReadOnly
from streams import receive, send, start
from testbench import parameter

from hwcnn import isa

INSTRUCTION = isa.BY_NAME[parameter("instruction")]


def random_instruction(generator, waits=None):
    """(words, payload) of an instruction with random fields."""
    values = {
        f.name: generator.getrandbits(f.bits) - (1 << f.bits - 1 if f.signed else 0)
        for f in INSTRUCTION.fields
    }
    payload = at = 0
    for f in INSTRUCTION.fields:
        payload |= values[f.name] % (1 << f.bits) << at
        at += f.bits
    code = isa.encode(INSTRUCTION, waits, **values)
    words = [int.from_bytes(code[k : k + 16], "little") for k in range(0, len(code), 16)]
    return words, payload


async def offer(dut, words):
    """Send words; returns: cycles since the last was at `i`, where that of an instruction without
    fields stays.
    """
    sending = cocotb.start_soon(send(dut, "i", words))
    if not INSTRUCTION.fields:
        return 0
    await sending
    return 1


def counts(**values):
    return sum(values.get(c, 0) << isa.WAIT_BITS * k for k, c in enumerate(isa.COUNTERS))


@cocotb.test(skip=not INSTRUCTION.fields)
async def gives_the_fields_under_stalls(dut):
    generator = random.Random(1)
    items = [random_instruction(generator) for _ in range(60)]
    await start(dut, i__valid=0, o__ready=0, counts=0)
    for send_stall, receive_stall in ((0.5, 0.5), (0, 0.9), (0.8, 0)):
        sending = cocotb.start_soon(
            send(dut, "i", [w for words, _ in items for w in words], 2, send_stall)
        )
        got, _ = await receive(dut, "o", len(items), 3, receive_stall)
        await sending
        assert got == [payload for _, payload in items]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def waits_for_each_of_its_counters(dut):
    generator = random.Random(2)
    await start(dut, i__valid=0, o__ready=0, counts=0)
    assert dut.empty.value == 1
    limit = (1 << isa.WAIT_BITS) - 1
    for n in (1, 300, limit):
        for counter in INSTRUCTION.waits:
            others = {c: limit for c in isa.COUNTERS if c != counter}
            dut.counts.value = counts(**others | {counter: n - 1})
            words, _ = random_instruction(generator, dict.fromkeys(INSTRUCTION.waits, n))
            await offer(dut, words)
            for _ in range(12):
                await FallingEdge(dut.clk)
                assert dut.o__valid.value == 0
            assert dut.empty.value == 0
            assert int(dut.waiting.value) == 1 << isa.COUNTERS.index(counter)
            dut.counts.value = counts(**others | {counter: n})
            await FallingEdge(dut.clk)
            assert dut.o__valid.value == 1
            assert int(dut.waiting.value) == 0
            dut.o__ready.value = 1
            await FallingEdge(dut.clk)
            dut.o__ready.value = 0
            await ReadOnly()
            assert dut.o__valid.value == 0
            assert dut.empty.value == 1
            await FallingEdge(dut.clk)


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def latency(dut):
    words, _ = random_instruction(random.Random(3))
    await start(dut, i__valid=0, o__ready=0, counts=0)
    cycles = await offer(dut, words)
    while not dut.o__valid.value:
        await FallingEdge(dut.clk)
        cycles += 1
    assert cycles == (5 if INSTRUCTION.fields else 1)


@cocotb.test(skip=not INSTRUCTION.fields)
async def steady_rate(dut):
    generator = random.Random(5)
    items = [random_instruction(generator) for _ in range(30)]
    await start(dut, i__valid=0, o__ready=1, counts=0)
    cocotb.start_soon(send(dut, "i", [w for words, _ in items for w in words]))
    got, cycles = await receive(dut, "o", len(items))
    assert got == [payload for _, payload in items]
    assert cycles <= (len(items) - 1) * (INSTRUCTION.words + 3) + 1
