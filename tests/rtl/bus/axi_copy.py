"""A block for tests: two copiers (reader to writer) behind both multiplexers."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.rtl.bus.axi import ReadMux, WriteMux
from hwcnn.rtl.bus.reader import VectorReader
from hwcnn.rtl.bus.writer import Writer
from hwcnn.rtl.layouts import READ_LAYOUT, WRITE_LAYOUT


class Copy(wiring.Component):
    """`read` and `write` tiles of each copier; AXI4 as axi_ar*, axi_r*, axi_aw*, axi_w*, axi_b*;
    `done` of each.
    """

    COPIERS = 2

    def __init__(self, config):
        self.config = config
        self.muxes = ReadMux(config, self.COPIERS), WriteMux(config, self.COPIERS)
        inner = ("clients", "base", "error", "ended", "client", "back")
        axi = {
            f"axi_{name}": member
            for mux in self.muxes
            for name, member in mux.signature.members.items()
            if name not in inner
        }
        super().__init__(
            axi
            | {
                "base": In(32),
                "done": Out(self.COPIERS),
                "read": In(stream.Signature(READ_LAYOUT)).array(self.COPIERS),
                "write": In(stream.Signature(WRITE_LAYOUT)).array(self.COPIERS),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for mux in self.muxes:
            m.submodules += mux
            m.d.comb += mux.base.eq(self.base)
            for name, member in mux.signature.members.items():
                if hasattr(self, f"axi_{name}"):
                    ours, theirs = getattr(self, f"axi_{name}"), getattr(mux, name)
                    m.d.comb += ours.eq(theirs) if member.flow == Out else theirs.eq(ours)
        for k in range(self.COPIERS):
            m.submodules += (
                reader := VectorReader(self.config, 64),
                writer := Writer(self.config, self.config.lanes),
            )
            wiring.connect(m, wiring.flipped(self.read[k]), reader.i)
            wiring.connect(m, wiring.flipped(self.write[k]), writer.i)
            wiring.connect(m, reader.o, writer.data)
            wiring.connect(m, reader.port, self.muxes[0].clients[k])
            wiring.connect(m, writer.port, self.muxes[1].clients[k])
            m.d.comb += self.done[k].eq(writer.done)
        return m
