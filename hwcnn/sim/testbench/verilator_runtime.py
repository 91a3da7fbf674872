"""Verilator's own run-time library, compiled once for all models: it is most of a small build."""

import subprocess
from pathlib import Path

from hwcnn import cache
from hwcnn.errors import RunError

from .environment import tool_output

_FILES = ("verilated", "verilated_dpi", "verilated_vpi", "verilated_threads")


def runtime_objects(env: dict[str, str], waves: bool) -> list[Path]:
    """The object files, from the cache if they are there.

    env : from `environment.build_environment`. waves : with tracing to VCD. Raises RunError where
    the C++ compiler fails.
    """
    include = Path(env["VERILATOR_ROOT"]) / "include"
    names = (*_FILES, "verilated_vcd_c") if waves else _FILES
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
    compiler = tool_output(env, "c++", "--version")
    sources = [(include / f"{name}.cpp").read_text() for name in names]
    folder = cache.entry("verilator", "runtime", flags, compiler, sources)
    if not folder.exists():
        with cache.filling(folder) as fresh:
            _compile([include / f"{name}.cpp" for name in names], flags, fresh, env)
    return sorted(folder.glob("*.o"))


def _compile(sources: list[Path], flags: list[str], folder: Path, env: dict[str, str]) -> None:
    """Compile each source into the folder, all at the same time."""
    log = folder / "build.log"
    with open(log, "w") as out:
        jobs = [
            subprocess.Popen(
                ["c++", *flags, "-c", source, "-o", folder / f"{source.stem}.o"],
                stdout=out,
                stderr=out,
                env=env,
            )
            for source in sources
        ]
        codes = [job.wait() for job in jobs]
    if any(codes):
        raise RunError(
            "the C++ compiler failed on Verilator's run-time library in "
            f"{sources[0].parent}: {log.read_text(errors='replace')[:300]}"
        )
