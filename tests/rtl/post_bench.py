"""The post engine's core with accumulators that the test fills, as one block under test."""

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hwcnn.config import bits_for
from hwcnn.rtl.accumulators import Accumulators
from hwcnn.rtl.delay import delay
from hwcnn.rtl.layouts import ram_write_port
from hwcnn.rtl.post import PostCore
from hwcnn.rtl.ram import Ram


class PostBench(wiring.Component):
    """`fill` writes the accumulators; the rest is the core's."""

    def __init__(self, config):
        self.config = config
        self.core = PostCore(config)
        members = {n: f for n, f in self.core.signature.members.items() if n != "accumulators"}
        super().__init__(members | {"fill": In(ram_write_port(32 * config.cols, bits_for(2 * config.acc_depth)))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.ram = ram = Ram(32 * self.config.cols, 2 * self.config.acc_depth)
        for name in ("i", "params", "residual"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(core, name))
        for name in ("write", "read", "o"):
            wiring.connect(m, getattr(core, name), wiring.flipped(getattr(self, name)))
        m.d.comb += [
            ram.w_en.eq(self.fill.en), ram.w_addr.eq(self.fill.addr), ram.w_data.eq(self.fill.data),
            ram.r_en.eq(core.accumulators.en), ram.r_addr.eq(core.accumulators.addr),
            core.accumulators.data.eq(delay(m, ram.r_data, Accumulators.READ_LATENCY - 1, "accumulators")),
            self.done.eq(core.done), self.stall_store.eq(core.stall_store),
        ]
        return m
