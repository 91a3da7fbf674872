"""Makes multipliers of hwcnn.v in the current folder of LUTs and proves that it computes the same:
``python proof.py NUMBER CHAINS``.

Prints how many cells of each kind there are before and after. A proof that fails ends Yosys, and so
the process, with an error.
"""

import json
import sys
from collections import Counter

from pyosys import libyosys

from hwcnn.estimate.lut_multipliers import soften


def main(number, chains):
    design = libyosys.Design()

    def run(*commands):
        for command in commands:
            libyosys.run_pass(command, design)

    def kinds():
        return Counter(cell.type.str().strip("\\") for cell in design.top_module().cells_.values())

    run(
        "read_verilog hwcnn.v", "hierarchy -top hwcnn", "proc", "opt_clean", "write_rtlil before.il"
    )
    before = kinds()
    soften(design, number, chains, run)
    after = kinds()
    # No register depends on itself, so that three cycles show all that can be.
    run(
        "rename hwcnn soft",
        "read_verilog -icells +/lattice/ccu2c_sim.vh +/lattice/common_sim.vh",
        "hierarchy -top soft",
        "proc",
        "flatten",
        "read_rtlil before.il",
        "miter -equiv -flatten hwcnn soft miter",
        "hierarchy -top miter",
        "sat -verify -prove trigger 0 -set-init-zero -seq 3 miter",
    )
    print(json.dumps([before, after]))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "chains")
