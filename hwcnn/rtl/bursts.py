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

    The cuts keep bursts within 4 KiB. Latency: 2 cycles from `i` to `request` (3 with `room`). Throughput: one burst a
    cycle, and one idle cycle between reads. `i.ready`, `request` come from registers.

    Parameters
    ----------
    config : AccelConfig.
    max_burst : beats, a power of two.
    count_bits : bits of ``n_beats``.
    room : beats that the client has room for, at least `max_burst`; None: it always has.

    Members
    -------
    i : stream of `linear_layout(count_bits)`.
    request : as in `layouts.read_port`.
    freed : high in a cycle in which room for one more beat becomes free. credits : beats of room left, without `request`'s.
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
        active, free = Signal(), Signal()  # free: the next stage takes a burst
        addr = Signal(32 - self.beat_bits)  # in beats; a burst's place is its lowest bits
        bursts = Signal(len(self.i.payload.n_beats) + 1 - place_bits)  # left, this one included
        last_place = Signal(place_bits)  # of the read's last beat
        length, ends = Signal(range(self.max_burst + 1)), Signal()
        m.d.comb += [
            self.i.ready.eq(~active),
            ends.eq(bursts == 1),
            length.eq(Mux(ends, last_place, self.max_burst - 1) - addr[:place_bits] + 1),
        ]
        with m.If(self.i.valid & self.i.ready):
            first = self.i.payload.addr[self.beat_bits:]
            # Bits above a cut count the bursts, those below are the place of the read's last beat.
            end = self.i.payload.n_beats + (first[:place_bits] + (self.max_burst - 1))
            m.d.sync += [active.eq(1), addr.eq(first), Cat(last_place, bursts).eq(end)]
        with m.If(active & free):
            m.d.sync += [active.eq(~ends), bursts.eq(bursts - 1),
                         addr.eq(Cat(Const(0, place_bits), addr[place_bits:] + 1))]
        burst_addr = Cat(Const(0, self.beat_bits), addr)
        if self.room is None:
            self._register(m, active, burst_addr, length, free)
        else:
            self._wait_for_room(m, active, burst_addr, length, free)
        return m

    def _register(self, m, valid, addr, length, free):
        """The request register: takes a burst when `valid` and `free`, which it drives."""
        m.d.comb += free.eq(~self.request.valid | self.request.ready)
        with m.If(free):
            m.d.sync += self.request.valid.eq(valid)
            with m.If(valid):
                m.d.sync += [self.request.payload.addr.eq(addr), self.request.payload.length.eq(length)]

    def _wait_for_room(self, m, valid, addr, length, free):
        """A stage that holds a burst until there are credits for all its beats."""
        held, held_addr, held_length = Signal(), Signal(32), Signal.like(length)
        credits = self.credits
        enough, next_free = Signal(), Signal()
        issue = enough & held
        m.d.comb += [enough.eq(credits >= held_length), free.eq(~held | (enough & next_free))]
        with m.If(free):
            m.d.sync += held.eq(valid)
            with m.If(valid):
                m.d.sync += [held_addr.eq(addr), held_length.eq(length)]
        m.d.sync += credits.eq(credits + self.freed - Mux(issue & next_free, held_length, 0))
        self._register(m, issue, held_addr, held_length, next_free)
