"""Streams between widths."""

from amaranth import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out


class Widen(wiring.Component):
    """Gathers `factor` items into one, the first in the lowest bits.

    Latency: 1 cycle after the last of them. Throughput: one narrow item a cycle. ``i.ready``
    depends on ``o.ready``.
    """

    def __init__(self, width: int, factor: int) -> None:
        self.width, self.factor = width, factor
        super().__init__(
            {"i": In(stream.Signature(width)), "o": Out(stream.Signature(width * factor))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count, full = Signal(range(self.factor)), Signal()
        word = Signal(self.width * self.factor)
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready),
            self.o.valid.eq(full),
            self.o.payload.eq(word),
        ]
        with m.If(self.o.ready):
            m.d.sync += full.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                word.eq(Cat(word[self.width :], self.i.payload)),
                count.eq(count + 1),
                full.eq(count == self.factor - 1),
            ]
        return m


class Narrow(wiring.Component):
    """Cuts an item into `factor` items of `width` bits, the lowest bits first.

    Latency: none (`o` is combinational from `i`, ``i.ready`` from ``o.ready``). Throughput: one
    narrow item a cycle.
    """

    def __init__(self, width: int, factor: int) -> None:
        self.width, self.factor = width, factor
        super().__init__(
            {"i": In(stream.Signature(width * factor)), "o": Out(stream.Signature(width))}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        at = Signal(range(self.factor))
        m.d.comb += [
            self.o.valid.eq(self.i.valid),
            self.o.payload.eq(self.i.payload.word_select(at, self.width)),
            self.i.ready.eq(self.o.ready & (at == self.factor - 1)),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += at.eq(at + 1)
        return m


def resize(
    m: Module, source: stream.Interface, source_width: int, width: int, name: str
) -> stream.Interface:
    """A stream of `width` bits from a submodule's output of `source_width` bits (powers of two),
    lowest bits first.
    """
    if width == source_width:
        return source
    box = (
        Widen(source_width, width // source_width)
        if width > source_width
        else Narrow(width, source_width // width)
    )
    m.submodules[name] = box
    wiring.connect(m, source, box.i)
    return box.o
