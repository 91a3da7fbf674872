"""From linear reads to AXI bursts."""

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for


def linear_layout(count_bits):
    """addr: byte address, rounded down to a beat; n_beats: beats to read, >= 1."""
    return data.StructLayout({"addr": 32, "n_beats": count_bits})


class BurstSplitter(wiring.Component):
    """Cuts linear reads at multiples of `max_burst` beats, and issues the bursts for which there is room.

    The cuts keep bursts within 4 KiB. A read stays on `i` until its last burst is taken. Latency: none (`request` depends
    combinationally on `i`, ``i.ready`` on ``request.ready``). Throughput: one burst a cycle, also from read to read.

    Parameters
    ----------
    config : AccelConfig.
    max_burst : beats, a power of two.
    count_bits : bits of ``n_beats``.
    room : beats that the client has room for, at least `max_burst`; None: it always has. A burst, short or long, is issued
        while there is room for `max_burst` beats.

    Members
    -------
    i : stream of `linear_layout(count_bits)`.
    request : as in `layouts.read_port`.
    freed : high in a cycle in which room for one more beat becomes free. credits : beats of room left.
    """

    def __init__(self, config, max_burst, count_bits, room=None):
        if max_burst * config.axi_bytes > 4096 or max_burst & max_burst - 1:
            raise ValueError(f"expected a power of two of beats within 4 KiB, not {max_burst!r}")
        if room is not None and room < max_burst:
            raise ValueError(f"expected room for a burst of {max_burst} beats, not {room!r}")
        self.max_burst, self.room, self.beat_bits = max_burst, room, bits_for(config.axi_bytes)
        super().__init__({
            "i": In(stream.Signature(linear_layout(count_bits))),
            "request": Out(stream.Signature(data.StructLayout({"addr": 32, "length": 9}))),
            "freed": In(1), "credits": Out(range((room or 0) + 1), init=room or 0),
        })

    def elaborate(self, platform):
        m = Module()
        place_bits = bits_for(self.max_burst)
        read, request = self.i.payload, self.request.payload
        addr, place = read.addr[self.beat_bits:], Signal(place_bits)  # in beats; of the burst's first beat
        burst = Signal(len(read.n_beats) + 1 - place_bits)  # of the read
        last_burst, last_place = Signal.like(burst), Signal(place_bits)  # of the read's last beat
        ends, accepted = Signal(), Signal()
        m.d.comb += [
            Cat(last_place, last_burst).eq(addr[:place_bits] + read.n_beats - 1),
            place.eq(Mux(burst == 0, addr[:place_bits], 0)), ends.eq(burst == last_burst),
            request.addr.eq(Cat(Const(0, self.beat_bits), place, (addr[place_bits:] + burst)[:len(addr) - place_bits])),
            request.length.eq(Mux(ends, last_place, self.max_burst - 1) - place + 1),
            accepted.eq(self.request.valid & self.request.ready), self.i.ready.eq(accepted & ends),
        ]
        with m.If(accepted):
            m.d.sync += burst.eq(Mux(ends, 0, burst + 1))
        if self.room is None:
            m.d.comb += self.request.valid.eq(self.i.valid)
        else:
            m.d.comb += self.request.valid.eq(self.i.valid & (self.credits >= self.max_burst))
            m.d.sync += self.credits.eq(self.credits - Mux(accepted, request.length, 0) + self.freed)
        return m
