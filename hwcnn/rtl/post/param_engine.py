"""The parameter engine: channel parameters and tables from DRAM to their RAMs."""

from amaranth import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.bus.bursts import BurstSplitter
from hwcnn.rtl.layouts import instruction_layout, param_port, read_port
from hwcnn.rtl.lib.delay import output_register


class ParamEngine(wiring.Component):
    """Executes PARAM, one instruction at a time: hands each beat on as it comes.

    Latency: 2 cycles from `i` to ``port.request``, 1 from ``port.data`` to `o`; `done` pulses in
    the cycle after the last beat is on `o`, and the next instruction is taken then. Throughput: one
    beat a cycle. No output depends combinationally on an input.

    Members
    -------
    i : stream of PARAM's fields. port : client of the read multiplexer. o : `layouts.param_port`.
    done : pulse.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(instruction_layout(isa.PARAM))),
                "port": Out(read_port(config)),
                "o": Out(param_port(config)),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.splitter = splitter = BurstSplitter(
            self.config, MAX_BURST, len(self.i.payload.n_beats)
        )
        wiring.connect(m, splitter.request, wiring.flipped(self.port.request))
        busy, left, beat = Signal(), Signal(16, reset_less=True), Signal(16, reset_less=True)
        o = {
            name: output_register(m, getattr(self.o, name))
            for name in ("dest", "index", "offset", "data")
        }
        last = Signal()  # the last beat is on `o`
        m.d.comb += [
            # it has no read then
            self.i.ready.eq(~busy),
            splitter.i.valid.eq(self.i.valid & ~busy),
            splitter.i.payload.addr.eq(self.i.payload.addr),
            splitter.i.payload.n_beats.eq(self.i.payload.n_beats),
            self.port.data.ready.eq(1),
            last.eq(self.o.en & (left == 0)),
        ]
        m.d.sync += [self.o.en.eq(self.port.data.valid), self.done.eq(last)]
        with m.If(self.i.valid & ~busy):
            m.d.sync += [
                busy.eq(1),
                left.eq(self.i.payload.n_beats),
                beat.eq(0),
                o["dest"].eq(self.i.payload.dest),
                o["index"].eq(self.i.payload.index),
            ]
        with m.If(self.port.data.valid):
            m.d.sync += [
                left.eq(left - 1),
                beat.eq(beat + 1),
                o["offset"].eq(beat),
                o["data"].eq(self.port.data.payload),
            ]
        with m.If(last):
            m.d.sync += busy.eq(0)
        return m
