"""Real synthesis of an accelerator by Yosys, cached by the Verilog's content."""

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hwcnn.errors import InputError, RunError
from hwcnn.sim.verilator import cache_dir

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
    steps = [Path(__file__).with_name(name).read_text() for name in ("yosys_main.py", "soft.py")]
    stamp = hashlib.sha256(
        repr(
            (verilog, FAMILIES[family].synth, in_luts, importlib.metadata.version("pyosys"), steps)
        ).encode()
    ).hexdigest()
    folder = cache_dir() / "synth" / f"{family}-{stamp[:16]}"
    if (folder / "netlist.json").exists():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="synth-", dir=folder.parent))
    try:
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
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
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
        kept = cache_dir() / f"{log.stem}-failed.log"
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
