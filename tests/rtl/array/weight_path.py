"""The way of WEIGHT instructions through the accelerator: their queue and their engine."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwcnn import isa
from hwcnn.rtl.array.weight_engine import WeightEngine
from hwcnn.rtl.host.queue import InstructionQueue
from hwcnn.rtl.layouts import read_port


class WeightPath(wiring.Component):
    """i : words of WEIGHT instructions. port : reads of DRAM. o : rows of weight tiles."""

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(isa.WORD_BITS)),
                "port": Out(read_port(config)),
                "o": Out(stream.Signature(8 * config.cols)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = InstructionQueue(self.config, isa.WEIGHT)
        m.submodules.engine = engine = WeightEngine(self.config)
        connect(m, flipped(self.i), queue.i)
        connect(m, queue.o, engine.i)
        connect(m, engine.port, flipped(self.port))
        connect(m, engine.o, flipped(self.o))
        return m
