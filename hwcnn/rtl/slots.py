"""Per-channel parameters of the post engine, on chip."""

from amaranth import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .delay import delay
from .layouts import PARAM_LAYOUT, param_port
from .ram import Ram

#: What a channel is multiplied with, which a pipeline needs first, and the shift, which it needs later.
FACTOR_LAYOUT = data.StructLayout({n: PARAM_LAYOUT.members[n] for n in ("bias", "mantissa")})
SHIFT_BITS = PARAM_LAYOUT.size - FACTOR_LAYOUT.size


class ParamSlots(wiring.Component):
    """Block RAMs with `param_slots` slots of `lanes` channels, written a beat at a time.

    A beat of PARAM instructions for `dest` goes to slot ``(index + offset // beats) % param_slots``, where
    ``beats`` are the beats of a slot (8 * lanes bytes). It can be read in the cycle after ``params.en``. A slot that has been
    read may be written from `SHIFT_LATENCY` cycles later on.

    Parameters
    ----------
    config : AccelConfig. lanes : channels in a slot, at least axi_bytes / 8. dest : of the
    PARAM instructions to take.

    Members
    -------
    params : `layouts.param_port`. en, addr : read a slot. factors : lanes * `FACTOR_LAYOUT`, one cycle after ``en``.
    shifts : lanes * 6 bits, `SHIFT_LATENCY` cycles after ``en``.
    """

    SHIFT_LATENCY = 4

    def __init__(self, config, lanes, dest):
        self.config, self.lanes, self.dest = config, lanes, dest
        super().__init__({
            "params": In(param_port(config)), "en": In(1), "addr": In(bits_for(config.param_slots)),
            "factors": Out(FACTOR_LAYOUT.size * lanes), "shifts": Out(SHIFT_BITS * lanes),
        })

    def elaborate(self, platform):
        m = Module()
        channels = self.config.axi_bytes // 8
        beats = self.lanes // channels
        place = bits_for(beats) if beats > 1 else 0
        enable, part = self.params.en & (self.params.dest == self.dest), self.params.offset[:place]
        slot = (self.params.index + self.params.offset[place:])[:bits_for(self.config.param_slots)]
        words = [self.params.data.word_select(c, 64) for c in range(channels)]
        late = [delay(m, signal, self.SHIFT_LATENCY - 1, f"late_{name}")
                for name, signal in (("en", self.en), ("addr", self.addr))]
        for name, out, first, bits, (read, addr) in (
                ("factors", self.factors, 0, FACTOR_LAYOUT.size, (self.en, self.addr)),
                ("shifts", self.shifts, FACTOR_LAYOUT.size, SHIFT_BITS, late)):
            for b in range(beats):
                m.submodules[f"{name}_{b}"] = ram = Ram(bits * channels, self.config.param_slots, block=True)
                m.d.comb += [
                    ram.w_en.eq(enable & (part == b if place else 1)), ram.w_addr.eq(slot),
                    ram.w_data.eq(Cat(word[first:first + bits] for word in words)),
                    ram.r_en.eq(read), ram.r_addr.eq(addr),
                    out.word_select(b, bits * channels).eq(ram.r_data),
                ]
        return m
