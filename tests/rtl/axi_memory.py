"""A memory behind the client ports of `layouts` (no bus in between), for cocotb tests."""

import random
from collections import Counter, deque

from cocotb.triggers import FallingEdge, RisingEdge


class Bursts:
    """The request stream's payload, decoded, and checked against AXI's rules."""

    @staticmethod
    def decode(payload, axi_bytes, max_burst=256):
        addr, length = payload & 0xFFFF_FFFF, payload >> 32
        assert addr % axi_bytes == 0
        assert 1 <= length <= max_burst
        assert addr // 4096 == (addr + length * axi_bytes - 1) // 4096, "a burst crosses 4 KiB"
        return addr, length


class ReadMemory:
    """Serves a read port: `latency` cycles from a request to its first beat, then a beat a cycle
    but in stalled ones.

    requests : (addr, length) in order. cycle : counts. beats : cycles in which a beat was sent.
    """

    def __init__(self, dut, name, memory, axi_bytes, latency, seed=0, stall=0.0):
        self.dut, self.name, self.memory, self.axi_bytes = dut, name, memory, axi_bytes
        self.latency, self.stall, self.random = latency, stall, random.Random(seed)
        self.requests, self.beats, self.cycle = [], [], 0

    def _port(self, member):
        return getattr(self.dut, f"{self.name}__{member}")

    async def run(self):
        valid, payload, ready = (self._port(f"request__{p}") for p in ("valid", "payload", "ready"))
        data_valid, data, data_ready = (
            self._port(f"data__{p}") for p in ("valid", "payload", "ready")
        )
        pending = deque()
        while True:
            open_ = self.random.random() >= self.stall
            ready.value = open_
            beat = pending and pending[0][0] <= self.cycle and self.random.random() >= self.stall
            data_valid.value = int(bool(beat))
            if beat:
                addr = pending.popleft()[1]
                data.value = int.from_bytes(self.memory[addr : addr + self.axi_bytes], "little")
                self.beats.append(self.cycle)
            await RisingEdge(self.dut.clk)
            assert not beat or data_ready.value, "the client requested more than it has room for"
            if open_ and valid.value:
                addr, length = Bursts.decode(int(payload.value), self.axi_bytes)
                self.requests.append((addr, length))
                pending.extend(
                    (self.cycle + self.latency, addr + n * self.axi_bytes) for n in range(length)
                )
            await FallingEdge(self.dut.clk)
            self.cycle += 1


class WriteMemory:
    """Serves a write port; acknowledges a burst `latency` cycles after its last beat. A stalled
    cycle takes nothing.

    memory : bytes by address. written : number of writes to each byte. bursts : (addr, length) in
    order. beats : cycles in which a beat came. acknowledged : cycle of each response.
    """

    def __init__(self, dut, name, memory, axi_bytes, latency, seed=0, stall=0.0):
        self.dut, self.name, self.memory, self.axi_bytes = dut, name, memory, axi_bytes
        self.latency, self.stall, self.random = latency, stall, random.Random(seed)
        self.bursts, self.beats, self.acknowledged, self.cycle = [], [], [], 0
        self.written = Counter()

    def _port(self, member):
        return getattr(self.dut, f"{self.name}__{member}")

    def _store(self, beat, addr):
        mask, data = beat >> 8 * self.axi_bytes, beat.to_bytes(2 * self.axi_bytes, "little")
        for n in range(self.axi_bytes):
            if mask >> n & 1:
                self.memory[addr + n] = data[n]
                self.written[addr + n] += 1
        return mask >> self.axi_bytes & 1

    async def run(self):
        valid, payload, ready = (self._port(f"request__{p}") for p in ("valid", "payload", "ready"))
        data_valid, data, data_ready = (
            self._port(f"data__{p}") for p in ("valid", "payload", "ready")
        )
        response = self._port("response")
        places, answers = deque(), deque()
        while True:
            ready.value = take = int(self.random.random() >= self.stall)
            data_ready.value = take_beat = int(bool(places) and self.random.random() >= self.stall)
            response.value = answer = int(bool(answers) and answers[0] <= self.cycle)
            if answer:
                answers.popleft()
                self.acknowledged.append(self.cycle)
            await RisingEdge(self.dut.clk)
            if places:
                assert data_valid.value, "a burst was requested before all its beats were at hand"
            if take_beat:
                addr, last = places.popleft()
                assert self._store(int(data.value), addr) == last
                self.beats.append(self.cycle)
                if last:
                    answers.append(self.cycle + self.latency)
            if take and valid.value:
                addr, length = Bursts.decode(int(payload.value), self.axi_bytes)
                self.bursts.append((addr, length))
                places.extend((addr + n * self.axi_bytes, n == length - 1) for n in range(length))
            await FallingEdge(self.dut.clk)
            self.cycle += 1
