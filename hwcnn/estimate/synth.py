"""Real synthesis of an accelerator by Yosys, cached by all that the netlist follows from."""

import re
import sys
from pathlib import Path

from hwcnn import cache
from hwcnn.results import Progress, silent

from . import netlist, tools
from .blocks import COMPONENTS, block_of
from .families import FAMILIES
from .usage import NOTHING_IN_LUTS, InLuts, Resources

#: Files that say how the netlist is made.
_SOURCES = ("estimate/yosys_main.py", "estimate/lut_multipliers.py", "estimate/netlist.py")


def synthesise(
    verilog: str,
    family: str,
    in_luts: InLuts = NOTHING_IN_LUTS,
    progress: Progress = silent,
) -> Path:
    """The folder with what Yosys makes of an accelerator: netlist.json and yosys.log.

    Parameters
    ----------
    verilog : the accelerator, module ``hwcnn``.
    family : a key of `FAMILIES`.
    in_luts : what is made of LUTs in place of blocks.
    progress : told each command that starts.
    """
    tools.require("pyosys")
    command = FAMILIES[family].synth
    depends_on = (verilog, command, in_luts, cache.versions("pyosys"), cache.sources(*_SOURCES))
    folder = cache.entry("synth", family, *depends_on)
    if folder.exists():
        return folder
    with cache.filling(folder) as scratch:
        (scratch / "hwcnn.v").write_text(verilog)
        numbers = str(in_luts.multipliers), str(in_luts.rams)
        tools.run(
            [sys.executable, "-m", "hwcnn.estimate.yosys_main", command, *numbers, str(scratch)],
            scratch / "yosys.log",
            progress=progress,
        )
    return folder


def synthesised_components(folder: Path, family: str) -> dict[str, Resources]:
    """Of each of `COMPONENTS` in a netlist. folder : of `synthesise`."""
    owned = netlist.owners(folder / "netlist.json")
    cells = netlist.by_type(owned, lambda path: block_of(path).component)
    return {name: FAMILIES[family].count(cells.get(name, {})) for name in COMPONENTS}


def warnings(folder: Path) -> list[str]:
    """Yosys' warnings in a folder of `synthesise`, and the latches that it found: each line once,
    without numbers and names.
    """
    lines = re.findall(
        r"^.*(?:[Ww]arning:|\bLatch inferred).*$", (folder / "yosys.log").read_text(), re.M
    )
    plain = (re.sub(r"\(at .*?\) |(?<=cell port )hwcnn\.\S*", "", line) for line in lines)
    return sorted({re.sub(r" +", " ", re.sub(r"\d+", "N", line)) for line in plain})
