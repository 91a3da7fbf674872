"""The array engine with an activation buffer and accumulators, as one block under test."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import bits_for
from hwcnn.rtl.array.accumulators import Accumulators
from hwcnn.rtl.array.activation_buffer import ActivationBuffer
from hwcnn.rtl.array.engine import ArrayEngine
from hwcnn.rtl.layouts import instruction_layout, ram_read_port, ram_write_port
from hwcnn.rtl.lib.delay import delay


class ArrayBench(wiring.Component):
    """`act` writes the activation buffer, `read` reads accumulators; the rest is the engine's."""

    def __init__(self, config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(isa.ARRAY))),
                "weights": In(stream.Signature(8 * config.cols)),
                "act": In(ram_write_port(8 * config.lanes, bits_for(config.act_vectors))),
                "read": In(ram_read_port(32 * config.cols, bits_for(2 * config.acc_depth))),
                "done": Out(1),
                "busy": Out(1),
                "stall_weights": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.engine = engine = ArrayEngine(self.config)
        m.submodules.accumulators = accumulators = Accumulators(self.config)
        m.submodules.act = act = ActivationBuffer(self.config)
        wiring.connect(m, wiring.flipped(self.i), engine.i)
        wiring.connect(m, wiring.flipped(self.weights), engine.weights)
        wiring.connect(m, wiring.flipped(self.act), act.write)
        wiring.connect(m, engine.act, act.read)
        wiring.connect(m, engine.sums, accumulators.sums)
        half = delay(m, self.read.addr[-1], Accumulators.READ_LATENCY, "half")
        m.d.comb += [
            accumulators.read.en.eq(self.read.en),
            accumulators.read.addr.eq(self.read.addr),
            self.read.data.eq(accumulators.read.data.word_select(half, 32 * self.config.cols)),
            self.done.eq(engine.done),
            self.busy.eq(engine.busy),
            self.stall_weights.eq(engine.stall_weights),
        ]
        return m
