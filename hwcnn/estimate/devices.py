"""FPGAs by name: what each holds, from the vendors' data sheets."""

import difflib
from dataclasses import dataclass

from hwcnn.errors import InputError

from .usage import KINDS, Resources


@dataclass(frozen=True)
class Device:
    """An FPGA. luts : of its family's size (4 or 6 inputs). dsps : multipliers of at least 18x18
    bits. brams : block RAMs.

    family : what Yosys synthesises for, a key of `families.FAMILIES`. source : the data sheet.
    """

    name: str
    family: str
    luts: int
    ffs: int
    dsps: int
    brams: int
    source: str

    def holds(self, used: Resources) -> bool:
        """Whether it has as much of each kind."""
        return all(used.of(kind) <= getattr(self, kind) for kind in KINDS)

    def percent(self, used: Resources) -> dict[str, float]:
        """The share of it that is used, by kind."""
        return {kind: round(100 * used.of(kind) / getattr(self, kind), 1) for kind in KINDS}


# The counts of ECP5 are also those of nextpnr's database (Project Trellis), which lists them when
# it packs a design.
_SHEETS = {
    "7": "AMD DS180, 7 Series FPGAs Data Sheet: Overview",
    "z7": "AMD DS190, Zynq-7000 SoC Data Sheet: Overview",
    "zu": "AMD DS891, Zynq UltraScale+ MPSoC Data Sheet: Overview",
    "ku": "AMD DS890, UltraScale Architecture and Product Data Sheet: Overview",
    "ecp5": "Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family Data Sheet",
    "lifcl": "Lattice FPGA-DS-02049, CrossLink-NX Family Data Sheet",
    "lfcpnx": "Lattice FPGA-DS-02086, CertusPro-NX Family Data Sheet",
    "gw2a": "Gowin DS102, GW2A series of FPGA Products Data Sheet",
}

#: name, family, LUTs, flip-flops, DSPs, block RAMs, data sheet
_TABLE = (
    ("xc7z010", "xc7", 17_600, 35_200, 80, 60, "z7"),
    ("xc7z020", "xc7", 53_200, 106_400, 220, 140, "z7"),
    ("xc7z045", "xc7", 218_600, 437_200, 900, 545, "z7"),
    ("xc7a35t", "xc7", 20_800, 41_600, 90, 50, "7"),
    ("xc7a100t", "xc7", 63_400, 126_800, 240, 135, "7"),
    ("xc7a200t", "xc7", 134_600, 269_200, 740, 365, "7"),
    ("xc7k325t", "xc7", 203_800, 407_600, 840, 445, "7"),
    ("xczu3eg", "xcup", 70_560, 141_120, 360, 216, "zu"),
    ("xczu7ev", "xcup", 230_400, 460_800, 1_728, 312, "zu"),
    ("xczu9eg", "xcup", 274_080, 548_160, 2_520, 912, "zu"),
    ("xcku040", "xcu", 242_400, 484_800, 1_920, 600, "ku"),
    ("xcku115", "xcu", 663_360, 1_326_720, 5_520, 2_160, "ku"),
    ("lfe5u-25f", "ecp5", 24_288, 24_288, 28, 56, "ecp5"),
    ("lfe5u-45f", "ecp5", 43_848, 43_848, 72, 108, "ecp5"),
    ("lfe5u-85f", "ecp5", 83_640, 83_640, 156, 208, "ecp5"),
    ("lifcl-40", "nexus", 32_256, 32_256, 56, 84, "lifcl"),
    ("lfcpnx-100", "nexus", 79_872, 79_872, 156, 208, "lfcpnx"),
    ("gw2a-18", "gowin", 20_736, 15_552, 48, 46, "gw2a"),
)

DEVICES = {row[0]: Device(*row[:-1], source=_SHEETS[row[-1]]) for row in _TABLE}
#: Where no device is named.
DEFAULT = "xc7z020"


def find(name: str) -> Device:
    """The device of that name, in any case; InputError with the nearest names if there is none."""
    if device := DEVICES.get(name.lower()):
        return device
    near = difflib.get_close_matches(name.lower(), DEVICES, 3, 0.4)
    hint = f"near it: {', '.join(near)}" if near else "`hwcnn devices` lists all"
    raise InputError(f"unknown; {hint}", "device", name)
