"""Control inside the simulator, driven by cocotbext-axi as the host."""

import random

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster
from streams import start
from testbench import parameter

from hwcnn import isa
from hwcnn.rtl.host.registers import BY_NAME, COUNTS_OFFSET, PERF, PERF_OFFSET, REGISTERS

INPUTS = (
    "finished",
    "done",
    "perf",
    "read_error",
    "write_error",
    "client",
    "located",
    "fault_addr",
    "bad_opcode",
    "activity",
    "drained",
)
# bits of STATUS; where its fields start
BUSY, DONE, RESETTING, LOCATED, ERROR, CLIENT = 1, 2, 4, 8, 4, 8
START, RESET = 1, 2  # bits of CONTROL


class Host:
    """Registers by name."""

    def __init__(self, dut):
        self.axi = AxiLiteMaster(AxiLiteBus.from_entity(dut), dut.clk, dut.rst)

    async def write(self, name, value):
        await self.axi.write_dword(BY_NAME[name].offset, value)

    async def read(self, name):
        return await self.axi.read_dword(BY_NAME[name].offset)


async def pulse(dut, **values):
    """Hold the inputs at the values for one cycle."""
    await FallingEdge(dut.clk)
    for name, value in values.items():
        getattr(dut, name).value = value
    await FallingEdge(dut.clk)
    for name in values:
        getattr(dut, name).value = 0


async def begin(dut):
    await start(dut, **dict.fromkeys(INPUTS, 0))
    return Host(dut)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reads_back_the_configuration(dut):
    host = await begin(dut)
    assert await host.read("ID") == int.from_bytes(b"HWCN", "big")
    assert (
        await host.read("ARRAY")
        == parameter("rows") | parameter("cols") << 8 | parameter("axi_bytes") << 16
    )
    assert f"{await host.read('KEY'):08x}" == parameter("key")[:8]
    for name in (
        "CONTROL",
        "STATUS",
        "IRQ_ENABLE",
        "BASE",
        "PROGRAM",
        "BUDGET",
        "FAULT_ADDR",
        "CYCLES",
    ):
        assert await host.read(name) == 0
    assert await host.read("WATCHDOG") == 1 << 20
    assert await host.axi.read_dword(0xFFC) == 0


@cocotb.test(timeout_time=100, timeout_unit="us")
async def addresses_between_the_counters_read_as_zero(dut):
    """Each counter has its own number; what lies between the counters, and behind them, answers
    too, and with 0.
    """
    host = await begin(dut)
    await host.write("CONTROL", START)
    await FallingEdge(dut.clk)
    for k in range(len(PERF) - 1):
        # counter k + 1 counts k + 1 cycles, completion counter k as many
        dut.perf.value = (1 << len(PERF) - 1) - (1 << k)
        await FallingEdge(dut.clk)
    dut.perf.value = 0
    for k in range(len(isa.COUNTERS)):
        dut.done.value = (1 << len(isa.COUNTERS)) - (1 << k)
        await FallingEdge(dut.clk)
    dut.done.value = 0
    await ClockCycles(dut.clk, 3 * len(PERF))
    expected = {PERF_OFFSET + 4 * k: k for k in range(1, len(PERF))} | {
        COUNTS_OFFSET + 4 * k: k + 1 for k in range(len(isa.COUNTERS))
    }
    for offset in range(PERF_OFFSET + 4, COUNTS_OFFSET + 0x40, 4):
        assert await host.axi.read_dword(offset) == expected.get(offset, 0), hex(offset)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def holds_what_is_written_byte_by_byte(dut):
    host = await begin(dut)
    generator = random.Random(1)
    memory = {r.offset: bytearray(4) for r in REGISTERS if r.access == "rw"}
    memory[BY_NAME["WATCHDOG"].offset] = bytearray((1 << 20).to_bytes(4, "little"))
    units = {"BASE": 4096, "PROGRAM": 64, "WATCHDOG": 1024, "BUDGET": 1024}
    masks = {BY_NAME[n].offset: -unit & 0xFFFFFFFF for n, unit in units.items()} | {
        BY_NAME["IRQ_ENABLE"].offset: 3
    }
    for _ in range(100):
        offset = generator.choice(list(memory))
        at = generator.randrange(4)
        data = generator.randbytes(generator.randint(1, 4 - at))
        await host.axi.write(offset + at, data)
        memory[offset][at : at + len(data)] = data
        mask = masks.get(offset, 0xFFFFFFFF)
        assert await host.axi.read_dword(offset) == int.from_bytes(memory[offset], "little") & mask
    assert (
        int(dut.base.value)
        == int.from_bytes(memory[BY_NAME["BASE"].offset], "little") // 4096 * 4096
    )
    assert (
        int(dut.program.value)
        == int.from_bytes(memory[BY_NAME["PROGRAM"].offset], "little") // 64 * 64
    )
    for register in (r for r in REGISTERS if r.access == "ro"):
        before = await host.read(register.name)
        await host.write(register.name, 0xFFFFFFFF)
        assert await host.read(register.name) == before


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def address_and_data_in_any_order(dut):
    host = await begin(dut)
    write = host.axi.write_if
    for n, (late, other) in enumerate(
        [(write.aw_channel, write.w_channel), (write.w_channel, write.aw_channel)] * 3
    ):
        late.pause = True
        writing = cocotb.start_soon(host.write("BASE", 4096 * (1000 + n)))
        await ClockCycles(dut.clk, 6)
        assert other.empty()
        assert int(dut.base.value) != 4096 * (1000 + n)
        late.pause = False
        await writing
        assert await host.read("BASE") == 4096 * (1000 + n)


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def waits_for_the_host_to_take_responses(dut):
    host = await begin(dut)
    host.axi.write_if.b_channel.set_pause_generator(n % 5 != 0 for n in range(10000))
    host.axi.read_if.r_channel.set_pause_generator(n % 7 != 0 for n in range(10000))
    for n in range(20):
        await host.write("PROGRAM", n * 64)
        assert await host.read("PROGRAM") == n * 64


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def runs_a_program_and_counts(dut):
    host = await begin(dut)
    await host.write("IRQ_ENABLE", 1)
    for run in range(2):
        starting = cocotb.start_soon(host.write("CONTROL", 1))
        await RisingEdge(dut.start)
        await FallingEdge(dut.clk)
        first = 1
        while dut.start.value:
            first += 1
            await FallingEdge(dut.clk)
        assert first == 2  # a pulse of one cycle
        generator, cycles = random.Random(run), 1
        done, perf = [0] * len(isa.COUNTERS), [0] * (len(PERF) - 1)
        for _ in range(300):
            pulses, counting = generator.getrandbits(len(done)), generator.getrandbits(len(perf))
            dut.done.value, dut.perf.value = pulses, counting
            done = [n + (pulses >> k & 1) for k, n in enumerate(done)]
            perf = [n + (counting >> k & 1) for k, n in enumerate(perf)]
            await FallingEdge(dut.clk)
            cycles += 1
            for k, n in enumerate(done):
                assert int(dut.counts.value) >> isa.WAIT_BITS * k & (1 << isa.WAIT_BITS) - 1 == n
        dut.done.value = dut.perf.value = 0
        await starting
        assert await host.read("STATUS") == BUSY
        waited = 0
        while not dut.irq.value:
            dut.finished.value = int(waited == 100)
            await FallingEdge(dut.clk)
            waited += 1
        assert await host.read("STATUS") == DONE
        total = await host.read("CYCLES")
        assert cycles + 100 < total < cycles + 200
        for k, (name, _) in enumerate(PERF[1:]):
            assert await host.read(name.upper()) == perf[k], name
        for k, name in enumerate(isa.COUNTERS):
            assert await host.read(f"COUNT_{name.upper()}") == done[k], name
        assert dut.irq.value == 1
        assert await host.read("IRQ_STATUS") == 1
        await host.write("IRQ_STATUS", 1)
        assert await host.read("IRQ_STATUS") == 0
        assert dut.irq.value == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def counts_the_cycles_of_a_run(dut):
    host = await begin(dut)
    for length in (1, 77):
        starting = cocotb.start_soon(host.write("CONTROL", 1))
        await RisingEdge(dut.start)
        for _ in range(length):
            await FallingEdge(dut.clk)
        dut.finished.value = 1
        await FallingEdge(dut.clk)
        dut.finished.value = 0
        await starting
        assert await host.read("CYCLES") == length


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def ignores_start_while_busy(dut):
    host = await begin(dut)
    await host.write("CONTROL", 1)
    await pulse(dut, done=0b111111)
    await host.write("CONTROL", 1)
    assert await host.read("COUNT_LOAD") == 1
    assert await host.read("STATUS") == BUSY


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def reports_errors_and_recovers(dut):
    host = await begin(dut)
    await host.write("IRQ_ENABLE", 2)
    cases = [(dict(read_error=1), 1, 5), (dict(write_error=1), 2, 1), (dict(bad_opcode=1), 3, 0)]
    for inputs, code, client in cases:
        await pulse(dut, **inputs)  # not running: nothing to report
        assert await host.read("STATUS") == 0
        await host.write("CONTROL", START)
        await pulse(dut, **inputs)
        dut.client.value = client
        await pulse(dut, write_error=1)  # only the first counts
        assert await host.read("STATUS") == BUSY | code << ERROR | client << CLIENT
        assert dut.irq.value == 1
        assert await host.read("IRQ_STATUS") == 2
        await pulse(dut, finished=1)
        assert await host.read("STATUS") == BUSY | DONE | code << ERROR | client << CLIENT
        dut.located.value, dut.fault_addr.value = 1, 0x87654320 + code
        assert await host.read("STATUS") & LOCATED
        assert await host.read("FAULT_ADDR") == 0x87654320 + code
        dut.drained.value = 1
        await host.write("CONTROL", RESET)
        for name in ("drained", "client", "located", "fault_addr"):
            getattr(dut, name).value = 0
        assert await host.read("STATUS") == 0
        assert dut.irq.value == 0


@cocotb.test(timeout_time=5, timeout_unit="ms")
async def soft_reset_waits_for_the_bus(dut):
    host = await begin(dut)
    resets = []

    async def watch():
        while True:
            await RisingEdge(dut.clk)
            if dut.soft_reset.value:
                resets.append(cocotb.simtime.get_sim_time("step"))

    cocotb.start_soon(watch())
    await host.write("CONTROL", 1)
    await host.write("CONTROL", 2)
    await ClockCycles(dut.clk, 20)
    assert await host.read("STATUS") == RESETTING
    assert dut.drain.value == 1
    assert not resets
    await pulse(dut, drained=1)
    assert await host.read("STATUS") == 0
    assert dut.drain.value == 0
    assert len(resets) == 1
    await host.write("CONTROL", 2)
    await host.write("CONTROL", 2)  # the second does not wait
    assert await host.read("STATUS") == 0
    assert len(resets) == 2
