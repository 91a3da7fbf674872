"""The activation table: any unary function of int8, on the L lanes of a vector that comes in two
halves.
"""

from amaranth import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.layouts import param_port
from hwcnn.rtl.lib.ram import Ram

#: ``dest`` of a PARAM instruction that fills the table.
TABLE_DEST = 3


class ActivationTable(wiring.Component):
    """``o = table[i + 128]`` in each lane, or ``o = i`` while `bypass`, which is a table of its
    own.

    Latency: 1 cycle. Throughput: half a vector a cycle, the lower half first; a vector is out after
    its upper half. The 256 bytes are copied to all lanes in the `COPY` cycles after their last
    beat; `filling` is high from that beat's next cycle on, and results are not valid then. The
    other table is made in as many cycles after reset, while `starting`; nothing is valid then.

    Members
    -------
    params : beats of PARAM; those of dest 3 fill the table. bypass : sampled with i.
    i : {valid, upper, vector: L/2 x int8}. o : {valid, vector: L x int8}. filling, starting : see
    above.
    """

    LATENCY = 1
    COPY = 259

    def __init__(self, config: AccelConfig) -> None:
        self.lanes, self.beat_bytes = config.lanes, config.axi_bytes
        super().__init__(
            {
                "params": In(param_port(config)),
                "bypass": In(1),
                "i": In(
                    wiring.Signature(
                        {
                            "valid": Out(1),
                            "upper": Out(1),
                            "vector": Out(data.ArrayLayout(signed(8), config.alu_lanes)),
                        }
                    )
                ),
                "o": Out(
                    wiring.Signature(
                        {"valid": Out(1), "vector": Out(data.ArrayLayout(signed(8), config.lanes))}
                    )
                ),
                "filling": Out(1),
                "starting": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        write, address, byte = self._fill(m)
        valid = Signal()
        m.d.sync += valid.eq(self.i.valid & self.i.upper)
        m.d.comb += self.o.valid.eq(valid)
        for k in range(self.lanes):
            m.submodules[f"lane{k}"] = ram = Ram(8, 512, block=True)
            upper, part = divmod(k, self.lanes // 2)
            m.d.comb += [
                ram.w_en.eq(write),
                ram.w_addr.eq(address),
                ram.w_data.eq(byte),
                ram.r_en.eq(self.i.valid & (self.i.upper == upper)),
                ram.r_addr.eq(Cat(_from_lowest(self.i.vector[part]), self.bypass)),
                self.o.vector[k].eq(ram.r_data),
            ]
        return m

    def _fill(self, m: Module) -> tuple[Signal, Signal, Signal]:
        """Beats wait in a RAM, from which the bytes go to the lanes one by one: (write, address,
        byte).

        Four bytes of a beat are picked before a register, since they come late from the RAM, and
        one of them behind it.
        """
        beats = 256 // self.beat_bytes
        m.submodules.beats = ram = Ram(8 * self.beat_bytes, beats, block=True)
        count, identity, reading, waiting, last = (
            Signal(8),
            Signal(init=1),
            Signal(init=1),
            Signal(),
            Signal(),
        )
        m.d.comb += [
            ram.w_en.eq(self.params.en & (self.params.dest == TABLE_DEST)),
            ram.w_addr.eq(self.params.offset),
            ram.w_data.eq(self.params.data),
            ram.r_en.eq(reading),
            ram.r_addr.eq(count[bits_for(self.beat_bytes) : 8]),
        ]
        m.d.sync += last.eq(ram.w_en & (self.params.offset[: bits_for(beats)] == beats - 1))
        with m.If(reading):
            m.d.sync += count.eq(count + 1)
            with m.If(count == 255):
                m.d.sync += [identity.eq(0), reading.eq(waiting | last), waiting.eq(0)]
        with m.If(last):
            with m.If(identity):
                m.d.sync += waiting.eq(count != 255)
            with m.Else():
                m.d.sync += [count.eq(0), reading.eq(1)]
        picked, place = Signal(), Signal(9)
        written, address, word, byte = Signal(), Signal(9), Signal(32, reset_less=True), Signal(8)
        m.d.sync += [
            picked.eq(reading & (identity | ~last)),
            place.eq(Cat(count, identity)),
            written.eq(picked),
            address.eq(place),
            word.eq(ram.r_data.word_select(place[2 : bits_for(self.beat_bytes)], 32)),
        ]
        m.d.comb += [
            byte.eq(Mux(address[8], _from_lowest(address[:8]), word.word_select(address[:2], 8))),
            self.filling.eq(last | reading | picked | written),
            self.starting.eq(identity | (picked & place[8]) | (written & address[8])),
        ]
        return written, address, byte


def _from_lowest(byte: Value) -> Value:
    """byte + 128 of a signed byte, and the other way round."""
    return Cat(byte[:7], ~byte[7])
