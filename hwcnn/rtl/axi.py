"""Clients' read and write ports onto one AXI4 master each."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..config import bits_for
from .fifo import StreamFifo
from .layouts import read_port, write_port

AXI_INCR = 1


class RequestArbiter(wiring.Component):
    """Merges bursts of n clients, round robin, and adds the base address. A spare burst goes where no other waits.

    Latency: 3 cycles from a client to `o`, 4 where another one had the turn before. Throughput: one burst a cycle.
    ``i[k].ready`` depends combinationally on `room`, and of a spare burst on the others' ``valid``; `o` on nothing.

    Members
    -------
    i : n streams of {addr, length}; spare : a bit for each; base : byte address added to every burst's.
    room, room_spare : accept a burst, or a spare one, only while it is high.
    accepted, client, length : this burst of `client` is accepted in this cycle.
    o : stream of {id, addr, len}, ``len`` being beats - 1, as AXI has it.
    """

    def __init__(self, n):
        self.n = n
        burst = data.StructLayout({"addr": 32, "length": 9})
        super().__init__({
            "i": In(stream.Signature(burst)).array(n), "spare": In(n),
            "base": In(32), "room": In(1), "room_spare": In(1), "accepted": Out(1), "client": Out(bits_for(n)), "length": Out(9),
            "o": Out(stream.Signature(data.StructLayout({"id": bits_for(n), "addr": 32, "len": 8}))),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.fifo = fifo = StreamFifo(self.o.payload.shape(), 4)
        wiring.connect(m, fifo.o, wiring.flipped(self.o))
        turn, may = Signal(bits_for(self.n)), Signal()
        held, held_id, held_burst = Signal(), Signal.like(turn), Signal(self.i[0].payload.shape())
        # Two bursts can be on their way into the FIFO of 4 when `level` shows 2.
        m.d.comb += [may.eq(fifo.level <= 2), self.client.eq(turn)]
        m.d.sync += [held.eq(self.accepted), held_id.eq(turn)]
        valid = Cat(port.valid for port in self.i)
        soon = Signal(self.n)  # bursts that are not spare
        candidates = Signal(self.n)
        m.d.comb += [
            soon.eq(valid & ~self.spare),
            candidates.eq(Mux(soon.any(), Mux(self.room, soon, 0), Mux(self.room_spare, valid, 0))),
        ]
        with m.Switch(turn):
            for k in range(self.n):
                with m.Case(k):
                    m.d.comb += [self.i[k].ready.eq(may & candidates[k]), self.accepted.eq(may & candidates[k])]
                    m.d.comb += self.length.eq(self.i[k].payload.length)
                    m.d.sync += held_burst.eq(self.i[k].payload)
                    with m.If(may | ~candidates[k]):
                        self._pass_on(m, turn, candidates, k)
        m.d.comb += [
            fifo.i.valid.eq(held), fifo.i.payload.id.eq(held_id),
            fifo.i.payload.addr.eq(held_burst.addr + self.base), fifo.i.payload.len.eq(held_burst.length - 1),
        ]
        return m

    def _pass_on(self, m, turn, candidates, k):
        """The turn goes from client k to the next candidate; it stays where there is none."""
        for distance in range(self.n - 1, 0, -1):  # the last assignment wins
            following = (k + distance) % self.n
            with m.If(candidates[following]):
                m.d.sync += turn.eq(following)


def _address_members(prefix, n):
    return {f"{prefix}id": Out(bits_for(n)), f"{prefix}addr": Out(32), f"{prefix}len": Out(8), f"{prefix}size": Out(3),
            f"{prefix}burst": Out(2), f"{prefix}valid": Out(1), f"{prefix}ready": In(1)}


def _drive_address(m, axi, prefix, bursts, axi_bytes):
    """Put a stream of an arbiter on the AR or AW channel."""
    channel = {name: getattr(axi, prefix + name) for name in ("id", "addr", "len", "size", "burst", "valid", "ready")}
    m.d.comb += [channel[name].eq(bursts.payload[name]) for name in ("id", "addr", "len")]
    m.d.comb += [channel["size"].eq(bits_for(axi_bytes)), channel["burst"].eq(AXI_INCR),
                 channel["valid"].eq(bursts.valid), bursts.ready.eq(channel["ready"])]


class ReadMux(wiring.Component):
    """Read ports of n clients on the AR and R channels of an AXI4 master.

    A burst's id is its client's number, and the data goes back by it: memory may interleave ids; within an id it keeps
    order. Latency: 3 cycles from ``request`` to AR (4 where another client had the turn before), 1 from R to ``data``.
    Throughput: one burst and one beat a cycle, where memory answers within `IN_FLIGHT` cycles: more beats are not
    requested ahead, and none for spare bursts beyond `SPARE_IN_FLIGHT`, so that no client waits long behind what
    others prefetch. `rready` is always high. No path from the bus to the clients or back is combinational.

    Members
    -------
    clients : array of n `layouts.read_port`. base : added to every address; ar*, r* : AXI4.
    idle : all beats that were asked for have come.
    error, error_client : pulse where a beat came with SLVERR or DECERR, and whose it was.
    """

    IN_FLIGHT, SPARE_IN_FLIGHT = 128, 48

    def __init__(self, config, n):
        self.config, self.n = config, n
        super().__init__({
            "clients": In(read_port(config)).array(n), "base": In(32), "idle": Out(1),
            "error": Out(1), "error_client": Out(bits_for(n)),
            **_address_members("ar", n),
            "rid": In(bits_for(n)), "rdata": In(8 * config.axi_bytes), "rresp": In(2), "rlast": In(1),
            "rvalid": In(1), "rready": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.arbiter = arbiter = RequestArbiter(self.n)
        flight = Signal(range(self.IN_FLIGHT + 256))  # beats
        accepted = Mux(arbiter.accepted, arbiter.length, 0)
        m.d.sync += flight.eq(flight + accepted - self.rvalid)
        m.d.comb += [arbiter.base.eq(self.base), arbiter.room.eq(flight < self.IN_FLIGHT),
                     arbiter.room_spare.eq(flight < self.SPARE_IN_FLIGHT), self.rready.eq(1), self.idle.eq(flight == 0)]
        _drive_address(m, self, "ar", arbiter.o, self.config.axi_bytes)
        valid, client, beat, bad = Signal(), Signal.like(self.rid), Signal.like(self.rdata), Signal()
        m.d.sync += valid.eq(self.rvalid)
        with m.If(self.rvalid):
            m.d.sync += [client.eq(self.rid), beat.eq(self.rdata), bad.eq(self.rresp[1])]
        m.d.comb += [self.error.eq(valid & bad), self.error_client.eq(client)]
        for k in range(self.n):
            port = self.clients[k]
            wiring.connect(m, wiring.flipped(port.request), arbiter.i[k])
            m.d.comb += [arbiter.spare[k].eq(port.spare), port.data.valid.eq(valid & (client == k)), port.data.payload.eq(beat)]
        return m


class WriteMux(wiring.Component):
    """Write ports of n clients on the AW, W and B channels of an AXI4 master.

    Latency: 3 cycles from ``request`` to AW (4 where another client had the turn before), 1 more to W, 2 from ``data``
    to W, 1 from B to ``response``. Throughput: one burst and one beat a cycle, without idle cycles between bursts. W
    beats come in the order of the AW bursts; as AXI4 demands, they do not wait for AW to be accepted. `bready` is
    always high. No path from the bus to the clients or back is combinational.

    Members
    -------
    clients : array of n `layouts.write_port`. base : added to every address; aw*, w*, b* : AXI4.
    idle : all bursts that were accepted have their responses.
    error, error_client : pulse where a response was SLVERR or DECERR, and whose it was.
    """

    ORDER_DEPTH = 8

    def __init__(self, config, n):
        self.config, self.n = config, n
        super().__init__({
            "clients": In(write_port(config)).array(n), "base": In(32), "idle": Out(1),
            "error": Out(1), "error_client": Out(bits_for(n)),
            **_address_members("aw", n),
            "wdata": Out(8 * config.axi_bytes), "wstrb": Out(config.axi_bytes), "wlast": Out(1),
            "wvalid": Out(1), "wready": In(1),
            "bid": In(bits_for(n)), "bresp": In(2), "bvalid": In(1), "bready": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        m.submodules.arbiter = arbiter = RequestArbiter(self.n)
        m.submodules.order = order = StreamFifo(bits_for(self.n), self.ORDER_DEPTH)  # clients of the accepted bursts
        m.submodules.beats = beats = StreamFifo(self.clients[0].data.payload.shape(), 4, block=True)
        m.d.comb += [
            arbiter.base.eq(self.base), arbiter.room.eq(order.i.ready), arbiter.room_spare.eq(0),
            order.i.valid.eq(arbiter.accepted), order.i.payload.eq(arbiter.client),
        ]
        _drive_address(m, self, "aw", arbiter.o, self.config.axi_bytes)
        for k in range(self.n):
            wiring.connect(m, wiring.flipped(self.clients[k].request), arbiter.i[k])

        with m.Switch(order.o.payload):
            for k in range(self.n):
                source = self.clients[k].data
                with m.Case(k):
                    m.d.comb += [beats.i.valid.eq(order.o.valid & source.valid), beats.i.payload.eq(source.payload),
                                 source.ready.eq(order.o.valid & beats.i.ready)]
        m.d.comb += [
            order.o.ready.eq(beats.i.valid & beats.i.ready & beats.i.payload.last),
            self.wvalid.eq(beats.o.valid), beats.o.ready.eq(self.wready), self.wdata.eq(beats.o.payload.data),
            self.wstrb.eq(beats.o.payload.strobe), self.wlast.eq(beats.o.payload.last),
        ]
        self._responses(m, arbiter.accepted)
        return m

    def _responses(self, m, accepted):
        """Back to the clients, and `idle`."""
        flight = Signal(12)  # bursts
        valid, client, bad = Signal(), Signal.like(self.bid), Signal()
        m.d.sync += [
            valid.eq(self.bvalid), client.eq(self.bid), bad.eq(self.bresp[1]), flight.eq(flight + accepted - self.bvalid)]
        m.d.comb += [self.bready.eq(1), self.idle.eq(flight == 0), self.error.eq(valid & bad), self.error_client.eq(client)]
        m.d.comb += [self.clients[k].response.eq(valid & (client == k)) for k in range(self.n)]
