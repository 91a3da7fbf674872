"""Yosys inside pyosys, in a process of its own: ``python -m hwcnn.estimate.yosys_main SYNTH
MULTIPLIERS RAMS FOLDER``.

SYNTH is the synthesis command, MULTIPLIERS how many are to be made of LUTs, RAMS up to how many
words a RAM that asks for block RAM may be made of LUTs. FOLDER has hwcnn.v and gets netlist.json.
Yosys' log is on stdout, and the name of each command on stderr.

Every cell gets the path of the block that it comes from as its `src` attribute, which synthesis
hands on to what it makes of it: that is how `netlist` tells what each block costs.
"""

import os
import re
import sys

from pyosys import libyosys  # pyright: ignore[reportAttributeAccessIssue]  # has no types

from .lut_multipliers import soften
from .netlist import TOP


def main(synth: str, multipliers: int, rams: int, folder: str) -> None:
    """Synthesise; see above."""
    os.chdir(folder)  # names of cells begin with the file's
    design = libyosys.Design()

    def run(*commands: str) -> None:
        for command in commands:
            print(command, file=sys.stderr, flush=True)
            libyosys.run_pass(command, design)

    # Flattened before synthesis it takes a tenth of the time.
    run("read_verilog hwcnn.v", f"hierarchy -check -top {TOP}", "proc", "flatten", "opt_clean")
    for name, memory in design.top_module().memories.items():
        if memory.size <= rams:
            run(f"setattr -unset ram_style m:{name.str()[1:]}")
    for name, cell in design.top_module().cells_.items():
        cell.set_string_attribute(libyosys.IdString("\\src"), _path(name.str()))
    if multipliers:
        soften(design, multipliers, "ecp5" in synth, run)
    run(f"{synth} -top {TOP}", "autoname", "write_json netlist.json")


def _path(name: str) -> str:
    r"""The block of a cell that `flatten` has named: ``$flatten\core.\post.$mul$12`` is of
    core.post.
    """
    return re.split(r"\.?\$", name.removeprefix("$flatten"), maxsplit=1)[0].replace("\\", "")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
