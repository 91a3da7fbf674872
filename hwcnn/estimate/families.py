"""FPGA families: how Yosys synthesises for each, and what its cells take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """synth : the Yosys command. luts, ffs, dsps, brams : cell name to how many of the device's it takes.

    bram_bits : of one block RAM at its widest useful shape.
    """

    synth: str
    luts: dict
    ffs: tuple
    dsps: dict
    brams: dict
    bram_bits: int

    def count(self, cells):
        """``{luts, ffs, dsps, brams}`` of ``{cell name: number}``; half a block RAM counts as half, rounded up in the end."""
        tally = {kind: sum(n * getattr(self, kind).get(cell, 0) for cell, n in cells.items()) for kind in ("luts", "dsps", "brams")}
        tally["ffs"] = sum(n for cell, n in cells.items() if cell.startswith(self.ffs))
        return {kind: int(-(-n // 1)) for kind, n in tally.items()}


# Distributed RAM takes the LUTs that hold its bits; a shift register takes one. Carry chains and wide multiplexers of AMD's
# families sit beside the LUTs, those of the others are made of them.
_AMD_LUTS = {f"LUT{n}": 1 for n in range(1, 7)} | {
    "SRL16E": 1, "SRLC32E": 1, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
    "RAM256X1D": 8, "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4}
_AMD = dict(luts=_AMD_LUTS, ffs=("FD",), bram_bits=36_864)
_LATTICE_LUTS = {"LUT4": 1, "CCU2C": 2, "CCU2": 2, "TRELLIS_DPR16X4": 6, "DPR16X4": 6}

FAMILIES = {
    "xc7": Family("synth_xilinx -family xc7 -noiopad", dsps={"DSP48E1": 1}, brams={"RAMB18E1": 0.5, "RAMB36E1": 1}, **_AMD),
    "xcu": Family("synth_xilinx -family xcu -noiopad", dsps={"DSP48E2": 1}, brams={"RAMB18E2": 0.5, "RAMB36E2": 1}, **_AMD),
    "xcup": Family("synth_xilinx -family xcup -noiopad", dsps={"DSP48E2": 1}, brams={"RAMB18E2": 0.5, "RAMB36E2": 1}, **_AMD),
    "ecp5": Family("synth_ecp5", luts=_LATTICE_LUTS, ffs=("TRELLIS_FF",), dsps={"MULT18X18D": 1}, brams={"DP16KD": 1, "PDPW16KD": 1},
                   bram_bits=18_432),
    "nexus": Family("synth_nexus", luts=_LATTICE_LUTS, ffs=("FD1P3",),
                    dsps={"MULT9X9": 0.5, "MULT18X18": 1, "MULT18X36": 2, "MULT36X36": 4, "MULTADDSUB9X9WIDE": 1,
                          "MULTADDSUB18X18": 1, "MULTADDSUB18X18WIDE": 2, "MULTADDSUB18X36": 2, "MULTADDSUB36X36": 4},
                    brams={"DP16K": 1, "PDP16K": 1, "PDPSC16K": 1}, bram_bits=18_432),
    "gowin": Family("synth_gowin", luts={f"LUT{n}": 1 for n in range(1, 5)} | {"ALU": 1, "RAM16SDP4": 8, "RAM16SDP2": 4, "RAM16SDP1": 2},
                    ffs=("DFF",), dsps={"MULT9X9": 0.5, "MULT18X18": 1, "MULT36X36": 4},
                    brams={"SDPB": 1, "SDPX9B": 1, "DPB": 1, "DPX9B": 1, "SPX9": 1, "SP": 1}, bram_bits=18_432),
}
