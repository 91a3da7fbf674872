"""Per-channel parameters of the post engine, on chip."""

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .delay import delay
from .layouts import PARAM_LAYOUT, param_port
from .ram import Ram

#: Bits of each parameter of a channel.
PARAM_BITS = {name: field.width for name, field in PARAM_LAYOUT}


class ParamSlots(wiring.Component):
    """Block RAMs with `param_slots` slots of `lanes` channels, written a beat at a time.

    A beat of PARAM instructions for `dest` goes to slot ``(index + offset // beats) % param_slots``, where
    ``beats`` are the beats of a slot (8 * lanes bytes). It can be read in the cycle after ``params.en``. The parameters come one
    after another, as a pipeline needs them, so a slot that has been read may be written from ``LATENCY["shift"]`` cycles later on.

    Parameters
    ----------
    config : AccelConfig. lanes : channels in a slot, at least axi_bytes / 8. dest : of the
    PARAM instructions to take.

    Members
    -------
    params : `layouts.param_port`. en, addr : read a slot. bias, mantissa, shift : lanes * `PARAM_BITS`, `LATENCY` cycles
    after ``en``, straight from the RAMs.
    """

    LATENCY = {"bias": 1, "mantissa": 2, "shift": 4}

    def __init__(self, config, lanes, dest):
        self.config, self.lanes, self.dest = config, lanes, dest
        super().__init__({
            "params": In(param_port(config)), "en": In(1), "addr": In(bits_for(config.param_slots)),
        } | {name: Out(bits * lanes) for name, bits in PARAM_BITS.items()})

    def elaborate(self, platform):
        m = Module()
        channels = self.config.axi_bytes // 8
        beats = self.lanes // channels
        place = bits_for(beats) if beats > 1 else 0
        enable, part = self.params.en & (self.params.dest == self.dest), self.params.offset[:place]
        slot = (self.params.index + self.params.offset[place:])[:bits_for(self.config.param_slots)]
        words = [self.params.data.word_select(c, 64) for c in range(channels)]
        first = 0
        for name, bits in PARAM_BITS.items():
            read, addr = (delay(m, signal, self.LATENCY[name] - 1, f"{name}_{signal.name}") for signal in (self.en, self.addr))
            for b in range(beats):
                m.submodules[f"{name}_{b}"] = ram = Ram(bits * channels, self.config.param_slots, block=True)
                m.d.comb += [
                    ram.w_en.eq(enable & (part == b if place else 1)), ram.w_addr.eq(slot),
                    ram.w_data.eq(Cat(word[first:first + bits] for word in words)),
                    ram.r_en.eq(read), ram.r_addr.eq(addr),
                    getattr(self, name).word_select(b, bits * channels).eq(ram.r_data),
                ]
            first += bits
        return m
