"""Accelerator inside the simulator: a hand-assembled network, errors, watchdog, soft reset.

Memory and host are cocotbext-axi's.
"""

import itertools
import logging
import random

import cocotb
from cocotb.triggers import ClockCycles, First, RisingEdge, Timer
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam
from programs import Network
from streams import start
from testbench import parameter

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.host.registers import BY_NAME, LIMIT_UNIT, READ_CLIENTS, WRITE_CLIENTS

#: Of the memory, which answers at every multiple of its size; and where its image begins.
SIZE, BASE = 1 << 20, 0x4003_5000
# bits of STATUS; where its fields start
BUSY, DONE, RESETTING, LOCATED, ERROR, CLIENT = 1, 2, 4, 8, 4, 8
START, RESET = 1, 2  # bits of CONTROL
CONFIG = AccelConfig.from_dict(parameter("config"))
NETWORK = Network(CONFIG, vector=bool(CONFIG.features))
READERS = READ_CLIENTS if CONFIG.features else READ_CLIENTS[:5]
WRITERS = WRITE_CLIENTS if CONFIG.features else WRITE_CLIENTS[:1]


class System:
    """The accelerator with a memory and a host."""

    def __init__(self, dut):
        self.dut = dut
        for name in ("cocotb.dut.m_axi", "cocotb.dut.s_axi"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self.host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), dut.clk, dut.rst, size=SIZE)
        self.bad = None  # address whose beat answers with SLVERR
        for interface, name in ((self.ram.read_if, "_read"), (self.ram.write_if, "_write")):
            setattr(interface, name, self._guarded(getattr(interface, name)))

    def _guarded(self, access):
        async def guarded(address, what):
            length = what if isinstance(what, int) else len(what)
            if self.bad is not None and address <= self.bad < address + length:
                raise ValueError("an address that fails")
            return await access(address, what)

        return guarded

    @classmethod
    async def begin(cls, dut):
        await start(dut)
        self = cls(dut)
        await self.write("BASE", BASE)
        await self.write("IRQ_ENABLE", 3)
        return self

    async def write(self, name, value):
        await self.host.write_dword(BY_NAME[name].offset, value)

    async def read(self, name):
        return await self.host.read_dword(BY_NAME[name].offset)

    def stall(self, probability, seed=1):
        """Random idle cycles on all channels of the memory."""
        generator = random.Random(seed)
        channels = [getattr(self.ram.read_if, f"{c}_channel") for c in ("ar", "r")] + [
            getattr(self.ram.write_if, f"{c}_channel") for c in ("aw", "w", "b")
        ]
        for channel in channels:
            channel.clear_pause_generator()
            channel.pause = False
            if probability:
                channel.set_pause_generator(
                    generator.random() < probability for _ in itertools.count()
                )

    async def start(self, image=NETWORK.image, program=NETWORK.program):
        self.ram.write(BASE % SIZE, image)
        await self.write("PROGRAM", program)
        await self.write("CONTROL", START)

    async def interrupt(self, cycles=100000):
        """Wait for the interrupt, then clear it; returns STATUS."""
        if not self.dut.irq.value:
            await First(RisingEdge(self.dut.irq), Timer(10 * cycles, unit="ns"))
            assert self.dut.irq.value, "no interrupt"
        await self.write("IRQ_STATUS", 3)
        return await self.read("STATUS")

    async def soft_reset(self):
        await self.write("CONTROL", RESET)
        await self.wait_for_reset()

    async def wait_for_reset(self):
        for _ in range(1000):
            if not await self.read("STATUS"):
                return
        raise AssertionError("the soft reset does not end")

    async def run_and_check(self):
        """The network from start to interrupt; everything that it should write is there."""
        await self.start()
        await self.check()

    async def check(self):
        assert await self.interrupt() == DONE
        for address, content in NETWORK.expected.items():
            assert self.ram.read(BASE % SIZE + address, len(content)) == content, (
                f"map at {address:#x}"
            )


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def runs_a_network(dut):
    system = await System.begin(dut)
    for probability in (0, 0.3, 0.7, 0):
        system.stall(probability)
        await system.run_and_check()
        for counter, count in NETWORK.instructions.items():
            assert await system.read(f"COUNT_{counter.upper()}") == count
        assert await system.read("ARRAY_BUSY") == NETWORK.pixels


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def counters_explain_the_cycles(dut):
    """Every cycle of the array is busy, a stall, or the start of an instruction."""
    system = await System.begin(dut)
    system.stall(0.3)
    await system.run_and_check()
    busy = await system.read("ARRAY_BUSY")
    stalls = [
        await system.read(f"STALL_{n}")
        for n in ("WEIGHTS", "ACTIVATIONS", "ACCUMULATORS", "PROGRAM")
    ]
    cycles = await system.read("CYCLES")
    assert stalls[1] > 0
    assert busy + sum(stalls) <= cycles
    # per ARRAY: fill of the array and its own overhead
    assert cycles - busy - sum(stalls) <= 3 * 60
    written = sum(len(content) for content in NETWORK.expected.values())
    assert await system.read("WRITE_BEATS") >= written // CONFIG.axi_bytes
    assert await system.read("READ_BEATS") > 0


async def watch_bursts(dut, bursts):
    """Append (first byte, one past the last) of each burst on AR or AW."""
    while True:
        await RisingEdge(dut.clk)
        for channel in ("ar", "aw"):
            valid, ready, addr, length = (
                getattr(dut, f"m_axi_{channel}{n}").value for n in ("valid", "ready", "addr", "len")
            )
            if valid and ready:
                bursts.append((int(addr), int(addr) + (int(length) + 1) * CONFIG.axi_bytes))


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def names_client_and_address_of_a_bus_error(dut):
    """The next run starts at once: the error of the one before is not seen any more."""
    system = await System.begin(dut)
    bursts = []
    cocotb.start_soon(watch_bursts(dut, bursts))
    clients = [(1, n, name) for n, name in enumerate(READERS)] + [
        (2, n, name) for n, name in enumerate(WRITERS)
    ]
    for (code, client, name), last in itertools.product(clients, (False, True)):
        length = 64 if name == "fetch" else 8 * NETWORK.lanes
        system.bad = BASE + NETWORK.regions[name] + (length - 1 if last else 0)
        await system.start()
        status = await system.interrupt()
        assert status & ~LOCATED == BUSY | code << ERROR | client << CLIENT, name
        await ClockCycles(dut.clk, 300)
        assert await system.read("STATUS") == status | LOCATED
        found = await system.read("FAULT_ADDR")
        assert next(b for b in bursts if b[0] <= system.bad < b[1])[0] == found, name
        system.bad = None
        bursts.clear()
        await system.write("CONTROL", RESET)
        await system.run_and_check()


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def refuses_unknown_opcodes(dut):
    system = await System.begin(dut)
    absent = [i.opcode for i in isa.INSTRUCTIONS if i is isa.VECTOR and not CONFIG.features]
    for opcode in [0, 200, *absent]:
        await system.start(bytes([opcode]) + bytes(1023), 0)
        assert await system.interrupt() == BUSY | 3 << ERROR
        await system.soft_reset()
        await system.run_and_check()


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def watchdog_ends_a_deadlock(dut):
    system = await System.begin(dut)
    await system.write("WATCHDOG", LIMIT_UNIT)
    await system.run_and_check()
    # waits for what never comes
    await system.start(isa.encode(isa.END, {"array": 1}) + bytes(1024), 0)
    assert await system.interrupt() == BUSY | 4 << ERROR
    await system.soft_reset()
    system.ram.read_if.r_channel.pause = True  # a bus that stops answering
    await system.start()
    assert await system.interrupt() == BUSY | 4 << ERROR
    await system.write("CONTROL", RESET)
    await ClockCycles(dut.clk, 300)
    assert await system.read("STATUS") == RESETTING  # waits for the bus
    system.ram.read_if.r_channel.pause = False
    await system.run_and_check()


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def budget_ends_an_array_without_end(dut):
    """A damaged count: the array takes four thousand million pixels, and is always at work."""
    system = await System.begin(dut)
    fields = {f.name: 1 for f in isa.ARRAY.fields} | {
        "n_y": 0xFFFF,
        "n_x": 0xFFFF,
        "acc": 0,
        "accumulate": 0,
    }
    weights = isa.encode(isa.WEIGHT, addr=0, n_bytes=CONFIG.rows * CONFIG.cols)
    await system.write("WATCHDOG", LIMIT_UNIT)
    await system.write("BUDGET", 4 * LIMIT_UNIT)
    await system.start(
        weights + isa.encode(isa.ARRAY, **fields) + isa.encode(isa.END, {"array": 1}) + bytes(1024),
        0,
    )
    assert await system.interrupt() == BUSY | 5 << ERROR
    assert 4 * LIMIT_UNIT <= await system.read("ARRAY_BUSY") + 200
    await system.write("CONTROL", RESET)
    await system.write("BUDGET", 0)
    await system.run_and_check()


@cocotb.test(timeout_time=10, timeout_unit="ms")
async def soft_reset_at_any_time(dut):
    system = await System.begin(dut)
    generator = random.Random(5)
    for _ in range(6):
        system.stall(generator.choice((0, 0.4)))
        await system.start()
        await ClockCycles(dut.clk, generator.randrange(10, 3000))
        await system.write("CONTROL", RESET)
        if generator.random() < 0.5:
            await system.wait_for_reset()
        await system.run_and_check()
