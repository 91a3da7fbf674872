"""What synthesis makes of the accelerator computes what the reference does: a layer of digits in
LUTs, flip-flops and multiplier blocks.
"""

import re
import subprocess
import sys
from pathlib import Path

import pyosys
import pytest
from minimal import least

from hwcnn import cache, golden, models
from hwcnn.frontend.importer.qdq_to_ir import import_graph
from hwcnn.frontend.model.load import load
from hwcnn.frontend.quantise.float_to_qdq import quantise
from hwcnn.rtl.verilog import accelerator_verilog
from hwcnn.sim import session
from hwcnn.sim.design import Design, one_layer

CONFIG = least(4, 4, 8, features=())
SCRIPT = Path(__file__).with_name("gates.py")
LIBRARY = Path(pyosys.__file__).parent / "share" / "xilinx" / "cells_sim.v"
#: Of the library's style: what Verilator has to accept.
STYLE = ("COMBDLY", "SPECIFYIGN", "LATCH")


def gates(verilog, folder):
    """The netlist of module ``hwcnn`` with the simulation models of its cells; kept in the cache,
    for it takes a quarter of a minute.
    """
    depends_on = (verilog, SCRIPT.read_text(), cache.versions("pyosys"))
    cached = cache.entry("gates", "netlist", *depends_on).with_suffix(".v")
    if not cached.exists():
        (folder / "hwcnn.v").write_text(verilog)
        with open(folder / "yosys.log", "w") as log:
            subprocess.run([sys.executable, SCRIPT], cwd=folder, stdout=log, check=True)
        cached.parent.mkdir(parents=True, exist_ok=True)
        (folder / "gates.v").replace(cached)
    netlist = cached.read_text()
    models = {
        m[1]: m[0]
        for m in re.finditer(r"^module (\w+).*?^endmodule", LIBRARY.read_text(), re.M | re.S)
    }
    used = sorted(set(re.findall(r"^  ([A-Z][A-Z0-9]+) (?:#|[\\\w])", netlist, re.M)))
    assert {"LUT6", "FDRE", "CARRY4", "DSP48E1"} <= set(used)
    return "\n".join(
        [
            netlist,
            *(f"/* verilator lint_off {w} */" for w in STYLE),
            *(models[name] for name in used),
        ]
    )


@pytest.fixture(scope="module")
def digits():
    """The integer graph of digits, and golden's tensors of a picture."""
    model = load("digits", 1)
    name = model.graph.input[0].name
    samples = models.samples("digits", 8, 0)
    graph = import_graph(quantise(model, [{name: s} for s in samples], 0), 1)
    return graph, golden.run(graph, {name: golden.quantise_input(graph, name, samples[0])})


def test_a_layer_of_the_netlist_is_bit_exact(digits, tmp_path):
    graph, tensors = digits
    netlist = gates(accelerator_verilog(CONFIG), tmp_path)
    design = Design.compile(one_layer(graph, "conv2"), CONFIG, netlist)
    inputs = {name: tensors[name] for name in design.graph.inputs}
    (outcome,) = session.simulate(design, [inputs], session.Options("rtl", optimise="-O0")).outcomes
    (difference,) = outcome.differences.values()
    assert difference.elements == 6272
    assert difference.mismatches == 0
