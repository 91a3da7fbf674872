"""From linear reads to AXI bursts."""

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.rtl.lib.fifo import StreamRegister


def linear_layout(count_bits: int) -> data.StructLayout:
    """addr: byte address, rounded down to a beat; n_beats: beats to read, >= 1."""
    return data.StructLayout({"addr": 32, "n_beats": count_bits})


class BurstSplitter(wiring.Component):
    """Cuts linear reads at multiples of `max_burst` beats, and issues the bursts for which there is
    room.

    The cuts keep bursts within 4 KiB. Latency: 2 cycles from `i` to `request`. Throughput: one
    burst in two cycles, also from read to read. All outputs come from registers.

    Parameters
    ----------
    config : AccelConfig.
    max_burst : beats, a power of two.
    count_bits : bits of ``n_beats``.
    capacity : beats that the client has room for, at least `max_burst`; None: any number. A burst
    is issued while there is room for `max_burst` beats, however short it is.
    eager : a request before which so many beats, about, are taken room for has low priority; None:
    no request has.

    Members
    -------
    i : stream of `linear_layout(count_bits)`.
    request, low_priority : as in `layouts.read_port`.
    freed : high in a cycle in which room for one more beat becomes free.
    """

    def __init__(
        self,
        config: AccelConfig,
        max_burst: int,
        count_bits: int,
        capacity: int | None = None,
        eager: int | None = None,
    ) -> None:
        if max_burst * config.axi_bytes > 4096 or max_burst & max_burst - 1:
            raise ValueError(f"expected a power of two of beats within 4 KiB, not {max_burst!r}")
        if capacity is not None and capacity < max_burst:
            raise ValueError(f"expected a capacity of a burst, {max_burst} beats, not {capacity!r}")
        self.max_burst, self.capacity, self.eager, self.beat_bits = (
            max_burst,
            capacity,
            eager,
            bits_for(config.axi_bytes),
        )
        super().__init__(
            {
                "i": In(stream.Signature(linear_layout(count_bits))),
                "request": Out(stream.Signature(data.StructLayout({"addr": 32, "length": 9}))),
                "low_priority": Out(1),
                "freed": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.out = out = StreamRegister(self.request.payload.shape())
        burst, has_credit, step = out.i.payload, Signal(init=1), Signal()
        self._cut(m, burst, has_credit & out.i.ready, step)
        if self.capacity is not None:
            self._reserve(m, self.capacity, burst, has_credit, step)
        wiring.connect(m, out.o, wiring.flipped(self.request))
        m.d.comb += out.i.valid.eq(step)
        return m

    def _cut(self, m: Module, out: data.View, free: Value, step: Value) -> None:
        """Holds a read while its bursts go out, one in each `step`, which happens when it is
        `free`.
        """
        place_bits = bits_for(self.max_burst)
        read, pending = self.i.payload, Signal()
        addr = read.addr[self.beat_bits :]  # in beats
        # Of the read's first beat; of the burst: which one of the read, its first beat's place,
        # whether it is the last.
        base, burst = (
            Signal(len(addr) - place_bits, reset_less=True),
            Signal(len(read.n_beats) + 1 - place_bits),
        )
        place, ends = Signal(place_bits, reset_less=True), Signal(reset_less=True)
        # The read's last burst follows burst `before_last`, which is negative where there is only
        # one.
        before_last, last_place = (
            Signal(signed(len(burst) + 1), reset_less=True),
            Signal(place_bits, reset_less=True),
        )
        end = Signal(len(before_last) + place_bits)
        m.d.comb += [
            end.eq(read.n_beats + (addr[:place_bits] - (self.max_burst + 1))),
            step.eq(pending & free),
            self.i.ready.eq(~pending),
            out.addr.eq(Cat(Const(0, self.beat_bits), place, (base + burst)[: len(base)])),
            out.length.eq(Mux(ends, last_place, self.max_burst - 1) - place + 1),
        ]
        m.d.sync += pending.eq(Mux(pending, ~(step & ends), self.i.valid))
        with m.If(step):
            m.d.sync += [
                burst.eq(Mux(ends, 0, burst + 1)),
                place.eq(0),
                ends.eq(burst == before_last),
            ]
        with m.If(~pending):
            m.d.sync += [
                base.eq(addr[place_bits:]),
                place.eq(addr[:place_bits]),
                Cat(last_place, before_last).eq(end),
                ends.eq(end[-1]),
            ]

    def _reserve(
        self, m: Module, capacity: int, out: data.View, has_credit: Value, step: Value
    ) -> None:
        """Takes room for each burst; `has_credit` allows one in the next cycle, if there is none in
        this.
        """
        length = out.length[: bits_for(self.max_burst + 1)]
        credits, change = (
            Signal(range(capacity + 1), init=capacity),
            Signal(signed(len(length) + 1)),
        )
        after, freed = Signal.like(credits), Signal()
        m.d.comb += after.eq(credits + change)
        m.d.sync += [
            freed.eq(self.freed),
            # What a burst of this cycle takes is not in `after` yet, but will be before the next
            # can go, two cycles later.
            change.eq(freed - Mux(step, length, 0)),
            credits.eq(after),
            has_credit.eq(after >= self.max_burst),
        ]
        if self.eager is not None and self.eager + self.max_burst < capacity:
            # As it is now: a burst of low priority is needed when it has waited long enough. One
            # burst waits at `request`.
            m.d.sync += self.low_priority.eq(after < capacity - self.eager - self.max_burst)
