"""The arbiter of requests: every client's burst goes on once, in order, and each client has its
turn.
"""

from amaranth import Cat, Mux
from follow import Followed
from harness import Mutant, Proof, taken

from hwcnn.config import bits_for
from hwcnn.rtl.bus.arbiter import RequestArbiter


def clients(h, streams, longest):
    """Clients that ask for bursts of 1 to `longest` beats, which stay until they are taken."""
    for k, stream in enumerate(streams):
        h.feed(f"client{k}", stream)
        h.assume((stream.payload.length != 0) & (stream.payload.length <= longest))


def choose(values, which):
    """The one of the values whose number is `which`."""
    chosen = 0
    for k, value in enumerate(values):
        chosen = Mux(which == k, value, chosen)
    return chosen


def arbiter(h, n, addr_bits=4):
    """`addr_bits`: low bits of the address that are followed."""
    m, dut = h.m, h.add("dut", RequestArbiter(n))
    clients(h, dut.i, 256)
    base, room, room_spare = h.constant("base", 32), h.any("room"), h.any("room_spare")
    h.drain("o", dut.o)
    spares = [h.any(f"spare{k}") for k in range(n)]
    m.d.comb += [
        dut.base.eq(base),
        dut.can_accept.eq(room),
        dut.can_accept_low.eq(room_spare),
        dut.back.eq(0),
        dut.low_priority.eq(Cat(spares)),
    ]
    takes = [taken(stream) for stream in dut.i]
    which = 0
    for k in range(1, n):
        which = Mux(takes[k], k, which)
    accepted, out = Cat(takes).any(), taken(dut.o)
    payload = choose([stream.payload.as_value() for stream in dut.i], which)
    followed = Followed(
        h,
        accepted,
        out,
        dut.AHEAD + 2,
        {
            "id": Mux(accepted, which, 0)[: bits_for(n)],
            "addr": payload[:addr_bits],
            "length": payload[32:41],
        },
    )
    number, addr, length = followed.values
    here, o = followed.here & dut.o.valid, dut.o.payload
    h.prove("one burst a cycle", sum(takes) <= 1)
    h.prove("accepted as said", dut.accepted == accepted)
    h.prove("no overflow", followed.inside <= dut.AHEAD + 2)
    h.prove("nothing made up", ~dut.o.valid | (followed.inside != 0))
    h.prove(
        "client's burst, in order",
        ~here
        | (o.id == number)
        & (o.len == (length - 1)[:8])
        & (o.addr[:addr_bits] == (addr + base[:addr_bits])[:addr_bits]),
    )
    h.prove("o is stable", h.steady(dut.o))
    before = h.past(accepted)
    h.prove(
        "taken, client, length",
        (dut.taken == before)
        & (dut.length == Mux(before, h.past(payload[32:41]), 0))
        & (~before | (dut.client == h.past(which))),
    )
    for kind, allowed in (("", room), ("spare ", room_spare)):
        h.prove(
            f"no {kind}burst without room",
            ~Cat(t & (s if kind else ~s) for t, s in zip(takes, spares, strict=True)).any()
            | h.past(allowed),
        )
    # Fairness: memory takes within `limit` cycles, there is room, and no client changes its mind
    # about what is spare.
    open_ = h.waits(room & room_spare & (dut.o.ready | ~dut.o.valid) & ~Cat(spares).any(), 63)
    wait = h.waits(dut.i[0].valid & ~dut.i[0].ready & (open_ > 12), 63)
    h.prove("each in its turn", wait <= 4 * n)
    h.reach("most inside", followed.inside == dut.AHEAD - 2)
    h.reach(
        "all clients had a burst",
        followed.here & dut.o.valid & (number == n - 1) & (length == 3) & h.ever(takes[0]),
    )


_ARBITER = (
    Mutant(
        "bus/arbiter.py",
        "fits = level <= self.AHEAD - 4",
        "fits = level <= self.AHEAD - 1",
        "no overflow",
    ),
    Mutant(
        "bus/arbiter.py",
        "self.client.eq(select((turn[k], k) for k in range(self.n)))",
        "self.client.eq(select((turn[k], self.n - 1 - k) for k in range(self.n)))",
        "client's burst, in order",
    ),
    Mutant(
        "bus/arbiter.py",
        "m.d.sync += turn.eq(following)",
        "m.d.sync += turn.eq(turn | following)",
        "one burst a cycle",
    ),
    Mutant(
        "bus/arbiter.py", "waiting[k] & Cat(", "waiting[k] & ~waiting[0] & Cat(", "each in its turn"
    ),
)
PROOFS = [
    Proof(
        "RequestArbiter",
        arbiter,
        {"n": 2},
        _ARBITER,
        {"client's burst, in order": 12},
        narrow={"rtl.bus.arbiter.RequestArbiter.HISTORY": 16},
    ),
    Proof("RequestArbiter", arbiter, {"n": 3}, bounds={"client's burst, in order": 12}),
]
