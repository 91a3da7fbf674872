"""Errors of the bus, soft resets in cycles of a program, dead buses: bench/faults.py in small."""

import importlib.util
import sys
from pathlib import Path

import pytest
from minimal import least

BENCH = Path(__file__).parents[2] / "bench" / "faults.py"


@pytest.fixture(scope="module")
def faults():
    spec = importlib.util.spec_from_file_location("faults_bench", BENCH)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def design(faults):
    return faults.network(least(4, 4, 16))


@pytest.mark.parametrize("stalls", [None, 1])
def test_each_error_is_reported_and_the_next_run_exact(faults, design, stalls):
    """18 is each client with each error once."""
    assert faults.run(design, 18, 67, seed=3, stalls=stalls, optimise="-O0")[0] == 18


def test_an_error_that_is_not_given_is_not_reported(faults, design):
    """The bench notices: a burst that the run does not have."""
    with faults.RtlSimulator(
        faults.accelerator.build(design.verilog, optimise="-O0"), design.manifest.dram_bytes
    ) as simulator:
        bench = faults.Bench.begin(design, simulator, None)
        counts = dict.fromkeys(faults.CLIENTS, 10**6)
        with pytest.raises(faults.Wrong, match="no error was reported"):
            faults.fault(bench, counts, 1, faults.random.Random(0))
