"""Proves that netlist.json in the current folder computes the same when multipliers have taken its
registers: ``python absorbed.py``.

Prints how many flip-flops are gone to outputs and to inputs, and how many are copies. A proof that
fails ends Yosys, and so the process, with an error.
"""

import json
import sys
from pathlib import Path

from pyosys import libyosys

from hwcnn.estimate.absorb_registers import input_registers, output_registers
from hwcnn.estimate.copy_registers import copy_registers


def main():
    design = json.loads(Path("netlist.json").read_text())
    netlist = {"modules": {"hwcnn": design["modules"]["hwcnn"]}}
    Path("before.json").write_text(json.dumps(netlist))
    steps = (
        output_registers(netlist),
        input_registers(netlist),
        copy_registers(netlist),
    )
    Path("after.json").write_text(json.dumps(netlist))
    yosys = libyosys.Design()
    for command in (
        "read_json before.json",
        "rename hwcnn before",
        "read_json after.json",
        f"read_verilog {Path(__file__).with_name('mult18x18d.v')}",
        "read_verilog -icells +/lattice/ccu2c_sim.vh +/lattice/common_sim.vh",
        "miter -equiv hwcnn before miter",
        "hierarchy -top miter",
        "proc",
        "flatten",
        "opt -full",
        "async2sync",
        "sat -verify -prove trigger 0 -set-init-zero -seq 5 miter",
    ):
        libyosys.run_pass(command, yosys)
    print(json.dumps(steps))


if __name__ == "__main__":
    sys.exit(main())
