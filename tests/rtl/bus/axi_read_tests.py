"""ReadMux inside the simulator, against a slave that interleaves ids."""

import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from streams import send, start, watch_idle
from testbench import parameter

BASE = 0x4000_0000
SLVERR, DECERR = 2, 3


def beat_at(addr):
    return random.Random(addr).getrandbits(8 * parameter("axi_bytes"))


class Slave:
    """Answers each AR after `latency` cycles; picks the id of each beat at random. errors: beats
    that fail.
    """

    def __init__(self, dut, latency, seed, stall, errors=()):
        self.dut, self.latency, self.stall, self.errors = dut, latency, stall, errors
        self.random, self.cycle, self.bursts, self.arrived = random.Random(seed), 0, [], []

    def _accept(self, queues):
        dut, size = self.dut, parameter("axi_bytes")
        assert 1 << int(dut.arsize.value) == size
        assert int(dut.arburst.value) == 1
        client, addr, beats = int(dut.arid.value), int(dut.araddr.value), int(dut.arlen.value) + 1
        self.bursts.append((client, addr, beats))
        self.arrived.append(self.cycle)
        queues[client].extend(
            (self.cycle + self.latency, addr + n * size, n == beats - 1) for n in range(beats)
        )

    async def run(self):
        dut, queues = self.dut, [deque() for _ in range(parameter("n"))]
        while True:
            dut.arready.value = ready = int(self.random.random() >= self.stall)
            due = [k for k, q in enumerate(queues) if q and q[0][0] <= self.cycle]
            dut.rvalid.value = sends = int(bool(due) and self.random.random() >= self.stall)
            if sends:
                client = self.random.choice(due)
                _, addr, last = queues[client].popleft()
                dut.rid.value, dut.rdata.value, dut.rlast.value = client, beat_at(addr), last
                dut.rresp.value = self.random.choice([SLVERR, DECERR]) if addr in self.errors else 0
            await RisingEdge(dut.clk)
            assert dut.rready.value
            if ready and dut.arvalid.value:
                self._accept(queues)
            await FallingEdge(dut.clk)
            self.cycle += 1


async def run(dut, bursts, latency, stall, errors=()):
    """bursts: for each client, (address, beats). Returns (slave, clients of errors reported)."""
    n, size = parameter("n"), parameter("axi_bytes")
    await start(
        dut,
        base=BASE,
        arready=0,
        rvalid=0,
        **{f"clients__{k}__request__valid": 0 for k in range(n)},
    )
    slave = Slave(dut, latency, 1, stall, errors)
    serving = cocotb.start_soon(slave.run())
    watching = cocotb.start_soon(watch_idle(dut, n, lambda payload: payload >> 32, "data__valid"))
    for k in range(n):
        requests = [addr | length << 32 for addr, length in bursts[k]]
        cocotb.start_soon(send(dut, f"clients__{k}__request", requests, k, stall))
    got, failed = [[] for _ in range(n)], []
    expected = [
        [beat_at(BASE + addr + i * size) for addr, length in mine for i in range(length)]
        for mine in bursts
    ]
    while sum(map(len, got)) < sum(map(len, expected)):
        await RisingEdge(dut.clk)
        for k in range(n):
            if getattr(dut, f"clients__{k}__data__valid").value:
                got[k].append(int(getattr(dut, f"clients__{k}__data__payload").value))
        if dut.error.value:
            failed.append(int(dut.client.value))
    await ClockCycles(dut.clk, 8)
    serving.cancel()
    watching.cancel()
    assert got == expected
    return slave, failed


def random_bursts(count, lengths):
    generator = random.Random(2)
    return [
        [(4096 * generator.randrange(0xC0000), generator.choice(lengths)) for _ in range(count)]
        for _ in range(parameter("n"))
    ]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def routes_interleaved_data_under_stalls(dut):
    for latency, stall in ((2, 0.4), (30, 0), (1, 0.7)):
        bursts = random_bursts(30, [1, 2, 5, 16])
        slave, failed = await run(dut, bursts, latency, stall)
        assert not failed
        for k in range(parameter("n")):
            assert [(a - BASE, n) for c, a, n in slave.bursts if c == k] == bursts[k]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def a_burst_a_cycle_and_fair(dut):
    n = parameter("n")
    slave, _ = await run(dut, random_bursts(40, [1]), 1, 0)
    assert slave.arrived == list(range(slave.arrived[0], slave.arrived[0] + 40 * n))
    order = [client for client, _, _ in slave.bursts]
    assert all(sorted(order[i : i + n]) == list(range(n)) for i in range(0, len(order), n))


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reports_errors(dut):
    size = parameter("axi_bytes")
    bursts = [[(4096 * (1 + k), 4), (4096 * (9 + k), 4)] for k in range(parameter("n"))]
    _, failed = await run(dut, bursts, 5, 0.3, errors={BASE + 4096 + size, BASE + 4096 * 11})
    assert sorted(failed) == [0, 2]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def spare_bursts_wait_for_the_others(dut):
    """Client 0 begins with spare bursts; as soon as the others have bursts, theirs go first."""
    n = parameter("n")
    dut.clients__0__low_priority.value = 1
    slave, _ = await run(dut, random_bursts(20, [4]), 3, 0)
    order = [client for client, _, _ in slave.bursts]
    busy = [at for at, client in enumerate(order) if client]
    # only where all others pause
    assert sum(client == 0 for client in order[busy[0] : busy[-1]]) <= n
    assert order[-10:] == [0] * 10
    dut.clients__0__low_priority.value = 0


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def beats_in_flight_are_bounded_and_enough(dut):
    """Memory that answers late sees at most 128 beats and one burst more; up to 112 cycles of
    latency nothing is lost.
    """
    n, latency = parameter("n"), 110
    slave, _ = await run(dut, random_bursts(20, [16]), latency, 0)
    ahead = [
        sum(slave.arrived[i] < at + latency for at in slave.arrived[:i])
        for i in range(len(slave.arrived))
    ]
    assert max(ahead) <= 128 // 16
    assert slave.arrived[-1] - slave.arrived[0] <= 16 * (20 * n - 1) + 32
