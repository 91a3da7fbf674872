"""Per-channel parameters on chip."""

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .layouts import PARAM_LAYOUT, param_port, ram_read_port
from .ram import Ram


class ParamSlots(wiring.Component):
    """A RAM of `param_slots` slots of `lanes` channels, written a beat at a time.

    A beat of PARAM instructions for `dest` goes to slot ``(index + offset // beats) % param_slots``, where
    ``beats`` are the beats of a slot (8 * lanes bytes). It can be read in the second cycle after ``params.en``.

    Parameters
    ----------
    config : AccelConfig. lanes : channels in a slot, at least axi_bytes / 8. dest : of the
    PARAM instructions to take.

    Members
    -------
    params : `layouts.param_port`. read : a slot, lanes * 56 bits (`layouts.PARAM_LAYOUT`), one cycle after ``en``.
    """

    def __init__(self, config, lanes, dest):
        self.config, self.lanes, self.dest = config, lanes, dest
        super().__init__({
            "params": In(param_port(config)),
            "read": In(ram_read_port(PARAM_LAYOUT.size * lanes, bits_for(config.param_slots))),
        })

    def elaborate(self, platform):
        m = Module()
        channels = self.config.axi_bytes // 8
        beats = self.lanes // channels
        place = bits_for(beats) if beats > 1 else 0
        enable = Signal()
        slot, part = Signal(bits_for(self.config.param_slots), reset_less=True), Signal(max(1, place), reset_less=True)
        packed = Signal(PARAM_LAYOUT.size * channels, reset_less=True)
        m.d.sync += [
            enable.eq(self.params.en & (self.params.dest == self.dest)),
            slot.eq(self.params.index + self.params.offset[place:]), part.eq(self.params.offset[:place]),
            packed.eq(Cat(self.params.data.word_select(c, 64)[:PARAM_LAYOUT.size] for c in range(channels))),
        ]
        for b in range(beats):
            m.submodules[f"part_{b}"] = ram = Ram(PARAM_LAYOUT.size * channels, self.config.param_slots)
            m.d.comb += [
                ram.w_en.eq(enable & (part == b)), ram.w_addr.eq(slot), ram.w_data.eq(packed),
                ram.r_en.eq(self.read.en), ram.r_addr.eq(self.read.addr),
                self.read.data.word_select(b, PARAM_LAYOUT.size * channels).eq(ram.r_data),
            ]
        return m
