"""The bus: every burst goes to memory once, in order, as its client asked; data and responses go to
the client they are for.
"""

from types import SimpleNamespace

from amaranth import Cat, Const, Mux
from follow import Followed
from harness import Mutant, Proof, taken
from proofs_arbiter import choose, clients

from hwcnn.config import bits_for
from hwcnn.limits import MAX_BURST
from hwcnn.rtl.bus.axi import ReadMux, WriteMux


def _reads(h, n, add):
    """The block, added by `add`, what is inside, its clients' ports, and the beats that each asks
    for in the cycle.
    """
    m, dut = h.m, add("dut", ReadMux(SimpleNamespace(axi_bytes=2), n))
    dut, inner = dut if isinstance(dut, tuple) else (dut, None)
    ports = [dut.clients[k] for k in range(n)]
    clients(h, [port.request for port in ports], MAX_BURST)
    names = {"arready": 1, "rvalid": 1, "rid": bits_for(n), "rdata": 16, "rresp": 2, "rlast": 1}
    m.d.comb += [getattr(dut, name).eq(h.any(name, width)) for name, width in names.items()]
    m.d.comb += [
        dut.base.eq(h.constant("base", 32)),
        dut.back.eq(0),
        *(port.low_priority.eq(h.any(f"spare{k}")) for k, port in enumerate(ports)),
        *(port.data.ready.eq(1) for port in ports),
    ]
    h.assume(~dut.rvalid | (dut.rid < n))
    return (
        dut,
        inner,
        ports,
        [Mux(taken(port.request), port.request.payload.length, 0) for port in ports],
    )


def reads_room(h, n):
    """Beats in flight; a memory may answer as soon as a burst is accepted."""
    dut, inner, ports, asks = _reads(h, n, h.add_open)
    flight, asking = (
        h.register("flight", range(dut.IN_FLIGHT + MAX_BURST + 2)),
        Cat(port.request.valid for port in ports).any(),
    )
    h.m.d.sync += flight.eq(flight + sum(asks) - dut.rvalid)
    h.assume(~dut.rvalid | (flight != 0))
    turn = inner["arbiter.elaborate.turn"]
    h.lemma("one turn", (turn != 0) & ((turn & (turn - 1)) == 0))
    h.lemma("flight", inner["elaborate.after"] == flight)
    h.prove("beats in flight bounded", flight < dut.IN_FLIGHT + MAX_BURST)
    h.prove("idle means nothing in flight", ~dut.idle | ~h.past(asking) & (h.past(flight) == 0))
    h.prove("idle again", (h.waits((flight == 0) & ~asking, 7) < 6) | dut.idle)
    h.reach("two longest bursts in flight", flight == 2 * MAX_BURST)


def reads(h, n):
    """AR, and the way of data; memory answers bursts that it knows of."""
    m, (dut, _, ports, asks) = h.m, _reads(h, n, h.add)
    asked, known = (
        [h.register(f"{name}{k}", range(dut.IN_FLIGHT + MAX_BURST + 2)) for k in range(n)]
        for name in ("asked", "known")
    )
    issued = dut.arvalid & dut.arready
    for k in range(n):
        comes = dut.rvalid & (dut.rid == k)
        h.assume(~comes | (known[k] != 0))
        m.d.sync += asked[k].eq(asked[k] + asks[k] - comes)
        m.d.sync += known[k].eq(
            known[k]
            + Mux(issued & (dut.arid == k), dut.arlen[: bits_for(MAX_BURST)] + 1, 0)
            - comes
        )
    h.prove(
        "memory knows of no more than was asked",
        Cat(k <= a for k, a in zip(known, asked, strict=True)).all(),
    )
    ar = Cat(dut.arid, dut.araddr, dut.arlen, dut.arsize, dut.arburst)
    h.prove("AR is stable", ~h.past(dut.arvalid & ~dut.arready) | dut.arvalid & (ar == h.past(ar)))
    h.prove(
        "length within what was asked",
        ~dut.arvalid | (dut.arlen < MAX_BURST) & (dut.arburst == 1) & (dut.arsize == 1),
    )
    came, its = h.past(dut.rvalid), h.past(dut.rid)
    for k, port in enumerate(ports):
        h.prove(
            f"beats to client {k}",
            (port.data.valid == came & (its == k))
            & (~port.data.valid | (port.data.payload == h.past(dut.rdata))),
        )
    h.prove(
        "errors reported",
        (dut.error == came & h.past(dut.rresp[1])) & (~dut.error | (dut.client == its)),
    )
    h.prove("last beats reported", dut.ended == came & h.past(dut.rlast))
    h.prove(
        "asked bursts reach memory",
        h.waits((sum(asked) != 0) & ~dut.arvalid & (sum(known) == 0), 5) <= 4,
    )
    h.reach(
        "two bursts of both clients", issued & (dut.arid == 1) & h.ever(issued & (dut.arid == 0))
    )


def writes(h, n, longest):
    """Beats of two bytes. Clients have the data of the bursts that they ask for, and know where
    these end.

    A client's beats carry its number and how many it has sent before, modulo 4.
    """
    m, dut = h.m, h.add("dut", WriteMux(SimpleNamespace(axi_bytes=2), n))
    ports, bits, takes = [dut.clients[k] for k in range(n)], bits_for(longest + 1), []
    m.d.comb += [dut.base.eq(h.constant("base", 32)), dut.back.eq(0)]
    names = {"awready": 1, "wready": 1, "bvalid": 1, "bid": bits_for(n), "bresp": 2}
    m.d.comb += [getattr(dut, name).eq(h.any(name, width)) for name, width in names.items()]
    for k, port in enumerate(ports):
        takes.append(_writing_client(h, k, port, longest))
        h.prove(
            f"beats of client {k} taken only where there are", ~port.data.ready | port.data.valid
        )
    accepted, which = Cat(takes).any(), 0
    for k in range(1, n):
        which = Mux(takes[k], k, which)
    length = choose([port.request.payload.length for port in ports], which)[:bits]

    # W: bursts follow each other in the order of acceptance, which is AW's; `at`: beats of the
    # present one that have gone.
    w, at = dut.wvalid & dut.wready, h.register("at", bits)
    followed = Followed(
        h,
        accepted,
        w & dut.wlast,
        12,
        {"client": Mux(accepted, which, 0)[: bits_for(n)], "length": length},
    )
    client, beats = followed.values
    m.d.sync += at.eq(Mux(w, Mux(dut.wlast, 0, at + 1), at))
    payload, aw = (
        Cat(dut.wdata, dut.wstrb, dut.wlast),
        Cat(dut.awid, dut.awaddr, dut.awlen, dut.awsize, dut.awburst),
    )
    h.prove(
        "W is stable", ~h.past(dut.wvalid & ~dut.wready) | dut.wvalid & (payload == h.past(payload))
    )
    h.prove("AW is stable", ~h.past(dut.awvalid & ~dut.awready) | dut.awvalid & (aw == h.past(aw)))
    h.prove(
        "length as asked",
        ~dut.awvalid | (dut.awlen < longest) & (dut.awburst == 1) & (dut.awsize == 1),
    )
    h.prove("W belongs to accepted bursts", ~dut.wvalid | (followed.inside != 0))
    h.prove(
        "as many beats as asked, of the client in turn",
        ~(followed.here & dut.wvalid) | (dut.wdata[2] == client) & (dut.wlast == (at == beats - 1)),
    )
    h.prove("beats in order, each once", ~dut.wvalid | _in_order(h, dut, ports, w))
    came, its = h.past(dut.bvalid), h.past(dut.bid)
    h.assume(~dut.bvalid | (dut.bid < n))
    h.prove(
        "responses to their clients",
        Cat(port.response == came & (its == k) for k, port in enumerate(ports)).all(),
    )
    h.prove(
        "errors reported",
        (dut.error == came & h.past(dut.bresp[1])) & (~dut.error | (dut.client == its)),
    )
    h.reach(
        "two bursts of one client",
        w & dut.wlast & h.ever(w & dut.wlast & (dut.wdata[2] == 0)) & (dut.wdata[2] == 0),
    )


def _writing_client(h, k, port, longest):
    """A client whose bursts have one of four free lengths in turn; returns whether one is taken."""
    m, bits = h.m, bits_for(longest + 1)
    lengths = [h.constant(f"length{k}_{j}", bits) for j in range(4)]
    for length in lengths:
        h.assume((length != 0) & (length <= longest))
    asks, addr = h.any(f"asks{k}"), h.any(f"addr{k}", 32)
    asked, ended, gone, sent, left = (
        h.register(f"{name}{k}", width)
        for name, width in (("asked", 2), ("ended", 2), ("gone", bits), ("sent", 2), ("left", 6))
    )
    take, beat, last = taken(port.request), taken(port.data), port.data.payload.last
    m.d.comb += [
        port.request.valid.eq(asks),
        port.request.payload.addr.eq(addr),
        port.request.payload.length.eq(choose(lengths, asked)),
        port.data.valid.eq(left != 0),
        port.data.payload.data.eq(Cat(sent, Const(k, 1))),
        port.data.payload.strobe.eq(3),
        last.eq(gone == choose(lengths, ended) - 1),
    ]
    h.assume(h.steady(port.request))
    m.d.sync += [
        asked.eq(asked + take),
        left.eq(left + Mux(take, choose(lengths, asked), 0) - beat),
    ]
    with m.If(beat):
        m.d.sync += [sent.eq(sent + 1), gone.eq(Mux(last, 0, gone + 1)), ended.eq(ended + last)]
    return take


def _in_order(h, dut, ports, w):
    """The beat at W is the one of its client that follows the last that went."""
    right = 0
    for k in range(len(ports)):
        went, its = h.register(f"went{k}", 2), dut.wdata[2] == k
        h.m.d.sync += went.eq(went + (w & its))
        right |= its & (dut.wdata[:2] == went)
    return right


_WRITES = (
    Mutant(
        "bus/axi.py",
        "last.eq(before == 2)",
        "last.eq(before == 1)",
        "as many beats as asked, of the client in turn",
    ),
    Mutant(
        "bus/axi.py",
        "order.i.payload.single.eq(arbiter.length == 1)",
        "order.i.payload.single.eq(arbiter.length == 2)",
        "beats of client 0 taken only where there are",
    ),
)
_ROOM = (
    Mutant(
        "bus/axi.py",
        "(flight == 0) & ~arbiter.taken & ~asked",
        "(flight == 0) & ~asked",
        "idle means nothing in flight",
    ),
    Mutant(
        "bus/axi.py",
        "after < bound - MAX_BURST, after < bound)",
        "after < bound, after < bound + MAX_BURST)",
        "beats in flight bounded",
    ),
)
_READS = (
    Mutant("bus/axi.py", "(self.rid == k) for k", "(self.rid >= k) for k", "beats to client 0"),
)
_SMALL = {
    "limits.MAX_BURST": 2,
    "rtl.bus.arbiter.RequestArbiter.HISTORY": 16,
    "rtl.bus.arbiter.RequestArbiter.AHEAD": 8,
}
PROOFS = [
    Proof(
        "ReadMux",
        reads_room,
        {"n": 2},
        _ROOM,
        narrow=_SMALL
        | {"rtl.bus.axi.ReadMux.IN_FLIGHT": 8, "rtl.bus.axi.ReadMux.LOW_PRIORITY_IN_FLIGHT": 4},
    ),
    Proof("ReadMux", reads_room, {"n": 7}),
    Proof(
        "ReadMux",
        reads,
        {"n": 2},
        _READS,
        dict.fromkeys(
            (
                "memory knows of no more than was asked",
                "length within what was asked",
                "asked bursts reach memory",
            ),
            10,
        ),
        narrow=_SMALL
        | {"rtl.bus.axi.ReadMux.IN_FLIGHT": 8, "rtl.bus.axi.ReadMux.LOW_PRIORITY_IN_FLIGHT": 4},
    ),
    Proof(
        "WriteMux",
        writes,
        {"n": 2, "longest": 3},
        _WRITES,
        dict.fromkeys(
            (
                "beats of client 0 taken only where there are",
                "beats of client 1 taken only where there are",
                "length as asked",
                "W belongs to accepted bursts",
                "as many beats as asked, of the client in turn",
                "beats in order, each once",
            ),
            16,
        ),
        narrow={
            "rtl.bus.arbiter.RequestArbiter.HISTORY": 16,
            "rtl.bus.axi.WriteMux.ORDER_DEPTH": 4,
            "rtl.bus.axi.WriteMux.BEATS": 4,
        },
    ),
]
