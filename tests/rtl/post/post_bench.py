"""The post engine's core with accumulators that the test fills, as one block under test."""

from amaranth import Cat, Module, Mux
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from hwcnn.config import bits_for
from hwcnn.rtl.array.accumulators import Accumulators
from hwcnn.rtl.layouts import ram_write_port
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.ram import Ram
from hwcnn.rtl.post.engine import PostCore


class PostBench(wiring.Component):
    """`fill` writes the accumulators, and the half that isn't read gives their complement; the rest
    is the core's.
    """

    def __init__(self, config):
        self.config = config
        self.core = PostCore(config)
        members = {n: f for n, f in self.core.signature.members.items() if n != "accumulators"}
        super().__init__(
            members | {"fill": In(ram_write_port(32 * config.cols, bits_for(2 * config.acc_depth)))}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = core = self.core
        m.submodules.ram = ram = Ram(32 * self.config.cols, 2 * self.config.acc_depth)
        for name in ("i", "params", "residual"):
            wiring.connect(m, wiring.flipped(getattr(self, name)), getattr(core, name))
        for name in ("write", "read", "o"):
            wiring.connect(m, getattr(core, name), wiring.flipped(getattr(self, name)))
        half = delay(m, core.accumulators.addr[-1], Accumulators.READ_LATENCY, "half")
        m.d.comb += [
            ram.w_en.eq(self.fill.en),
            ram.w_addr.eq(self.fill.addr),
            ram.w_data.eq(self.fill.data),
            ram.r_en.eq(core.accumulators.en),
            ram.r_addr.eq(core.accumulators.addr),
            core.accumulators.data.eq(
                Mux(half, Cat(~ram.r_data, ram.r_data), Cat(ram.r_data, ~ram.r_data))
            ),
            self.done.eq(core.done),
            self.stall_store.eq(core.stall_store),
        ]
        return m
