"""The activation table: any unary function of int8, on L lanes."""

from amaranth import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .layouts import param_port
from .ram import Ram

#: ``dest`` of a PARAM instruction that fills the table.
TABLE_DEST = 3


class ActivationTable(wiring.Component):
    """``o = table[i + 128]`` in each lane, or ``o = i`` while `bypass`.

    Latency: 1 cycle. Throughput: one vector a cycle. The 256 bytes are copied to all lanes in the 257 cycles after their last
    beat; `filling` is high from that beat's next cycle on, and results are not valid then.

    Members
    -------
    params : beats of PARAM; those of dest 3 fill the table. bypass : sampled with i.
    i, o : {valid, vector: L x int8}. filling : see above.
    """

    LATENCY = 1

    def __init__(self, config):
        self.lanes, self.beat_bytes = config.lanes, config.axi_bytes
        port = wiring.Signature({"valid": Out(1), "vector": Out(data.ArrayLayout(signed(8), config.lanes))})
        super().__init__({
            "params": In(param_port(config)), "bypass": In(1), "i": In(port), "o": Out(port), "filling": Out(1)})

    def elaborate(self, platform):
        m = Module()
        write, address, byte = self._fill(m)
        bypassed, valid = Signal(reset_less=True), Signal()
        m.d.sync += valid.eq(self.i.valid)
        with m.If(self.i.valid):
            m.d.sync += bypassed.eq(self.bypass)
        m.d.comb += self.o.valid.eq(valid)
        for k in range(self.lanes):
            m.submodules[f"lane{k}"] = ram = Ram(8, 256)
            value = Signal(8, name=f"value{k}", reset_less=True)
            with m.If(self.i.valid):
                m.d.sync += value.eq(self.i.vector[k])
            m.d.comb += [
                ram.w_en.eq(write), ram.w_addr.eq(address), ram.w_data.eq(byte),
                ram.r_en.eq(self.i.valid & ~self.bypass), ram.r_addr.eq(Cat(self.i.vector[k][:7], ~self.i.vector[k][7])),
                self.o.vector[k].eq(Mux(bypassed, value, ram.r_data)),
            ]
        return m

    def _fill(self, m):
        """Beats wait in a RAM, from which the bytes go to the lanes one by one: (write, address, byte)."""
        beats = 256 // self.beat_bytes
        m.submodules.beats = ram = Ram(8 * self.beat_bytes, beats)
        count, reading, last = Signal(8), Signal(), Signal()
        address = Signal(8)
        m.d.comb += [
            ram.w_en.eq(self.params.en & (self.params.dest == TABLE_DEST)),
            ram.w_addr.eq(self.params.offset), ram.w_data.eq(self.params.data),
            last.eq(ram.w_en & (self.params.offset[:bits_for(beats)] == beats - 1)),
            ram.r_en.eq(reading), ram.r_addr.eq(count[bits_for(self.beat_bytes):8]),
        ]
        with m.If(last):
            m.d.sync += [count.eq(0), reading.eq(1)]
        with m.Elif(reading):
            m.d.sync += [count.eq(count + 1), reading.eq(count != 255)]
        written = Signal()
        m.d.sync += [written.eq(reading & ~last), address.eq(count)]
        byte = Signal(8)
        m.d.comb += [
            byte.eq(ram.r_data.word_select(address[:bits_for(self.beat_bytes)], 8)),
            self.filling.eq(reading | written),
        ]
        return written, address, byte
