"""How a block is tested: build it once, run the cocotb tests of a module in it.

``test_NAME.py`` runs in pytest and calls `run_block`; ``NAME_tests.py`` runs inside the simulator.
"""

import json
import os
import re
import subprocess

from cocotb_tools.check_results import get_results

from hwcnn.rtl.verilog import to_verilog
from hwcnn.sim.testbench import verilator_build
from hwcnn.sim.testbench.environment import simulator_environment


def run_block(component, module, tmp_path, testcase=None, **parameters):
    """Simulate `component` (top module ``dut``) under the cocotb module `module` of tests/rtl; fail
    if a test in it fails.

    parameters : JSON values that the cocotb tests read with `parameter()`.
    """
    folder = verilator_build.build("dut", {"dut.v": to_verilog(component, "dut")})
    results, log = tmp_path / "results.xml", tmp_path / "sim.log"
    env = simulator_environment("dut", module, results) | {
        "HWCNN_TEST_PARAMETERS": json.dumps(parameters),
        "COCOTB_RANDOM_SEED": "1",
    }
    if testcase is not None:
        env["COCOTB_TEST_FILTER"] = rf"\.{re.escape(testcase)}$"
    with open(log, "w") as out:
        run = subprocess.run([folder / "dut"], cwd=tmp_path, env=env, stdout=out, stderr=out)
    said = log.read_text()[-6000:]
    assert run.returncode == 0, said
    ran, failed = get_results(results)
    assert ran > 0, said
    assert failed == 0, said


def split_shift(shift):
    """A shift as `RoundClamp` takes it: the rest of 1 to 8 in bits 3:0, the multiple of 8 above."""
    return shift and ((shift - 1) % 8 + 1) | (shift - 1) // 8 << 4


def parameter(name):
    """A parameter of `run_block`, inside the simulator."""
    return json.loads(os.environ["HWCNN_TEST_PARAMETERS"])[name]
