"""The AXI4 memory inside the simulator, driven by cocotbext-axi's master and by bare handshakes."""

import logging
import os
import random
from itertools import pairwise

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiBus, AxiMaster

BASE, SIZE = 0x4000_0000, 1 << 16


def master(dut):
    logging.getLogger("cocotb").setLevel(logging.WARNING)
    return AxiMaster(AxiBus.from_prefix(dut, "c_axi"), dut.clk, dut.rst)


def file():
    return np.memmap(os.environ["HWCNN_TEST_DRAM"], np.uint8, "r+")


@cocotb.test()
async def writes_reach_the_file_and_reads_come_from_it(dut):
    axi, dram, generator = master(dut), file(), random.Random(5)
    expected = bytearray(dram.tobytes())
    await FallingEdge(dut.rst)
    for _ in range(40):
        length = generator.randrange(1, 3000)
        addr = generator.randrange(0, SIZE - length, 64)
        content = generator.randbytes(length)
        expected[addr : addr + length] = content
        await axi.write(BASE + addr, content)
        assert (await axi.read(BASE + addr, length)).data == content
    assert dram.tobytes() == bytes(expected)


@cocotb.test()
async def outside_is_a_decode_error(dut):
    axi = master(dut)
    await FallingEdge(dut.rst)
    for addr in (BASE - 64, BASE + SIZE, 0):
        assert (await axi.read(addr, 16)).resp == 3
        assert (await axi.write(addr, bytes(16))).resp == 3


@cocotb.test()
async def latency_and_full_rate(dut):
    """A burst's first beat comes `read_latency` cycles after its address, two bursts' beats follow
    each other without a gap.
    """
    for name, value in dict(
        arburst=1, arsize=len(dut.c_axi_rdata).bit_length() - 4, arlen=7, rready=1
    ).items():
        getattr(dut, f"c_axi_{name}").value = value
    addresses, beats, cycle = [], [], 0
    await FallingEdge(dut.rst)
    while len(beats) < 16:
        dut.c_axi_araddr.value = BASE + 512 * len(addresses)
        dut.c_axi_arvalid.value = len(addresses) < 2
        await RisingEdge(dut.clk)
        if dut.c_axi_arvalid.value and dut.c_axi_arready.value:
            addresses.append(cycle)
        if dut.c_axi_rvalid.value:
            beats.append(cycle)
        cycle += 1
        await FallingEdge(dut.clk)
    first = addresses[0] + int(os.environ["HWCNN_TEST_LATENCY"])
    assert beats == list(range(first, first + 16))


async def cycles(dut, n=1):
    for _ in range(n):
        await FallingEdge(dut.clk)


def drive(dut, channel, **values):
    for name, value in values.items():
        getattr(dut, f"c_axi_{channel}{name}").value = value


def address(dut, channel, **more):
    """A burst of two beats of client 5 on AR or AW, valid."""
    drive(dut, channel, **dict(id=5, addr=BASE + 0x100, len=1, size=4, burst=1, valid=1) | more)


@cocotb.test()
async def answers_in_any_order(dut):
    """Bursts of three ids are mixed, and those of an id are not."""
    dram = file()
    await FallingEdge(dut.rst)
    dut.c_axi_rready.value = 1
    asked = [(n % 3, 0x1000 * n) for n in range(12)]
    seen, sent = [], 0
    while len(seen) < 12 * 8:
        if sent < 12:
            drive(dut, "ar", id=asked[sent][0], addr=BASE + asked[sent][1], len=7, size=4, burst=1)
        dut.c_axi_arvalid.value = sent < 12
        await RisingEdge(dut.clk)
        sent += int(dut.c_axi_arvalid.value) & int(dut.c_axi_arready.value)
        if dut.c_axi_rvalid.value:
            seen.append(
                (int(dut.c_axi_rid.value), int(dut.c_axi_rdata.value), int(dut.c_axi_rlast.value))
            )
        await FallingEdge(dut.clk)
    for client in range(3):
        own = [(data, last) for n, data, last in seen if n == client]
        bursts = [at for n, at in asked if n == client]
        assert own == [
            (int.from_bytes(dram[at + 16 * k : at + 16 * k + 16].tobytes(), "little"), int(k == 7))
            for at in bursts
            for k in range(8)
        ]
    ids = [n for n, _, _ in seen]
    assert sum(a != b for a, b in pairwise(ids)) > 30  # 11 where bursts stay whole


@cocotb.test()
async def data_before_its_address(dut):
    dram = file()
    await FallingEdge(dut.rst)
    drive(dut, "w", valid=1, data=0x1234, strb=0xFFFF, last=1)
    await RisingEdge(dut.clk)
    while not dut.c_axi_wready.value:
        await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.c_axi_wvalid.value = 0
    await cycles(dut, 10)
    address(dut, "aw", len=0)
    await RisingEdge(dut.clk)
    while not dut.c_axi_awready.value:
        await RisingEdge(dut.clk)
    await FallingEdge(dut.clk)
    dut.c_axi_awvalid.value = 0
    dut.c_axi_bready.value = 1
    while not dut.c_axi_bvalid.value:
        await RisingEdge(dut.clk)
    assert int(dut.c_axi_bid.value) == 5
    assert dram[0x100:0x110].tobytes() == (0x1234).to_bytes(16, "little")


#: What a master shows that waits, and what it must not show next.
CHANGES = {
    "ar_falls": ("ar", dict(valid=0)),
    "ar_addr": ("ar", dict(addr=BASE + 0x200)),
    "ar_id": ("ar", dict(id=6)),
    "aw_falls": ("aw", dict(valid=0)),
    "aw_len": ("aw", dict(len=2)),
    "w_falls": ("w", dict(valid=0)),
    "w_data": ("w", dict(data=2)),
    "w_strb": ("w", dict(strb=0x7FFF)),
    "w_last": ("w", dict(last=1)),
}
#: Addresses that no master may show.
BURSTS = {
    "size": ("ar", dict(size=3)),
    "burst": ("aw", dict(burst=0)),
    "unaligned": ("ar", dict(addr=BASE + 8)),
    "boundary": ("aw", dict(addr=BASE + 0xFF0)),
}


@cocotb.test()
async def breaks_a_rule(dut):
    """Changes take place while the memory is not ready, which it never is then."""
    rule = os.environ["HWCNN_TEST_RULE"]
    await FallingEdge(dut.rst)
    if rule in CHANGES:
        channel, change = CHANGES[rule]
        drive(dut, "w", valid=1, data=1, strb=0xFFFF, last=0) if channel == "w" else address(
            dut, channel
        )
        await cycles(dut, 5)
        drive(dut, channel, **change)
    else:
        channel, change = BURSTS.get(rule, ("aw", {}))
        address(dut, channel, **change)
        drive(dut, "w", valid=channel == "aw", data=1, strb=0xFFFF, last=int(rule == "early_last"))
    await cycles(dut, 20)
