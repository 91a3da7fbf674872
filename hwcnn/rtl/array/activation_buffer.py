"""The activation buffer: two banks of half a vector, so that the upper half can be another
pixel's.
"""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.layouts import ram_write_port
from hwcnn.rtl.lib.ram import Ram


class ActivationBuffer(wiring.Component):
    """`AccelConfig.act_vectors` vectors of L bytes.

    A read gives lanes 0 to L/2-1 of the vector at ``addr``, `LATENCY` cycles after ``en``, and the
    other lanes, of the vector at ``addr + upper``, `UPPER_LATENCY` cycles after it: their rows of
    the array need them no sooner, which leaves a cycle for the adder. Data holds while ``en`` is
    low.

    Members
    -------
    write : a whole vector. read : ``en``, ``addr``, ``upper``; ``data``: L bytes.
    """

    LATENCY, UPPER_LATENCY = 1, 2

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        addr = bits_for(config.act_vectors)
        super().__init__(
            {
                "write": In(ram_write_port(8 * config.lanes, addr)),
                "read": In(activation_port(config)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits = 4 * self.config.lanes
        m.submodules.lower = lower = Ram(bits, self.config.act_vectors)
        m.submodules.upper = upper = Ram(bits, self.config.act_vectors)
        for bank, data in ((lower, self.write.data[:bits]), (upper, self.write.data[bits:])):
            m.d.comb += [
                bank.w_en.eq(self.write.en),
                bank.w_addr.eq(self.write.addr),
                bank.w_data.eq(data),
            ]
        en, addr = Signal(), Signal.like(self.read.addr, reset_less=True)
        m.d.sync += [en.eq(self.read.en), addr.eq(self.read.addr + self.read.upper)]
        m.d.comb += [
            lower.r_en.eq(self.read.en),
            lower.r_addr.eq(self.read.addr),
            upper.r_en.eq(en),
            upper.r_addr.eq(addr),
            self.read.data.eq(Cat(lower.r_data, upper.r_data)),
        ]
        return m


def activation_port(config: AccelConfig) -> wiring.Signature:
    """A reader's side of the buffer; the latencies are those of `ActivationBuffer`."""
    addr = bits_for(config.act_vectors)
    return wiring.Signature(
        {"en": Out(1), "addr": Out(addr), "upper": Out(addr), "data": In(8 * config.lanes)}
    )
