"""The AXI4 memory inside the simulator, driven by cocotbext-axi's master and by bare handshakes."""

import logging
import os
import random

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
        expected[addr:addr + length] = content
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
    """A burst's first beat comes `read_latency` cycles after its address, two bursts' beats follow each other without a gap."""
    for name, value in dict(arburst=1, arsize=len(dut.c_axi_rdata).bit_length() - 4, arlen=7, rready=1).items():
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
