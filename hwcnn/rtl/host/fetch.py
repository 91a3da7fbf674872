"""Reads a program from DRAM ahead of its use."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.rtl.layouts import read_port
from hwcnn.rtl.lib.fifo import StreamFifo

#: Bytes of a burst, and the alignment of a program.
BURST_BYTES = 64
#: Bytes in flight or waiting.
AHEAD_BYTES = isa.READ_AHEAD


class Fetch(wiring.Component):
    """A program as a stream of 128-bit words, read linearly from `address` until `stop`.

    Bursts of 64 bytes, at most 512 bytes ahead of `o`; so memory must be readable for 512 bytes
    from the program's last word on. Throughput: one word a cycle, or what the bus gives.

    Members
    -------
    start : pulse, only while not `busy`; `address` : byte offset of the program, a multiple of 64.
    stop : level: no word is wanted any more; what is in flight is dropped.
    busy : from the cycle after `start` until `stop` is up and nothing is in flight.
    o : stream of words. port : read port.
    """

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "address": In(32),
                "stop": In(1),
                "busy": Out(1),
                "o": Out(stream.Signature(isa.WORD_BITS)),
                "port": Out(read_port(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beats = BURST_BYTES // self.config.axi_bytes
        depth = AHEAD_BYTES // self.config.axi_bytes
        m.submodules.fifo = fifo = StreamFifo(8 * self.config.axi_bytes, depth, block=True)
        request, arrive, drop, pop = Signal(), Signal(), Signal(), Signal()
        address = Signal(32, reset_less=True)
        # beats neither requested nor waiting in the FIFO
        credits = Signal(range(depth + 1), init=depth)
        flight = Signal(range(depth + 1))  # beats requested that have not arrived
        asking = Signal()
        m.d.comb += [
            drop.eq(self.stop | ~self.busy),
            self.port.request.valid.eq(asking),
            self.port.request.payload.addr.eq(address),
            self.port.request.payload.length.eq(beats),
            request.eq(self.port.request.valid & self.port.request.ready),
            fifo.i.valid.eq(self.port.data.valid),
            fifo.i.payload.eq(self.port.data.payload),
            self.port.data.ready.eq(1),
            arrive.eq(self.port.data.valid),
            pop.eq(fifo.o.valid & fifo.o.ready),
        ]
        left = Signal.like(credits)
        m.d.comb += left.eq(credits - Mux(request, beats, 0))
        settled = Signal()  # nothing was asked for, in flight or waiting a cycle ago
        m.d.sync += [
            settled.eq(~asking & (flight == 0) & (fifo.level == 0)),
            credits.eq(left + pop),
            flight.eq(flight + Mux(request, beats, 0) - arrive),
            address.eq(address + Mux(request, BURST_BYTES, 0)),
            asking.eq((asking & ~request) | (~drop & (left >= beats))),
        ]
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), address.eq(self.address)]
        with m.Elif(self.stop & ~asking & settled):
            m.d.sync += self.busy.eq(0)
        self._words(m, fifo.o, drop)
        return m

    def _words(self, m: Module, beat: stream.Interface, drop: Value) -> None:
        """Connect the beats of the stream `beat` to `o`, or drop them."""
        wide = self.config.axi_bytes >= isa.WORD_BYTES
        ratio = max(self.config.axi_bytes, isa.WORD_BYTES) // min(
            self.config.axi_bytes, isa.WORD_BYTES
        )
        last, step = Signal(init=1), Signal()
        if ratio > 1:
            index = Signal(range(ratio))
            m.d.comb += last.eq(index == ratio - 1)
            m.d.sync += index.eq(Mux(drop, 0, index + step))

        m.d.comb += self.o.valid.eq(beat.valid & ~drop & (wide | last))
        if wide:
            m.d.comb += [
                self.o.payload.eq(
                    beat.payload.word_select(index, isa.WORD_BITS) if ratio > 1 else beat.payload
                ),
                beat.ready.eq(drop | (self.o.ready & last)),
                step.eq(self.o.valid & self.o.ready),
            ]
        else:
            low = Signal(isa.WORD_BITS // 2, reset_less=True)
            m.d.comb += [
                self.o.payload.eq(Cat(low, beat.payload)),
                beat.ready.eq(drop | self.o.ready | ~last),
                step.eq(beat.valid & beat.ready),
            ]
            with m.If(step):
                m.d.sync += low.eq(beat.payload)
