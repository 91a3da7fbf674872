"""The load engine: tiles from DRAM to the activation buffer."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.bus.reader import VectorReader
from hwcnn.rtl.layouts import instruction_layout, ram_write_port, read_port
from hwcnn.rtl.lib.fifo import StreamFifo


class LoadEngine(wiring.Component):
    """Executes LOAD: reads a tile, pads it, writes it contiguously into the activation buffer; of
    each vector all lanes, or one half twice.

    The reads of following instructions run ahead of the present one's data. Latency and throughput:
    those of `VectorReader`; a vector is written in the cycle in which it appears, `done` pulses in
    the cycle after a tile's last write. No output depends combinationally on an input.

    Members
    -------
    i : stream of LOAD's fields, its waits over.
    port : client of the read multiplexer. write : activation buffer, L bytes a word. done : pulse.
    """

    AHEAD = 8

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(isa.LOAD))),
                "port": Out(read_port(config)),
                "write": Out(ram_write_port(8 * config.lanes, bits_for(config.act_vectors))),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.reader = reader = VectorReader(self.config, self.config.read_fifo)
        m.submodules.dests = dests = StreamFifo(
            data.StructLayout({"dest": len(self.write.addr), "half": 2}), self.AHEAD
        )
        wiring.connect(m, reader.port, wiring.flipped(self.port))
        m.d.comb += [
            reader.i.payload[name].eq(self.i.payload[name])
            for name in reader.i.payload.shape().members
        ]
        m.d.comb += [
            self.i.ready.eq(reader.i.ready & dests.i.ready),
            dests.i.payload.dest.eq(self.i.payload.dest),
            dests.i.payload.half.eq(self.i.payload.half),
            reader.i.valid.eq(self.i.valid & dests.i.ready),
            dests.i.valid.eq(self.i.valid & reader.i.ready),
        ]
        # of a tile; the address after the latest
        inside, following = Signal(), Signal.like(self.write.addr, reset_less=True)
        last = reader.o.valid & reader.last
        lower, upper = (reader.o.payload.word_select(k, 4 * self.config.lanes) for k in (0, 1))
        half = dests.o.payload.half
        m.d.comb += [
            reader.o.ready.eq(1),
            self.write.en.eq(reader.o.valid),
            self.write.data.eq(
                Cat(
                    Mux(half == isa.HALF_UPPER, upper, lower),
                    Mux(half == isa.HALF_LOWER, lower, upper),
                )
            ),
            self.write.addr.eq(Mux(inside, following, dests.o.payload.dest)),
            dests.o.ready.eq(last),
        ]
        m.d.sync += self.done.eq(last)
        with m.If(reader.o.valid):
            m.d.sync += [inside.eq(~reader.last), following.eq(self.write.addr + 1)]
        return m
