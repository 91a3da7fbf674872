"""The weight engine: weight tiles from DRAM to the array."""

from amaranth import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import EAGER_WEIGHTS, MAX_BURST
from hwcnn.rtl.bus.reader import LinearReader
from hwcnn.rtl.layouts import instruction_layout, read_port
from hwcnn.rtl.lib.gearbox import resize


class WeightEngine(wiring.Component):
    """Executes WEIGHT: streams rows of weight tiles, prefetched as far as `config.weight_fifo`
    beats allow.

    Latency: 2 cycles from `i` to ``port.request``, 2 from ``port.data`` to `o` (3 if C >
    axi_bytes). Throughput: one row a cycle (C <= axi_bytes; else one beat a cycle), from one
    instruction to the next as well. No output depends combinationally on an input.

    Members
    -------
    i : stream of WEIGHT's fields. port : client of the read multiplexer.
    o : stream of C bytes, output channel 0 lowest: one row (input channel) of a weight tile.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(isa.WEIGHT))),
                "port": Out(read_port(config)),
                "o": Out(stream.Signature(8 * config.cols)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reader = reader = LinearReader(
            self.config, self.config.weight_fifo, MAX_BURST, eager=EAGER_WEIGHTS
        )
        wiring.connect(m, reader.port, wiring.flipped(self.port))
        m.d.comb += [
            reader.i.valid.eq(self.i.valid),
            self.i.ready.eq(reader.i.ready),
            reader.i.payload.addr.eq(self.i.payload.addr),
            reader.i.payload.n_beats.eq(self.i.payload.n_bytes >> bits_for(self.config.axi_bytes)),
        ]
        rows = resize(m, reader.o, 8 * self.config.axi_bytes, 8 * self.config.cols, "gearbox")
        wiring.connect(m, rows, wiring.flipped(self.o))
        return m
