"""FPGA families: how Yosys synthesises for each, and what its cells take."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True)
class Family:
    """synth : the Yosys command. luts, ffs, dsps, brams : cell name to how many of the device's it takes.

    block : (bits, width) of the block RAM's smallest part, and how many parts a block RAM has. lut_ram : (depth, bits, LUTs) of
    each distributed RAM. lut_depth, lut_bits : a RAM of at most this depth, or this many bits, is made of LUTs.
    """

    synth: str
    luts: dict
    ffs: tuple
    dsps: dict
    brams: dict
    block: tuple
    lut_ram: tuple
    lut_depth: int
    lut_bits: int

    def count(self, cells):
        """``{luts, ffs, dsps, brams}`` of ``{cell name: number}``; half a block RAM counts as half, rounded up in the end."""
        tally = {kind: sum(n * getattr(self, kind).get(cell, 0) for cell, n in cells.items()) for kind in ("luts", "dsps", "brams")}
        tally["ffs"] = sum(n for cell, n in cells.items() if cell.startswith(self.ffs))
        return {kind: ceil(n) for kind, n in tally.items()}

    def ram(self, width, depth, block=False):
        """``{luts, brams}`` of a RAM of depth words of `width` bits; `block`: never of LUTs."""
        if not block and (depth <= self.lut_depth or width * depth <= self.lut_bits):
            fitting = [(bits, luts) for limit, bits, luts in self.lut_ram if depth <= limit]
            if fitting:
                return {"luts": min(ceil(width / bits) * luts for bits, luts in fitting), "brams": 0}
            limit, bits, luts = self.lut_ram[-1]
            return {"luts": ceil(width / bits) * ceil(depth / limit) * luts, "brams": 0}
        bits, widest, parts = self.block
        shapes = [w for w in (widest, widest // 2, widest // 4) if w]
        return {"luts": 0, "brams": min(ceil(width / w) * ceil(depth * w / bits) for w in shapes) / parts}


# Distributed RAM takes the LUTs that hold its bits; a shift register takes one. Carry chains and wide multiplexers of AMD's
# families sit beside the LUTs, those of the others are made of them.
_AMD_LUTS = {f"LUT{n}": 1 for n in range(1, 7)} | {
    "SRL16E": 1, "SRLC32E": 1, "RAM32M": 4, "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM32X1D": 2, "RAM64X1D": 2, "RAM128X1D": 4,
    "RAM256X1D": 8, "RAM32X1S": 1, "RAM64X1S": 1, "RAM128X1S": 2, "RAM256X1S": 4}
_AMD = dict(luts=_AMD_LUTS, ffs=("FD",), block=(18_432, 36, 2), lut_ram=((32, 6, 4), (64, 3, 4)), lut_depth=64, lut_bits=2048)
_LATTICE_LUTS = {"LUT4": 1, "CCU2C": 2, "CCU2": 2, "TRELLIS_DPR16X4": 6, "DPR16X4": 6}
#: 18 Kbit with a width of up to 36; 16 x 4 bits in two LUTs that hold them and the write port of two more.
_EBR = dict(block=(18_432, 36, 1), lut_ram=((16, 4, 6),), lut_depth=64, lut_bits=2048)

FAMILIES = {
    "xc7": Family("synth_xilinx -family xc7 -noiopad", dsps={"DSP48E1": 1}, brams={"RAMB18E1": 0.5, "RAMB36E1": 1}, **_AMD),
    "xcu": Family("synth_xilinx -family xcu -noiopad", dsps={"DSP48E2": 1}, brams={"RAMB18E2": 0.5, "RAMB36E2": 1}, **_AMD),
    "xcup": Family("synth_xilinx -family xcup -noiopad", dsps={"DSP48E2": 1}, brams={"RAMB18E2": 0.5, "RAMB36E2": 1}, **_AMD),
    "ecp5": Family("synth_ecp5", luts=_LATTICE_LUTS, ffs=("TRELLIS_FF",), dsps={"MULT18X18D": 1}, brams={"DP16KD": 1, "PDPW16KD": 1},
                   **_EBR),
    "nexus": Family("synth_nexus", luts=_LATTICE_LUTS, ffs=("FD1P3",),
                    dsps={"MULT9X9": 0.5, "MULT18X18": 1, "MULT18X36": 2, "MULT36X36": 4, "MULTADDSUB9X9WIDE": 1,
                          "MULTADDSUB18X18": 1, "MULTADDSUB18X18WIDE": 2, "MULTADDSUB18X36": 2, "MULTADDSUB36X36": 4},
                    brams={"DP16K": 1, "PDP16K": 1, "PDPSC16K": 1}, **_EBR),
    "gowin": Family("synth_gowin", luts={f"LUT{n}": 1 for n in range(1, 5)} | {"ALU": 1, "RAM16SDP4": 8, "RAM16SDP2": 4, "RAM16SDP1": 2},
                    ffs=("DFF",), dsps={"MULT9X9": 0.5, "MULT18X18": 1, "MULT36X36": 4},
                    brams={"SDPB": 1, "SDPX9B": 1, "DPB": 1, "DPX9B": 1, "SPX9": 1, "SP": 1}, **_EBR),
}
