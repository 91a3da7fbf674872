"""Readers, writers and multiplexers on cocotbext-axi's memory: tiles are copied from one half of it
to the other.
"""

import itertools
import random

import cocotb
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiBus, AxiRam
from reader_tiles import READ, WRITE, random_tile, vectors
from streams import send, start
from testbench import parameter

HALF = 1 << 15
BASE = 1 << 20


def pauses(seed, probability):
    generator = random.Random(seed)
    return (generator.random() < probability for _ in itertools.count())


def dense(tile, addr, lanes):
    """Where a tile goes, without gaps. Returns (write tile, bytes)."""
    rows = tile["pad_top"] + tile["n_rows"] + tile["pad_bottom"]
    row = lanes * (tile["pad_left"] + tile["n_cols"] + tile["pad_right"])
    return dict(
        n_blk=tile["n_blk"],
        out_addr=addr,
        out_blk_stride=rows * row,
        out_row_stride=row,
        out_pix_stride=lanes,
        out_rows=rows,
        out_cols=row // lanes,
    ), tile["n_blk"] * rows * row


async def copy(dut, ram, tiles):
    """Copy the tiles of both copiers, then compare memory."""
    lanes, expected, at = parameter("lanes"), {}, HALF
    source = ram.read(BASE, HALF)
    for k, mine in enumerate(tiles):
        writes = []
        for t in mine:
            write, size = dense(t, at, lanes)
            expected[at] = b"".join(v.to_bytes(lanes, "little") for v in vectors(source, t, lanes))
            assert len(expected[at]) == size
            writes.append(WRITE.pack(write))
            at += size
        cocotb.start_soon(send(dut, f"read__{k}", [READ.pack(t) for t in mine]))
        cocotb.start_soon(send(dut, f"write__{k}", writes))
    done = [0, 0]
    while done != [len(t) for t in tiles]:
        await RisingEdge(dut.clk)
        pulses = int(dut.done.value)
        done = [n + (pulses >> k & 1) for k, n in enumerate(done)]
    for addr, data in expected.items():
        assert ram.read(BASE + addr, len(data)) == data


@cocotb.test(timeout_time=2, timeout_unit="ms")
@cocotb.parametrize(pause=[0.0, 0.4])
async def copies_tiles(dut, pause):
    generator, lanes = random.Random(3), parameter("lanes")
    await start(
        dut, base=BASE, **{f"{p}__{k}__valid": 0 for p in ("read", "write") for k in range(2)}
    )
    ram = AxiRam(AxiBus.from_prefix(dut, "axi"), dut.clk, dut.rst, size=1 << 22)
    ram.write(BASE, generator.randbytes(HALF))
    channels = (
        ram.read_if.ar_channel,
        ram.read_if.r_channel,
        ram.write_if.aw_channel,
        ram.write_if.w_channel,
        ram.write_if.b_channel,
    )
    for seed, channel in enumerate(channels):
        channel.set_pause_generator(pauses(seed, pause))
    await copy(
        dut, ram, [[random_tile(generator, lanes, HALF) for _ in range(25)] for _ in range(2)]
    )
