"""WriteMux inside the simulator, against a slave that answers ids out of order."""

import random
from collections import deque

import cocotb
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge
from streams import send, start, watch_idle
from testbench import parameter

BASE = 0x4000_0000
SLVERR = 2


class Slave:
    """Takes AW and W each on their own, pairs them in order, answers after `latency` cycles in
    random order of ids.

    writes : (client, address, beats as (data, strobe)), in AW's order. w_cycles : cycles of W
    beats.
    """

    def __init__(self, dut, latency, stall, fail=()):
        self.dut, self.latency, self.stall, self.fail = dut, latency, stall, fail
        self.random, self.cycle, self.aw, self.w, self.writes, self.w_cycles = (
            random.Random(1),
            0,
            deque(),
            [],
            [],
            [],
        )

    def _take(self, aw_ready, w_ready, answers):
        dut = self.dut
        if aw_ready and dut.awvalid.value:
            assert 1 << int(dut.awsize.value) == parameter("axi_bytes")
            assert int(dut.awburst.value) == 1
            self.aw.append((int(dut.awid.value), int(dut.awaddr.value), int(dut.awlen.value) + 1))
        if w_ready and dut.wvalid.value:
            self.w.append((int(dut.wdata.value), int(dut.wstrb.value), bool(dut.wlast.value)))
            self.w_cycles.append(self.cycle)
        while self.aw and len(self.w) >= self.aw[0][2]:
            client, addr, length = self.aw.popleft()
            beats, self.w = self.w[:length], self.w[length:]
            assert [last for _, _, last in beats] == [False] * (length - 1) + [True]
            self.writes.append((client, addr, [(d, s) for d, s, _ in beats]))
            answers[client].append((self.cycle + self.latency, SLVERR if addr in self.fail else 0))

    async def run(self):
        dut, answers = self.dut, [deque() for _ in range(parameter("n"))]
        while True:
            dut.awready.value = aw_ready = int(self.random.random() >= self.stall)
            dut.wready.value = w_ready = int(self.random.random() >= self.stall)
            due = [k for k, q in enumerate(answers) if q and q[0][0] <= self.cycle]
            dut.bvalid.value = int(bool(due))
            if due:
                client = self.random.choice(due)
                dut.bid.value, dut.bresp.value = client, answers[client].popleft()[1]
            await RisingEdge(dut.clk)
            assert dut.bready.value
            self._take(aw_ready, w_ready, answers)
            await FallingEdge(dut.clk)
            self.cycle += 1


async def run(dut, bursts, latency, stall, fail=()):
    """bursts: for each client, (address, [(data, strobe)]). Returns (slave, clients of the errors
    reported).
    """
    n, size = parameter("n"), parameter("axi_bytes")
    idle = {f"clients__{k}__{p}__valid": 0 for k in range(n) for p in ("request", "data")}
    await start(dut, base=BASE, awready=0, wready=0, bvalid=0, **idle)
    slave = Slave(dut, latency, stall, fail)
    serving = cocotb.start_soon(slave.run())
    watching = cocotb.start_soon(watch_idle(dut, n, lambda payload: 1, "response"))
    for k in range(n):
        requests = [addr | len(beats) << 32 for addr, beats in bursts[k]]
        beats = [
            d | s << 8 * size | (i == len(b) - 1) << 9 * size
            for _, b in bursts[k]
            for i, (d, s) in enumerate(b)
        ]
        cocotb.start_soon(send(dut, f"clients__{k}__request", requests, k, stall))
        cocotb.start_soon(send(dut, f"clients__{k}__data", beats))  # all its data is at hand
    responses, failed = [0] * n, []
    while responses != [len(b) for b in bursts]:
        await RisingEdge(dut.clk)
        for k in range(n):
            responses[k] += int(getattr(dut, f"clients__{k}__response").value)
        if dut.error.value:
            failed.append(int(dut.client.value))
    await ClockCycles(dut.clk, 8)
    serving.cancel()
    watching.cancel()
    for k in range(n):
        assert [
            (addr - BASE, beats) for client, addr, beats in slave.writes if client == k
        ] == bursts[k]
    return slave, failed


def random_bursts(count, lengths):
    generator, size = random.Random(2), parameter("axi_bytes")
    return [
        [
            (
                4096 * generator.randrange(0xC0000),
                [
                    (generator.getrandbits(8 * size), generator.getrandbits(size))
                    for _ in range(generator.choice(lengths))
                ],
            )
            for _ in range(count)
        ]
        for _ in range(parameter("n"))
    ]


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def keeps_bursts_whole_under_stalls(dut):
    for latency, stall in ((2, 0.4), (30, 0), (1, 0.7)):
        _, failed = await run(dut, random_bursts(30, [1, 2, 5, 16]), latency, stall)
        assert not failed


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def no_idle_cycles_between_bursts(dut):
    for lengths in ([1], [4], [1, 2, 3]):
        slave, _ = await run(dut, random_bursts(40, lengths), 1, 0)
        first, last, beats = slave.w_cycles[0], slave.w_cycles[-1], len(slave.w_cycles)
        assert last - first == beats - 1


@cocotb.test(timeout_time=2, timeout_unit="ms")
async def reports_errors(dut):
    bursts = [
        [(4096 * (1 + k), [(1, 1)]), (4096 * (9 + k), [(2, 1)])] for k in range(parameter("n"))
    ]
    _, failed = await run(dut, bursts, 5, 0.3, fail={BASE + 4096 * 2, BASE + 4096 * 10})
    assert failed == [1, 1]
