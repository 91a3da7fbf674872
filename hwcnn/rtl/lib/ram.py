"""Block RAM with one write and one read port."""

from amaranth import ClockSignal, Instance, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import bits_for

#: As the platform of an elaboration: only the RAMs are wanted, and a large block without any may
#: leave everything out.
RAMS_ONLY = "RAMs only"


class Ram(wiring.Component):
    """Simple dual-port RAM; becomes ``hwcnn_ram.v``, which every synthesis tool maps to block or
    distributed RAM.

    Latency: `r_data` is valid one cycle after `r_addr` with `r_en`, and holds while `r_en` is low.
    A read of the address that is written in the same cycle returns nothing of use, unless
    `read_old`. Nothing is initialised.

    Parameters
    ----------
    width : bits in a word.
    depth : words.
    block : put it into block RAM, however small; otherwise the synthesis tool chooses.
    read_old : such a read returns the old word; only for a few words, which synthesis puts into
    distributed RAM.
    """

    def __init__(self, width: int, depth: int, block: bool = False, read_old: bool = False) -> None:
        self.width, self.depth, self.block, self.read_old = width, depth, block, read_old
        addr = bits_for(depth)
        super().__init__(
            {
                "w_en": In(1),
                "w_addr": In(addr),
                "w_data": In(width),
                "r_en": In(1),
                "r_addr": In(addr),
                "r_data": Out(width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.ram = Instance(
            "hwcnn_ram",
            p_WIDTH=self.width,
            p_DEPTH=self.depth,
            p_ADDR=bits_for(self.depth),
            p_BLOCK=int(self.block),
            p_READ_OLD=int(self.read_old),
            i_clk=ClockSignal(),
            i_we=self.w_en,
            i_waddr=self.w_addr,
            i_wdata=self.w_data,
            i_re=self.r_en,
            i_raddr=self.r_addr,
            o_rdata=self.r_data,
        )
        return m
