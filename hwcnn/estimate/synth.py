"""Real synthesis of an accelerator by Yosys, cached by the Verilog's content."""

import importlib.metadata
import re
import subprocess
import sys
from dataclasses import dataclass

from hwcnn import cache
from hwcnn.errors import InputError, RunError

from . import netlist
from .families import FAMILIES


@dataclass(frozen=True)
class InLuts:
    """What is made of LUTs for a device that has too few blocks of its own for it.

    multipliers : how many of the smallest. rams : those that ask for block RAM and have so many
    words at most, where Yosys finds LUTs cheaper.
    """

    multipliers: int = 0
    rams: int = 0


def synthesise(verilog, family, in_luts=InLuts(), progress=lambda text: None):
    """The folder with what Yosys made of module ``hwcnn`` for a family, from the cache if it is
    there.

    It holds netlist.json and yosys.log. progress : told each command that starts.
    """
    require("pyosys")
    steps = cache.sources("estimate/yosys_main.py", "estimate/soft.py", "estimate/netlist.py")
    depends_on = (verilog, FAMILIES[family].synth, in_luts, cache.versions("pyosys"), steps)
    folder = cache.entry("synth", family, *depends_on)
    if folder.exists():
        return folder
    with cache.filling(folder) as scratch:
        (scratch / "hwcnn.v").write_text(verilog)
        run(
            [
                sys.executable,
                "-m",
                "hwcnn.estimate.yosys_main",
                FAMILIES[family].synth,
                str(in_luts.multipliers),
                str(in_luts.rams),
                str(scratch),
            ],
            scratch / "yosys.log",
            progress=progress,
        )
    return folder


def owners(folder):
    """`netlist.owners` of a folder of `synthesise`."""
    return netlist.owners(folder / "netlist.json")


def warnings(folder):
    """Yosys' warnings in a folder of `synthesise`, and the latches that it found: each line once,
    without numbers and names.
    """
    lines = re.findall(
        r"^.*(?:[Ww]arning:|\bLatch inferred).*$", (folder / "yosys.log").read_text(), re.M
    )
    plain = (re.sub(r"\(at .*?\) |(?<=cell port )hwcnn\.\S*", "", line) for line in lines)
    return sorted({re.sub(r" +", " ", re.sub(r"\d+", "N", line)) for line in plain})


def require(package):
    """InputError if a package is not installed."""
    try:
        importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError as e:
        raise InputError(f"{package} is not installed: pip install 'hwcnn[synth]'") from e


def run(command, log, folder=None, progress=lambda text: None):
    """Run a command in a folder; what it says goes to the file `log`, each line of its errors to
    `progress` too.
    """
    with (
        open(log, "w") as out,
        subprocess.Popen(
            command, stdout=out, stderr=subprocess.PIPE, text=True, cwd=folder
        ) as process,
    ):
        for line in process.stderr:
            progress(line.strip())
            out.write(line)
            out.flush()
    if process.returncode:
        kept = cache.directory() / f"{log.stem}-failed.log"
        text = log.read_text(errors="replace")
        kept.write_text(text)
        lines = (
            [line for line in text.splitlines() if "ERROR" in line or "Error" in line]
            or text.splitlines()[-1:]
            or ["it said nothing"]
        )
        raise RunError(
            f"{log.stem} failed with exit code {process.returncode}: {lines[-1][:300]}; the whole log: {kept}"
        )
