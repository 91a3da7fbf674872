"""The vector engine: pooling, element-wise operations, per-channel affine, LRN and tables, from
DRAM to DRAM.
"""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from hwcnn.config import AccelConfig
from hwcnn.rtl.bus.reader import VectorReader
from hwcnn.rtl.bus.writer import Writer
from hwcnn.rtl.layouts import param_port, read_port, wire_params, write_port

from .core import VectorCore
from .fields import VECTOR_LAYOUT


class VectorEngine(wiring.Component):
    """Executes VECTOR, from DRAM to DRAM; see `VectorCore`.

    Members
    -------
    i : stream of VECTOR. params : beats for dest 1 (channel parameters), 2 (LRN table), 3
    (activation table).
    a, b : clients of the read multiplexer. write : client of the write multiplexer.
    done : pulses when memory has acknowledged an instruction's last write. busy : an instruction
    runs.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(VECTOR_LAYOUT)),
                "params": In(param_port(config)),
                "a": Out(read_port(config)),
                "b": Out(read_port(config)),
                "write": Out(write_port(config)),
                "done": Out(1),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = VectorCore(self.config)
        m.submodules.writer = writer = Writer(self.config, self.config.lanes)
        connect(m, flipped(self.i), core.i)
        connect(m, core.write, writer.i)
        connect(m, core.o, writer.data)
        connect(m, writer.port, flipped(self.write))
        wire_params(m, self.params, core)
        m.d.comb += [self.done.eq(writer.done), self.busy.eq(core.busy)]
        operands = [("a", core.read_a, core.a, self.a)]
        if "eltwise" in self.config.features:
            operands.append(("b", core.read_b, core.b, self.b))
        else:
            m.d.comb += core.read_b.ready.eq(1)
        for name, descriptor, vectors, port in operands:
            m.submodules[f"read_{name}"] = reader = VectorReader(
                self.config, self.config.read_fifo, padded=name == "a"
            )
            connect(m, descriptor, reader.i)
            connect(m, reader.o, vectors)
            connect(m, reader.port, flipped(port))
        return m
