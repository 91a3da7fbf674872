"""Yosys inside pyosys, in a process of its own: ``python -m hwcnn.estimate.yosys_main SYNTH MULTIPLIERS RAMS FOLDER``.

SYNTH is the synthesis command, MULTIPLIERS how many are to be made of LUTs, RAMS 1 if RAMs that ask for block RAM may be made of LUTs.
FOLDER has hwcnn.v and gets netlist.json. Yosys' log is on stdout, and the name of each command on stderr.

Every cell gets the path of the block that it comes from as its `src` attribute, which synthesis hands on to what it makes of it:
that is how `netlist` tells what each block costs.
"""

import os
import re
import sys

from pyosys import libyosys

from .netlist import TOP


def main(synth, multipliers, rams, folder):
    os.chdir(folder)  # names of cells begin with the file's
    design = libyosys.Design()

    def run(*commands):
        for command in commands:
            print(command, file=sys.stderr, flush=True)
            libyosys.run_pass(command, design)

    # Flattened before synthesis it takes a tenth of the time.
    run("read_verilog hwcnn.v", f"hierarchy -check -top {TOP}", "proc", "flatten", "opt_clean")
    if rams:
        run("setattr -unset ram_style m:*")
    if multipliers:
        run("wreduce t:$mul", "opt_clean")
    cells = list(design.top_module().cells_.items())
    for name, cell in cells:
        cell.set_string_attribute(libyosys.IdString("\\src"), _path(name.str()))
    if multipliers:
        for cell in _smallest([cell for _, cell in cells if cell.type.str() == "$mul"])[:multipliers]:
            cell.set_bool_attribute(libyosys.IdString("\\soft"))
        run("select a:soft", "booth", "select -clear")
    run(f"{synth} -top {TOP}", "autoname", "write_json netlist.json")


def _path(name):
    r"""The block of a cell that `flatten` has named: ``$flatten\core.\post.$mul$12`` is of core.post."""
    return re.split(r"\.?\$", name.removeprefix("$flatten"), maxsplit=1)[0].replace("\\", "")


def _smallest(cells):
    """Multipliers of two variables, those with the fewest partial products first, and among equals those of the last rows."""
    ports = [[cell.getPort(libyosys.IdString(f"\\{port}")) for port in "AB"] for cell in cells]
    sized = [(a.size() * b.size(), -number, cell) for number, (cell, (a, b)) in enumerate(zip(cells, ports, strict=True))
             if not (a.is_fully_const() or b.is_fully_const())]
    return [cell for _, _, cell in sorted(sized, key=lambda item: item[:2])]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
