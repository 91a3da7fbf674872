"""The DRAM model of the RTL simulation (hwcnn/sim/testbench/sources) as an AXI4 slave."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from cocotb_tools.check_results import get_results

from hwcnn.limits import WRITE_LATENCY
from hwcnn.sim.testbench import accelerator, verilator_build
from hwcnn.sim.testbench.environment import simulator_environment

HERE = Path(__file__).parent


def simulate(tmp_path, monkeypatch, width, testcase, latency=32, stalls=0, broken=None):
    """Run a test of axi_memory_tests.py; it must pass, or, where it breaks a rule, the simulator
    must end with what `broken` matches.
    """
    monkeypatch.syspath_prepend(HERE)
    text = (HERE / "wires.v").read_text()
    ports = ["clk", "rst", *sorted(set(re.findall(r"\bc_axi_\w+", text)))]
    folder = verilator_build.build(
        "wires",
        {"wires.v": text} | accelerator.cpp_sources(),
        ports,
        args=[f"-GWIDTH={width}"],
        optimise="-O0",
        main=accelerator.MAIN,
    )
    np.random.default_rng(1).integers(0, 256, 1 << 16, np.uint8).tofile(tmp_path / "dram.bin")
    env = simulator_environment("wires", "axi_memory_tests", tmp_path / "results.xml")
    env |= {
        "COCOTB_TEST_FILTER": testcase,
        "HWCNN_TEST_DRAM": str(tmp_path / "dram.bin"),
        "HWCNN_TEST_LATENCY": str(latency),
    }
    options = {
        "dram": "dram.bin",
        "dram_base": "0x40000000",
        "read_latency": latency,
        "write_latency": WRITE_LATENCY,
        "hang": 100_000,
        "stall_permille": stalls,
        "stall_seed": 7,
        "reorder": int(stalls > 0),
    }
    arguments = [f"+{name}={value}" for name, value in options.items()]
    run = subprocess.run(
        [folder / "wires", *arguments], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    said = run.stdout[-3000:] + run.stderr[-3000:]
    if broken is not None:
        assert run.returncode == 3, said
        assert re.search(broken, run.stderr), said
        return
    assert run.returncode == 0, said
    assert get_results(tmp_path / "results.xml") == (1, 0), said


@pytest.mark.parametrize("width", [64, 128, 512])
@pytest.mark.parametrize("stalls", [0, 400])
def test_reads_and_writes(tmp_path, monkeypatch, width, stalls):
    simulate(tmp_path, monkeypatch, width, "writes_reach", stalls=stalls)


def test_decode_error(tmp_path, monkeypatch):
    simulate(tmp_path, monkeypatch, 128, "outside_is")


@pytest.mark.parametrize("latency", [2, 32])
def test_latency(tmp_path, monkeypatch, latency):
    simulate(tmp_path, monkeypatch, 128, "latency_and", latency=latency)


def test_order(tmp_path, monkeypatch):
    simulate(tmp_path, monkeypatch, 128, "answers_in_any_order", latency=8, stalls=200)


def test_write_data_before_its_address(tmp_path, monkeypatch):
    simulate(tmp_path, monkeypatch, 128, "data_before", stalls=200)


@pytest.mark.parametrize(
    "rule, message",
    [
        ("ar_falls", "AXI: AR of client 5: valid fell"),
        ("ar_addr", "AXI: AR of client 5: changed"),
        ("ar_id", "AXI: AR of client 5: changed"),
        ("aw_falls", "AXI: AW of client 5: valid fell"),
        ("aw_len", "AXI: AW of client 5: changed"),
        ("w_falls", "AXI: W: valid fell"),
        ("w_data", "AXI: W: the data changed"),
        ("w_strb", "AXI: W: the strobes changed"),
        ("w_last", "AXI: W: wlast changed"),
        ("size", "AXI: AR of client 5: .*size"),
        ("burst", "AXI: AW of client 5: .*incrementing"),
        ("unaligned", "AXI: AR of client 5: .*aligned"),
        ("boundary", "AXI: AW of client 5: .*4 KiB"),
        ("early_last", "AXI: W of client 5: wlast"),
        ("late_last", "AXI: W of client 5: wlast"),
    ],
)
def test_a_broken_rule_is_named(tmp_path, monkeypatch, rule, message):
    monkeypatch.setenv("HWCNN_TEST_RULE", rule)
    never_ready = 1000 if "fell" in message or "changed" in message else 0
    simulate(tmp_path, monkeypatch, 128, "breaks_a_rule", stalls=never_ready, broken=message)
