"""The stream buffers that every block uses."""

from amaranth import Const, Module, Mux, Signal
from amaranth.hdl import ShapeLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import bits_for

from .delay import output_register
from .ram import Ram


class StreamFifo(wiring.Component):
    """First-in first-out buffer of a stream, on block or distributed RAM.

    Latency: 2 cycles from `i` to `o` when empty. Throughput: one item a cycle. `i.ready` and
    `o.valid` come from registers.

    Parameters
    ----------
    shape : shape of the payload.
    depth : items held in the RAM, a power of two, at least 4; the output register holds one more.
    block : as in `ram.Ram`.
    history : words of the RAM, a power of two, if more than `depth`, so that items of the past can
    be looked at again, by `back`.

    Members
    -------
    i, o : streams of `shape`.
    level : items inside, the output register included (0 to depth + 1); for a cycle an item that
    moves to it counts twice.
    back : with `history`: only when empty, after which nothing may be put in before a reset.
    ``o.payload`` shows in the next cycle, without
        ``o.valid``, a former item: the first time one of no use, then the last, the one before, and
        so on, `history` - 1 in all.
    """

    def __init__(
        self, shape: ShapeLike, depth: int, block: bool = False, history: int | None = None
    ) -> None:
        if depth < 4 or depth & depth - 1:
            raise ValueError(f"expected a depth that is a power of two, at least 4, not {depth!r}")
        self.shape, self.depth, self.block, self.history = shape, depth, block, history
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(bits_for(depth + 2)),
            }
            | ({"back": In(1)} if history else {})
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload = Signal(self.shape)
        width = len(payload.as_value() if hasattr(payload, "as_value") else payload)
        m.submodules.ram = ram = Ram(width, self.history or self.depth, self.block)
        write, read = Signal(len(ram.w_addr)), Signal(len(ram.r_addr))
        # In the RAM, not yet read out; what is read out counts for a cycle more (`fetched`).
        stored, fetched = Signal(range(self.depth + 1)), Signal()
        not_full, any_stored = (
            Signal(init=1),
            Signal(),
        )  # another one fits; there is one to read out
        full_out = Signal()  # the RAM's read register holds an item
        push, pop, fetch = Signal(), Signal(), Signal()
        back = self.back if self.history else Const(0)
        raw_i = self.i.payload.as_value() if hasattr(self.i.payload, "as_value") else self.i.payload
        raw_o = self.o.payload.as_value() if hasattr(self.o.payload, "as_value") else self.o.payload
        m.d.comb += [
            self.i.ready.eq(not_full),
            push.eq(self.i.valid & self.i.ready),
            pop.eq(self.o.valid & self.o.ready),
            fetch.eq(any_stored & (~full_out | pop)),
            self.o.valid.eq(full_out),
            raw_o.eq(ram.r_data),
            ram.w_en.eq(push),
            ram.w_addr.eq(write),
            ram.w_data.eq(raw_i),
            ram.r_en.eq(fetch | back),
            ram.r_addr.eq(read),
            self.level.eq(stored + full_out),
        ]
        m.d.sync += [
            fetched.eq(fetch),
            stored.eq(stored + push - fetched),
            any_stored.eq(push | (any_stored & ~(fetch & (stored == Mux(fetched, 2, 1))))),
            not_full.eq(fetched | (not_full & ~(push & (stored == self.depth - 1)))),
            full_out.eq(fetch | (full_out & ~pop)),
        ]
        with m.If(push):
            m.d.sync += write.eq(write + 1)
        with m.If(fetch):
            m.d.sync += read.eq(read + 1)
        if self.history:
            with m.If(back):
                m.d.sync += read.eq(read - 1)
        return m


class _Registers(wiring.Component):
    """A stream buffer of registers.

    Members
    -------
    i, o : streams of `shape`.
    """

    def __init__(self, shape: ShapeLike) -> None:
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})


class StreamRegister(_Registers):
    """Holds an item of a stream until it is taken.

    Latency: 1 cycle. Throughput: an item in two cycles. Neither `i.ready` nor `o` depends
    combinationally on the other side.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        payload = output_register(m, self.o.payload)
        m.d.comb += self.i.ready.eq(~self.o.valid)
        m.d.sync += self.o.valid.eq(Mux(self.o.valid, ~self.o.ready, self.i.valid))
        with m.If(~self.o.valid):
            m.d.sync += payload.eq(self.i.payload)
        return m


class SkidBuffer(_Registers):
    """Two registers that cut a stream's paths in both directions.

    Latency: 1 cycle. Throughput: an item a cycle. `i.ready` and all of `o` come from registers.
    """

    def elaborate(self, platform: object) -> Module:
        m = Module()
        skid = Signal.like(self.i.payload, reset_less=True)  # what came while `o` was not taken
        full, payload = Signal(), output_register(m, self.o.payload)  # full: `skid` holds an item
        m.d.comb += self.i.ready.eq(~full)
        with m.If(~full):
            m.d.sync += skid.eq(self.i.payload)
        goes = ~self.o.valid | self.o.ready
        m.d.sync += [
            self.o.valid.eq(~goes | self.i.valid | full),
            full.eq(~goes & (self.i.valid | full)),
        ]
        with m.If(goes):
            m.d.sync += payload.eq(Mux(full, skid, self.i.payload))
        return m
