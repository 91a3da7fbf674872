"""The simulator of a whole accelerator: its Verilog, a top module around it, the C++ testbench."""

import re
from importlib import resources
from pathlib import Path

from . import verilator_build

#: The file with the simulation loop.
MAIN = "main.cpp"
_SOURCES = resources.files("hwcnn.sim.testbench").joinpath("sources")
_AXI_LITE = {
    "aw": ("addr", "valid", "ready"),
    "w": ("data", "strb", "valid", "ready"),
    "b": ("resp", "valid", "ready"),
    "ar": ("addr", "valid", "ready"),
    "r": ("data", "resp", "valid", "ready"),
}
#: What cocotb may see.
_PORTS = (
    "clk",
    "n_rst",
    "irq",
    *(f"s_axi_{channel}{name}" for channel, names in _AXI_LITE.items() for name in names),
)


def cpp_sources() -> dict[str, str]:
    """The C++ of memory, recorder and simulation loop: file name to text."""
    return {f.name: f.read_text() for f in _SOURCES.iterdir() if f.name.endswith((".cpp", ".h"))}


def build(verilog: str, waves: bool = False, optimise: str = "-O1") -> Path:
    """The folder of the simulator of an accelerator, built unless it is in the cache.

    Parameters
    ----------
    verilog : the accelerator, module ``hwcnn``.
    waves : with tracing.
    optimise : the C++ compiler's level; see `verilator_build.build`.
    """
    sources = {"hwcnn.v": verilog, "tb.sv": _SOURCES.joinpath("tb.sv").read_text()}
    data_bits, id_bits = _width("m_axi_rdata", verilog), _width("m_axi_rid", verilog)
    return verilator_build.build(
        "tb",
        sources | cpp_sources(),
        _PORTS,
        [f"-GBYTES={data_bits // 8}", f"-GID_BITS={id_bits}"],
        waves,
        optimise,
        MAIN,
    )


def _width(port: str, verilog: str) -> int:
    """Bits of an input."""
    found = re.search(rf"input \[(\d+):0\] {port};", verilog)
    if found is None:
        raise ValueError(f"the Verilog has no input {port}")
    return int(found[1]) + 1
