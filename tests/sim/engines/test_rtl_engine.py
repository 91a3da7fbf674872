"""The process around the RTL: runs, errors and deadlocks, with a stand-in for the accelerator."""

import re
import resource
import signal

import numpy as np
import pytest
from stand_in import StandIn

from hwcnn import isa
from hwcnn.errors import RunError
from hwcnn.rtl.verilog import to_verilog
from hwcnn.sim.engines.rtl_engine import RtlSimulator, SimulationError
from hwcnn.sim.testbench import accelerator, verilator_build

CYCLES = 1000


@pytest.fixture(scope="module")
def folder():
    return accelerator.build(to_verilog(StandIn(CYCLES), "hwcnn"), optimise="-O0")


def test_runs_one_after_another(folder):
    with RtlSimulator(folder, 1 << 16) as simulator:
        for _ in range(3):
            run = simulator.run(0)
            assert run.counters["array_busy"] == CYCLES
            assert abs(run.counters["cycles"] - CYCLES) < 5
            done = run.events.done("array")
            assert len(done) == CYCLES // 10
            assert set(np.diff(done)) == {10}
            assert 0 <= done[0] < 40
            first, last = run.events.level_at(done[[0, -1]], "array_busy")
            assert last - first == done[-1] - done[0]


def test_a_build_of_an_environment_that_is_gone_runs(folder, tmp_path):
    """The cache is shared; a simulator knows where cocotb's libraries were when it was built."""
    gone, places = re.subn(
        rb"/[^\0:]*/cocotb/libs",
        lambda m: b"/gone".ljust(len(m[0]), b"/"),
        (folder / "tb").read_bytes(),
    )
    assert places
    (tmp_path / "tb").write_bytes(gone)
    (tmp_path / "tb").chmod(0o755)
    with RtlSimulator(tmp_path, 1 << 16) as simulator:
        assert simulator.run(0).counters["array_busy"] == CYCLES


def test_an_error_of_the_accelerator_is_named(folder):
    with (
        RtlSimulator(folder, 1 << 16) as simulator,
        pytest.raises(SimulationError, match="error 'opcode'"),
    ):
        simulator.dram[0x40:0x50] = np.frombuffer(isa.encode(isa.END, {}), np.uint8)
        simulator.run(0x40)


def test_a_deadlock_ends_and_says_who_waits(folder):
    end = np.frombuffer(
        isa.encode(isa.ARRAY, {"load": 3}, **{f.name: 1 for f in isa.ARRAY.fields})
        + isa.encode(isa.END, {}),
        np.uint8,
    )
    with RtlSimulator(folder, 1 << 16, hang=3000) as simulator:
        simulator.dram[0x80 : 0x80 + len(end)] = end
        with pytest.raises(
            SimulationError,
            match="(?s)deadlock: nothing moved for 3000 cycles.*array: 0 of 1 started.*load >= 3",
        ):
            simulator.run(0x80)


def test_a_simulator_that_stands_still_is_given_up(folder):
    with RtlSimulator(folder, 1 << 16, patience=0.3) as simulator:
        simulator._process._process.send_signal(signal.SIGSTOP)
        with pytest.raises(SimulationError, match="given up: nothing new for 0.3 s after cycle 0"):
            simulator.run(0)


def test_a_slow_simulator_is_waited_for(folder):
    with RtlSimulator(folder, 1 << 16, patience=0.5) as simulator:
        seen = iter(range(4))
        with pytest.raises(StopIteration):
            simulator._process.receive(lambda: next(seen), patience=0.01)


def test_no_room_for_the_memory(folder):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            RtlSimulator(folder, 1 << 17)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_build_that_is_no_program(tmp_path):
    (tmp_path / "tb").write_text("junk")
    (tmp_path / "tb").chmod(0o755)
    with pytest.raises(RunError, match="cannot be started: Exec format error; remove that folder"):
        RtlSimulator(tmp_path, 1 << 16)


def test_sources_that_verilator_refuses(tmp_path, monkeypatch):
    with pytest.raises(
        RunError,
        match=r"the C\+\+ compiler failed on top: %Error.*syntax error.*the whole log",
    ) as refusal:
        verilator_build.build("top", {"top.v": "module top(a);\ninput a\nendmodule\n"})
    assert "\n" not in str(refusal.value)


def test_the_memory_is_shared(folder):
    with RtlSimulator(folder, 1 << 20) as simulator:
        assert simulator.dram.shape == (1 << 20,)
        assert not simulator.dram.any()


def test_a_broken_simulator_shows_its_log(folder, tmp_path):
    with RtlSimulator(folder, 1 << 16, waves=tmp_path / "no" / "folder" / "w.fst") as simulator:
        simulator._process._process.terminate()
        with pytest.raises(SimulationError, match="the simulator ended before the program"):
            simulator.run(0)
