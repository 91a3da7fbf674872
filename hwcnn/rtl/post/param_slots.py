"""Per-channel parameters of the post engine, on chip."""

from typing import ClassVar

from amaranth import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from hwcnn import isa
from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.layouts import PARAM_LAYOUT, PARAM_RAM_LAYOUT, param_port, to_ram_format
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.ram import Ram

#: Bits of each parameter of a channel, as the RAMs hold it.
PARAM_BITS = {name: field.width for name, field in PARAM_RAM_LAYOUT}


class ParamSlots(wiring.Component):
    """Block RAMs with `param_slots` slots of C channels, written a beat at a time and read P
    channels, a group, at a time.

    Group g of slot s is at ``s * C/P + g``. Beats of PARAM instructions for `dest` fill consecutive
    places from slot ``index`` on, modulo `param_slots`, and can be read in the cycle after
    ``params.en``. The parameters come one after another, as a pipeline needs them, so a slot that
    has been read may be written from ``LATENCY["shift"]`` cycles later on.

    Parameters
    ----------
    config : AccelConfig. dest : of the PARAM instructions to take.

    Members
    -------
    params : `layouts.param_port`. en, addr : read a group. bias, mantissa, shift : P *
    `PARAM_BITS`, `LATENCY` cycles after ``en``: straight from the RAMs, but for `REGISTERED`, and
    for beats of more than P channels, where a register follows the choice between groups.
    """

    LATENCY: ClassVar[dict[str, int]] = {"bias": 2, "mantissa": 2, "shift": 5}
    REGISTERED = ("bias",)

    def __init__(self, config: AccelConfig, dest: int) -> None:
        self.config, self.dest = config, dest
        #: Channels of a beat and of a group, and groups.
        self.channels, self.lanes = config.axi_bytes // isa.CHANNEL_BYTES, config.post_lanes
        self.groups = config.param_slots * config.cols // self.lanes
        super().__init__(
            {
                "params": In(param_port(config)),
                "en": In(1),
                "addr": In(bits_for(self.groups)),
            }
            | {name: Out(bits * self.lanes) for name, bits in PARAM_BITS.items()}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # of a group, of a beat
        beats, choices = max(1, self.lanes // self.channels), max(1, self.channels // self.lanes)
        place, choice, depth = exact_log2(beats), exact_log2(choices), self.groups // choices
        enable, beat = self.params.en & (self.params.dest == self.dest), self.params.offset[:place]
        addr = (
            self.params.index * (depth // self.config.param_slots) + self.params.offset[place:]
        )[: bits_for(depth)]
        words = [
            to_ram_format(
                self.params.data.word_select(c, 8 * isa.CHANNEL_BYTES)[: PARAM_LAYOUT.size]
            )
            for c in range(self.channels)
        ]
        first = 0
        for name, bits in PARAM_BITS.items():
            registered = choice > 0 or name in self.REGISTERED
            ahead = self.LATENCY[name] - 1 - registered
            read, at = (
                delay(m, signal, ahead, f"{name}_{signal.name}") for signal in (self.en, self.addr)
            )
            group = []
            for b in range(beats):
                m.submodules[f"{name}_{b}"] = ram = Ram(bits * self.channels, depth, block=True)
                m.d.comb += [
                    ram.w_en.eq(enable & (beat == b)),
                    ram.w_addr.eq(addr),
                    ram.w_data.eq(Cat(word[first : first + bits] for word in words)),
                    ram.r_en.eq(read),
                    ram.r_addr.eq(at[choice:]),
                ]
                group.append(ram.r_data)
            group = Cat(group)
            if choice:
                group = group.word_select(
                    delay(m, at[:choice], 1, f"{name}_choice"), bits * self.lanes
                )
            m.d.comb += getattr(self, name).eq(delay(m, group, int(registered), name))
            first += bits
        return m
