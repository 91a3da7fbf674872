"""Synthesises hwcnn.v in the current folder for 7-series, all but its RAMs, into gates.v: ``python
gates.py``.
"""

from pyosys import libyosys

SYNTH = "synth_xilinx -family xc7 -noiopad -top hwcnn"


def main():
    design = libyosys.Design()
    for command in (
        "read_verilog hwcnn.v",
        "hierarchy -check -top hwcnn",
        "proc",
        "flatten",
        "opt_clean",
        # There are no simulation models of block RAM: RAMs stay as they are.
        f"{SYNTH} -run begin:map_memory",
        f"{SYNTH} -run fine:check",
        "write_verilog -noattr gates.v",
    ):
        libyosys.run_pass(command, design)


if __name__ == "__main__":
    main()
