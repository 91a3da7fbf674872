"""How a block is tested: build it once, run the cocotb tests of a module in it.

``test_NAME.py`` runs in pytest and calls `run_block`; ``NAME_tests.py`` runs inside the simulator.
"""

import json
import os

from cocotb_tools import config
from cocotb_tools.check_results import get_results

from hwcnn.rtl.verilog import to_verilog
from hwcnn.sim import verilator


def run_block(component, module, tmp_path, testcase=None, **parameters):
    """Simulate `component` (top module ``dut``) under the cocotb module `module` of tests/rtl; fail
    if a test in it fails.

    parameters : JSON values that the cocotb tests read with `parameter()`.
    """
    folder = verilator.build("dut", {"dut.v": to_verilog(component, "dut")})
    run = verilator.Runner()
    run.hdl_toplevel = "dut"
    # A build in the cache may come from an environment that is gone: its own path to cocotb's
    # libraries then leads nowhere.
    env = {
        "HWCNN_TEST_PARAMETERS": json.dumps(parameters),
        "COCOTB_LOG_LEVEL": "WARNING",
        "LD_LIBRARY_PATH": str(config.libs_dir),
    }
    results = run.test(
        test_module=module,
        hdl_toplevel="dut",
        hdl_toplevel_lang="verilog",
        build_dir=folder,
        test_dir=tmp_path,
        results_xml=str(tmp_path / "results.xml"),
        testcase=testcase,
        extra_env=env,
        log_file=tmp_path / "sim.log",
        seed=1,
    )
    ran, failed = get_results(results)
    assert ran > 0 and failed == 0, (tmp_path / "sim.log").read_text()[-6000:]


def steps(shift):
    """A shift as `RoundClamp` takes it: the rest of 1 to 8 in bits 3:0, the multiple of 8 above."""
    return shift and ((shift - 1) % 8 + 1) | (shift - 1) // 8 << 4


def parameter(name):
    """A parameter of `run_block`, inside the simulator."""
    return json.loads(os.environ["HWCNN_TEST_PARAMETERS"])[name]
