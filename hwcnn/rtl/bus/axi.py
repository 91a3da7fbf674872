"""Clients' read and write ports onto one AXI4 master each."""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Member, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.layouts import read_port, write_port
from hwcnn.rtl.lib.fifo import StreamFifo

from .arbiter import RequestArbiter, select

AXI_INCR = 1


def _state_members(n: int) -> dict[str, Member]:
    """What `ReadMux` and `WriteMux` are told and tell beside their clients."""
    return {
        "base": In(32),
        "idle": Out(1),
        "error": Out(1),
        "ended": Out(1),
        "client": Out(bits_for(n)),
        "back": In(1),
    }


def _address_members(prefix: str, n: int) -> dict[str, Member]:
    return {
        f"{prefix}id": Out(bits_for(n)),
        f"{prefix}addr": Out(32),
        f"{prefix}len": Out(8),
        f"{prefix}size": Out(3),
        f"{prefix}burst": Out(2),
        f"{prefix}valid": Out(1),
        f"{prefix}ready": In(1),
    }


def _drive_address(
    m: Module, axi: wiring.Component, prefix: str, bursts: stream.Interface, axi_bytes: int
) -> None:
    """Put a stream of an arbiter on the AR or AW channel."""
    channel = {
        name: getattr(axi, prefix + name)
        for name in ("id", "addr", "len", "size", "burst", "valid", "ready")
    }
    m.d.comb += [channel[name].eq(bursts.payload[name]) for name in ("id", "addr", "len")]
    m.d.comb += [
        channel["size"].eq(bits_for(axi_bytes)),
        channel["burst"].eq(AXI_INCR),
        channel["valid"].eq(bursts.valid),
        bursts.ready.eq(channel["ready"]),
    ]


class ReadMux(wiring.Component):
    """Read ports of n clients on the AR and R channels of an AXI4 master.

    A burst's id is its client's number, and the data goes back by it: memory may interleave ids;
    within an id it keeps order. Latency: 3 cycles from ``request`` to AR (5 where another client
    had the turn before), 1 from R to ``data``. Throughput: one burst and one beat a cycle, where
    memory answers within `IN_FLIGHT` cycles: more beats are not requested ahead, and none of low
    priority beyond `LOW_PRIORITY_IN_FLIGHT`, so that no client waits long behind what others
    prefetch.
    `rready` is always high. No path from the bus to the clients or back is combinational. In the
    cycle after a burst the bounds are lower by `MAX_BURST`, the longest that clients ask for.

    Members
    -------
    clients : array of n `layouts.read_port`. base : added to every address; ar*, r* : AXI4.
    idle : a cycle ago no client asked, and all beats had come.
    error, ended, client : a beat has come with SLVERR or DECERR, or was its burst's last; whose it
    was.
    back : as in `RequestArbiter`; AR shows the bursts of the past.
    """

    IN_FLIGHT, LOW_PRIORITY_IN_FLIGHT = 128, 48

    def __init__(self, config: AccelConfig, n: int) -> None:
        self.config, self.n = config, n
        super().__init__(
            {
                "clients": In(read_port(config)).array(n),
                **_state_members(n),
                **_address_members("ar", n),
                "rid": In(bits_for(n)),
                "rdata": In(8 * config.axi_bytes),
                "rresp": In(2),
                "rlast": In(1),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.arbiter = arbiter = RequestArbiter(self.n)
        valid, valids = Signal(), Signal(self.n)  # valids: for whom a beat is there
        bad, last, beat = (
            Signal(reset_less=True),
            Signal(reset_less=True),
            Signal.like(self.rdata, reset_less=True),
        )
        flight = Signal(range(self.IN_FLIGHT + 256))  # beats
        after = Signal.like(flight)
        m.d.comb += [
            after.eq(flight + (arbiter.length - valid)),
            arbiter.base.eq(self.base),
            arbiter.back.eq(self.back),
            self.rready.eq(1),
        ]
        for can_accept, bound in (
            (arbiter.can_accept, self.IN_FLIGHT),
            (arbiter.can_accept_low, self.LOW_PRIORITY_IN_FLIGHT),
        ):
            # The beats of a burst that is being accepted are not in `after` yet.
            m.d.comb += can_accept.eq(
                Mux(arbiter.accepted, after < bound - MAX_BURST, after < bound)
            )
        asked = Cat(port.request.valid for port in self.clients).any()
        m.d.sync += [flight.eq(after), self.idle.eq((flight == 0) & ~arbiter.taken & ~asked)]
        _drive_address(m, self, "ar", arbiter.o, self.config.axi_bytes)
        m.d.sync += [
            valid.eq(self.rvalid),
            valids.eq(Cat(self.rvalid & (self.rid == k) for k in range(self.n))),
        ]
        with m.If(self.rvalid):
            m.d.sync += [
                self.client.eq(self.rid),
                beat.eq(self.rdata),
                bad.eq(self.rresp[1]),
                last.eq(self.rlast),
            ]
        m.d.comb += [self.error.eq(valid & bad), self.ended.eq(valid & last)]
        for k in range(self.n):
            port = self.clients[k]
            wiring.connect(m, wiring.flipped(port.request), arbiter.i[k])
            m.d.comb += [
                arbiter.low_priority[k].eq(port.low_priority),
                port.data.valid.eq(valids[k]),
                port.data.payload.eq(beat),
            ]
        return m


class WriteMux(wiring.Component):
    """Write ports of n clients on the AW, W and B channels of an AXI4 master.

    Latency: 3 cycles from ``request`` to AW (5 where another client had the turn before), 3 more to
    W, of which 2 from ``data`` on, 1 from B to ``response``. Throughput: one burst and one beat a
    cycle, without idle cycles between bursts. W beats come in the order of the AW bursts; as AXI4
    demands, they do not wait for AW to be accepted. `bready` is always high. No path from the bus
    to the clients or back is combinational: that a beat is taken is decided a cycle before, from
    what is here, since a client has the data of the bursts that it requests. Where a burst's data
    ends is counted, as ``data.last`` comes late from the clients' RAM.

    Members
    -------
    clients : array of n `layouts.write_port`. base : added to every address; aw*, w*, b* : AXI4.
    idle : a cycle ago no client asked, and all bursts had their responses.
    error, ended, client : a response has come with SLVERR or DECERR, or with any; whose it was.
    back : as in `RequestArbiter`; AW shows the bursts of the past.
    """

    ORDER_DEPTH = BEATS = 8

    def __init__(self, config: AccelConfig, n: int) -> None:
        self.config, self.n = config, n
        super().__init__(
            {
                "clients": In(write_port(config)).array(n),
                **_state_members(n),
                **_address_members("aw", n),
                "wdata": Out(8 * config.axi_bytes),
                "wstrb": Out(config.axi_bytes),
                "wlast": Out(1),
                "wvalid": Out(1),
                "wready": In(1),
                "bid": In(bits_for(n)),
                "bresp": In(2),
                "bvalid": In(1),
                "bready": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.arbiter = arbiter = RequestArbiter(self.n)
        # Of the accepted bursts: client, length, and whether that is 1.
        m.submodules.order = order = StreamFifo(
            data.StructLayout({"client": bits_for(self.n), "length": 9, "single": 1}),
            self.ORDER_DEPTH,
        )
        m.submodules.beats = beats = StreamFifo(self.clients[0].data.payload.shape(), self.BEATS)
        m.d.comb += [
            arbiter.base.eq(self.base),
            arbiter.back.eq(self.back),
            arbiter.can_accept_low.eq(0),
            arbiter.can_accept.eq(
                order.level <= self.ORDER_DEPTH - 3
            ),  # as many can be on their way
            order.i.valid.eq(arbiter.taken),
            order.i.payload.client.eq(arbiter.client),
            order.i.payload.length.eq(arbiter.length),
            order.i.payload.single.eq(arbiter.length == 1),
        ]
        _drive_address(m, self, "aw", arbiter.o, self.config.axi_bytes)
        for k in range(self.n):
            wiring.connect(m, wiring.flipped(self.clients[k].request), arbiter.i[k])

        # the beat of a `step` is taken in the next cycle, from the client in `take`
        can_accept, step, take = Signal(), Signal(), Signal(self.n)
        m.d.sync += [
            can_accept.eq(beats.level <= self.BEATS - 3),  # as many can be on their way
            take.eq(Cat(step & (order.o.payload.client == k) for k in range(self.n))),
        ]
        m.d.comb += [
            step.eq(order.o.valid & can_accept),
            order.o.ready.eq(self._ends(m, order.o.payload, step)),
            *(port.data.ready.eq(bit) for port, bit in zip(self.clients, take, strict=True)),
            beats.i.valid.eq(take.any()),
            beats.i.payload.eq(
                select(
                    (bit, port.data.payload.as_value())
                    for port, bit in zip(self.clients, take, strict=True)
                )
            ),
            self.wvalid.eq(beats.o.valid),
            beats.o.ready.eq(self.wready),
            self.wdata.eq(beats.o.payload.data),
            self.wstrb.eq(beats.o.payload.strobe),
            self.wlast.eq(beats.o.payload.last),
        ]
        self._responses(m, arbiter)
        return m

    def _ends(self, m: Module, burst: data.View, step: Value) -> Value:
        """Whether the beat of this `step` is the last of the burst."""
        # the first beat has passed; the next one is the last; beats left
        inside, last, left = Signal(), Signal(), Signal(9)
        before, ends = Mux(inside, left, burst.length), Mux(inside, last, burst.single)
        with m.If(step):
            m.d.sync += [inside.eq(~ends), left.eq(before - 1), last.eq(before == 2)]
        return step & ends

    def _responses(self, m: Module, arbiter: RequestArbiter) -> None:
        """Back to the clients, and `idle`."""
        flight = Signal(12)  # bursts
        valid, bad = Signal(), Signal(reset_less=True)
        m.d.sync += [
            valid.eq(self.bvalid),
            self.client.eq(self.bid),
            bad.eq(self.bresp[1]),
            flight.eq(flight + arbiter.taken - valid),
            self.idle.eq(
                (flight == 0)
                & ~arbiter.taken
                & ~Cat(port.request.valid for port in self.clients).any()
            ),
        ]
        m.d.comb += [self.bready.eq(1), self.error.eq(valid & bad), self.ended.eq(valid)]
        m.d.comb += [self.clients[k].response.eq(valid & (self.client == k)) for k in range(self.n)]
