"""FPGA families: how Yosys synthesises for each, and what its cells take."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil

from .usage import Resources


@dataclass(frozen=True)
class RamCell:
    """A RAM of the device with one write and one read port, as Yosys' memory_libmap weighs it.

    Parameters
    ----------
    shapes : (depth, width) that one may have.
    byte : bits to a write enable; words are padded to a multiple of it (or of the width, if that is
        less).
    cost : of one, and what is added where all of its bits are used.
    luts, brams : what one takes of the device.
    """

    shapes: tuple[tuple[int, int], ...]
    byte: int
    cost: tuple[float, float]
    luts: int = 0
    brams: float = 0

    def options(self, width: int, depth: int) -> Iterator[tuple[float, int, int]]:
        """(cost, cells, ways) for each shape: of so many cells, of which so many lie behind each
        other.
        """
        for limit, wide in self.shapes:
            ways, unit = ceil(depth / limit), min(self.byte, wide)
            cells = ceil(ways * ceil(width / unit) * unit / wide)
            select = (ways - 1) * width + (ways if ways > 1 else 0)
            yield (
                self.cost[0] * cells + self.cost[1] * ways * width / wide + 0.5 * select,
                cells,
                ways,
            )


@dataclass(frozen=True)
class Family:
    """What devices of a family have in common.

    Parameters
    ----------
    synth : the Yosys command.
    luts, dsps, brams : cell name to how many of the device's it takes.
    ffs : how names of flip-flops begin.
    rams : the RAMs that a memory may be made of.
    mux : LUTs of a multiplexer of a bit, by its number of inputs (a power of two).
    crowded : the share of a device's block RAMs beyond which shallow RAMs are better in LUTs.
    """

    synth: str
    luts: Mapping[str, float]
    ffs: tuple[str, ...]
    dsps: Mapping[str, float]
    brams: Mapping[str, float]
    rams: tuple[RamCell, ...]
    mux: Mapping[int, int]
    crowded: float = 1

    def count(self, cells: Mapping[str, int]) -> Resources:
        """Of a netlist. cells : number of cells by name. The smaller half of a block RAM counts as
        half.
        """

        def tally(takes: Mapping[str, float]) -> float:
            return sum(n * takes.get(cell, 0) for cell, n in cells.items())

        ffs = sum(n for cell, n in cells.items() if cell.startswith(self.ffs))
        return Resources(tally(self.luts), ffs, tally(self.dsps), tally(self.brams))

    def ram(self, width: int, depth: int, block: bool = False) -> Resources:
        """What Yosys makes of a `rtl.lib.ram.Ram`. The read register of a RAM of LUTs is made of
        flip-flops.
        """
        options = [
            (cost, cells, ways, ram)
            for ram in self.rams
            if ram.brams or not block
            for cost, cells, ways in ram.options(width, depth)
        ]
        _, cells, ways, ram = min(options, key=lambda option: option[0])
        select = width * self._mux(ways) + ways if ways > 1 else 0
        ffs = (ways - 1).bit_length() if ram.brams else width
        return Resources(cells * ram.luts + select, ffs, 0, cells * ram.brams)

    def _mux(self, ways: int) -> int:
        """LUTs of a multiplexer of so many inputs: of a tree of the largest known, where there are
        more.
        """
        most = max(self.mux)
        if ways <= most:
            return self.mux[1 << (ways - 1).bit_length()]
        return ceil(ways / most) * self.mux[most] + self._mux(ceil(ways / most))


def _shapes(bits: int, widths: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """(depth, width) of a block RAM; a ninth bit of each byte is extra."""
    return tuple((bits // (w - w // 9), w) for w in widths)


# Distributed RAM takes the LUTs that hold its bits; a shift register takes one. Carry chains and
# wide multiplexers of AMD's families sit beside the LUTs, those of the others are made of them.
# AMD's inverters go into the LUTs before or behind them.
_AMD_LUTS = {f"LUT{n}": 1 for n in range(1, 7)} | {
    "SRL16E": 1,
    "SRLC32E": 1,
    "RAM32M": 4,
    "RAM64M": 4,
    "RAM32M16": 8,
    "RAM64M8": 8,
    "RAM32X1D": 2,
    "RAM64X1D": 2,
    "RAM128X1D": 4,
    "RAM256X1D": 8,
    "RAM32X1S": 1,
    "RAM64X1S": 1,
    "RAM128X1S": 2,
    "RAM256X1S": 4,
}
_AMD_BLOCKS = (
    RamCell(_shapes(16_384, (1, 2, 4, 9, 18, 36)), 9, (129, 0), brams=0.5),
    RamCell(_shapes(32_768, (1, 2, 4, 9, 18, 36, 72)), 9, (257, 0), brams=1),
)
_XC7_LUT_RAM = RamCell(((32, 6), (64, 3)), 8, (1, 7), luts=4)
_XCU_LUT_RAM = RamCell(((32, 14), (64, 7)), 16, (0, 16), luts=8)


def _amd(family: str, series: int, lut_ram: RamCell) -> Family:
    """series : the number at the end of its DSP and block RAM cells' names."""
    return Family(
        f"synth_xilinx -family {family} -noiopad",
        luts=_AMD_LUTS,
        ffs=("FD",),
        dsps={f"DSP48E{series}": 1},
        brams={f"RAMB18E{series}": 0.5, f"RAMB36E{series}": 1},
        rams=(lut_ram, *_AMD_BLOCKS),
        mux={2: 1, 4: 1, 8: 3, 16: 5, 32: 11},
    )


#: A carry cell is two LUTs; 16 x 4 bits are two LUTs that hold them in each of two slices, and the
#: write port of two more.
_LATTICE_LUTS = {
    "LUT4": 1,
    "CCU2C": 2,
    "CCU2": 2,
    "TRELLIS_DPR16X4": 6,
    "DPR16X4": 6,
}
_LATTICE_RAMS = (
    RamCell(((16, 4),), 4, (4, 0), luts=6),
    RamCell(_shapes(16_384, (1, 2, 4, 9, 18, 36)), 9, (128, 0), brams=1),
)
_LUT4_MUX = {2: 1, 4: 4, 8: 6, 16: 13, 32: 26}

FAMILIES = {
    "xc7": _amd("xc7", 1, _XC7_LUT_RAM),
    "xcu": _amd("xcu", 2, _XCU_LUT_RAM),
    "xcup": _amd("xcup", 2, _XCU_LUT_RAM),
    # Without wide LUTs, whose pairs and quads restrict placement.
    "ecp5": Family(
        "synth_ecp5 -nowidelut",
        luts=_LATTICE_LUTS,
        ffs=("TRELLIS_FF",),
        dsps={"MULT18X18D": 1},
        brams={"DP16KD": 1, "PDPW16KD": 1},
        rams=_LATTICE_RAMS,
        mux=_LUT4_MUX | {4: 3},
        crowded=0.6,
    ),
    "nexus": Family(
        "synth_nexus",
        luts=_LATTICE_LUTS,
        ffs=("FD1P3",),
        dsps={
            "MULT9X9": 0.5,
            "MULT18X18": 1,
            "MULT18X36": 2,
            "MULT36X36": 4,
            "MULTADDSUB9X9WIDE": 1,
            "MULTADDSUB18X18": 1,
            "MULTADDSUB18X18WIDE": 2,
            "MULTADDSUB18X36": 2,
            "MULTADDSUB36X36": 4,
        },
        brams={"DP16K": 1, "PDP16K": 1, "PDPSC16K": 1},
        rams=_LATTICE_RAMS,
        mux=_LUT4_MUX,
    ),
    "gowin": Family(
        "synth_gowin",
        luts={f"LUT{n}": 1 for n in range(1, 5)}
        | {"ALU": 1, "RAM16SDP4": 8, "RAM16SDP2": 4, "RAM16SDP1": 2},
        ffs=("DFF",),
        dsps={"MULT9X9": 0.5, "MULT18X18": 1, "MULT36X36": 4},
        brams={"SDPB": 1, "SDPX9B": 1, "DPB": 1, "DPX9B": 1, "SPX9": 1, "SP": 1},
        rams=_LATTICE_RAMS,
        mux=_LUT4_MUX,
    ),
}
