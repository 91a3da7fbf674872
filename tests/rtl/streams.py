"""Drivers of valid/ready streams for cocotb tests: `send`, `receive`, with seeded random stalls."""

import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge


async def start(dut, **inputs):
    """Start the clock, hold reset for two cycles with the given inputs (others 0)."""
    dut.rst.value = 1
    for name, value in inputs.items():
        getattr(dut, name).value = value
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    await RisingEdge(dut.clk)
    await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


def _stalls(seed, stall):
    generator = random.Random(seed)
    return lambda: stall and generator.random() < stall


async def send(dut, name, items, seed=0, stall=0.0):
    """Drive integers into stream ``name`` (ports name__payload, name__valid, name__ready).

    Inputs change at the falling edge, so that what the block sees at the rising edge is settled.
    stall: probability of an idle cycle before an item.
    """
    payload, valid, ready = (getattr(dut, f"{name}__{p}") for p in ("payload", "valid", "ready"))
    idle = _stalls(seed, stall)
    for item in items:
        while idle():
            valid.value = 0
            await FallingEdge(dut.clk)
        payload.value = item
        valid.value = 1
        await RisingEdge(dut.clk)
        while not ready.value:
            await RisingEdge(dut.clk)
        await FallingEdge(dut.clk)
    valid.value = 0


async def receive(dut, name, count, seed=0, stall=0.0):
    """Take `count` integers from stream ``name``; returns (items, cycles from the first to the last
    item).
    """
    payload, valid, ready = (getattr(dut, f"{name}__{p}") for p in ("payload", "valid", "ready"))
    idle = _stalls(seed, stall)
    items, cycle, first = [], 0, None
    while len(items) < count:
        ready.value = 0 if idle() else 1
        await RisingEdge(dut.clk)
        cycle += 1
        if ready.value and valid.value:
            first = cycle if first is None else first
            items.append(int(payload.value))
        await FallingEdge(dut.clk)
    ready.value = 0
    return items, cycle - first + 1


async def watch_idle(dut, n, size, answer):
    """Of a multiplexer of n clients: `idle` only if nobody asked a cycle before and all answers had
    come, and then it is soon.

    size : of a request's payload: the answers to it. answer : the signal of a client that is high
    for each.
    """
    requests, answers = (
        [getattr(dut, f"clients__{k}__{name}") for k in range(n)]
        for name in ("request__valid", answer)
    )
    ready, payloads = (
        [getattr(dut, f"clients__{k}__request__{name}") for k in range(n)]
        for name in ("ready", "payload")
    )
    outstanding, quiet = 0, 0  # cycles in which nothing asked or was outstanding
    while True:
        await RisingEdge(dut.clk)
        assert quiet < 4 if not dut.idle.value else quiet > 0, ("idle", outstanding, quiet)
        taken = [
            int(p.value)
            for v, r, p in zip(requests, ready, payloads, strict=True)
            if v.value and r.value
        ]
        outstanding += sum(map(size, taken)) - sum(int(a.value) for a in answers)
        quiet = 0 if outstanding or any(v.value for v in requests) else quiet + 1
