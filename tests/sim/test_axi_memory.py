"""The DRAM model of the RTL simulation (hwcnn/sim/tb) as an AXI4 slave."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cocotb_tools.check_results import get_results

from hwcnn.sim import process, rtl, verilator

HERE = Path(__file__).parent


def simulate(tmp_path, monkeypatch, width, testcase, latency=32, stalls=0):
    monkeypatch.syspath_prepend(HERE)
    text = (HERE / "wires.v").read_text()
    ports = ["clk", "rst", *sorted(set(re.findall(r"\bc_axi_\w+", text)))]
    folder = verilator.build("wires", {"wires.v": text} | rtl.testbench(), ports, args=[f"-GWIDTH={width}"], main=rtl.MAIN)
    np.random.default_rng(1).integers(0, 256, 1 << 16, np.uint8).tofile(tmp_path / "dram.bin")
    env = process.environment("wires", "axi_memory_tests", tmp_path / "results.xml")
    env |= {"COCOTB_TEST_FILTER": testcase, "HWCNN_TEST_DRAM": str(tmp_path / "dram.bin"), "HWCNN_TEST_LATENCY": str(latency)}
    options = f"+dram=dram.bin +dram_base=0x40000000 +read_latency={latency} +stall_permille={stalls} +stall_seed=7"
    run = subprocess.run([folder / "wires", *options.split()], cwd=tmp_path, env=env, capture_output=True, text=True)
    ran, failed = get_results(tmp_path / "results.xml")
    assert run.returncode == 0 and ran == 1 and failed == 0, run.stdout[-3000:] + run.stderr[-3000:]


@pytest.mark.parametrize("width", [64, 128, 512])
@pytest.mark.parametrize("stalls", [0, 400])
def test_reads_and_writes(tmp_path, monkeypatch, width, stalls):
    simulate(tmp_path, monkeypatch, width, "writes_reach", stalls=stalls)


def test_decode_error(tmp_path, monkeypatch):
    simulate(tmp_path, monkeypatch, 128, "outside_is")


@pytest.mark.parametrize("latency", [2, 32])
def test_latency(tmp_path, monkeypatch, latency):
    simulate(tmp_path, monkeypatch, 128, "latency_and", latency=latency)
