"""The burst splitter: every beat of every read once and in order, no burst across a cut, none
without room.
"""

from types import SimpleNamespace

from amaranth import Cat, Mux
from harness import Mutant, Proof, taken

from hwcnn.config import bits_for
from hwcnn.rtl.bus.bursts import BurstSplitter


def splitter(h, axi_bytes, max_burst, count_bits, room, eager=None):
    m = h.m
    dut, inner = h.add_open(
        "dut",
        BurstSplitter(SimpleNamespace(axi_bytes=axi_bytes), max_burst, count_bits, room, eager),
    )
    h.feed("i", dut.i)
    h.drain("request", dut.request)
    h.assume(~dut.i.valid | (dut.i.payload.n_beats != 0))
    ask, request, asked = taken(dut.request), dut.request.payload, dut.request.valid
    there, comes, done = reads(h, inner, "", dut.i, dut.request, axi_bytes, max_burst)
    free = 1
    freed = h.any("freed")
    m.d.comb += dut.freed.eq(freed)
    if room is not None:
        # beats asked for and not yet freed
        reserved = h.register("reserved", range(room + max_burst + 2))
        m.d.sync += reserved.eq(reserved + Mux(ask, request.length, 0) - freed)
        h.assume(~freed | (reserved != 0))
        free = reserved <= room - max_burst
        known = reserved + Mux(asked, request.length, 0)
        h.prove("never more than the room", known <= room)
        reserve(h, inner, "", dut.request, room, max_burst, known + h.past(freed))
        h.reach("all room taken", reserved == room)
    h.prove("asks when there is room", h.waits(there & ~asked & free, 6) <= 5)
    h.prove("takes a read", h.waits(~there & ~dut.i.ready, 4) <= 3)
    h.reach("a read of several bursts", done & h.ever(comes & ~done))


def reads(h, inner, path, i, asks, axi_bytes, max_burst):
    """The properties of the bursts that a splitter, at `path` in `inner`, asks for, and its lemmas.

    Returns whether beats are left to ask for, a burst comes to `asks` in this cycle, and it is its
    read's last.
    """
    m, take, request, beat_bits = h.m, taken(i), asks.payload, bits_for(axi_bytes)
    # The read inside, and its beats that are not yet asked for; a burst is looked at when it comes
    # to `request`.
    there, beat, left = (
        h.register("there"),
        h.register("beat", 32 - beat_bits),
        h.register("left", len(i.payload.n_beats)),
    )
    asked = asks.valid
    comes = asked & ~h.past(asked & ~taken(asks))
    done = comes & (request.length == left)
    with m.If(comes):
        m.d.sync += [
            beat.eq(beat + request.length),
            left.eq(left - request.length),
            there.eq(~done),
        ]
    with m.If(take):
        m.d.sync += [there.eq(1), beat.eq(i.payload.addr[beat_bits:]), left.eq(i.payload.n_beats)]

    place_bits = bits_for(max_burst)
    h.prove("address of the next beat", ~comes | there & (request.addr == beat << beat_bits))
    h.prove("beats of the read only", ~comes | (request.length != 0) & (request.length <= left))
    h.prove("no burst across a cut", ~comes | (beat[:place_bits] + request.length <= max_burst))
    h.prove(
        "bursts are whole",
        ~comes | (request.length == left) | ((beat + request.length)[:place_bits] == 0),
    )
    h.prove("a read at a time", ~(there & take & ~done))
    h.prove("request is stable", h.steady(asks))
    _cut(
        h,
        inner,
        path,
        there & ~done,
        (beat + Mux(comes, request.length, 0))[: len(beat)],
        (left - Mux(comes, request.length, 0))[: len(left)],
        max_burst,
    )
    return there, comes, done


def _cut(h, inner, path, there, beat, left, max_burst):
    """What the splitter's registers mean: `beat` and `left` are of the burst that comes next,
    `there`: there is one.
    """
    base, burst, place, ends, before_last, last_place, pending = (
        inner[f"{path}_cut.{name}"]
        for name in ("base", "burst", "place", "ends", "before_last", "last_place", "pending")
    )
    last = before_last + 1  # number of the last burst
    h.lemma("pending", pending == there)
    h.lemma("place", ~there | (Cat(place, (base + burst)[: len(base)]) == beat))
    h.lemma("end", ~there | (left == ((last - burst) * max_burst + last_place - place + 1)))
    h.lemma("last", ~there | (ends == (burst == last)) & (burst <= last) & (left != 0))
    h.lemma("first place", ~there | (burst == 0) | (place == 0))
    h.lemma("order in a beat", ~there | (burst != last) | (place <= last_place))
    h.lemma("burst at rest", there | (burst == 0))
    h.lemma(
        "burst in its bits",
        ~there | (last >= 0) & (last * max_burst + last_place <= (1 << len(left)) + max_burst - 3),
    )


def reserve(h, inner, path, asks, room, max_burst, known):
    """Credits and the room that is taken, as far as it is `known` to them, are all the room."""
    after = inner[f"{path}_reserve.credits"] + inner[f"{path}_reserve.change"]
    h.lemma("credits", after + known == room)
    h.lemma("has_credit", ~inner[f"{path}elaborate.has_credit"] | asks.valid | (after >= max_burst))


_MUTANTS = (
    Mutant(
        "bus/bursts.py",
        "has_credit.eq(after >= self.max_burst)",
        "has_credit.eq(after >= self.max_burst - 1)",
        "never more than the room",
    ),
    Mutant(
        "bus/bursts.py",
        "Mux(step, length, 0)",
        "Mux(step, length - 1, 0)",
        "never more than the room",
    ),
    Mutant(
        "bus/bursts.py",
        "ends.eq(burst == before_last)",
        "ends.eq(burst + 1 == before_last)",
        "beats of the read only",
    ),
    Mutant(
        "bus/bursts.py",
        "(addr[:place_bits] - (self.max_burst + 1))",
        "(addr[:place_bits] - self.max_burst)",
        "beats of the read only",
    ),
)

PROOFS = [
    Proof(
        "BurstSplitter",
        splitter,
        {"axi_bytes": 8, "max_burst": 4, "count_bits": 4, "room": 4},
        _MUTANTS,
        quick=True,
    ),
    Proof(
        "BurstSplitter",
        splitter,
        {"axi_bytes": 8, "max_burst": 16, "count_bits": 17, "room": 128, "eager": 16},
    ),
    Proof(
        "BurstSplitter", splitter, {"axi_bytes": 64, "max_burst": 16, "count_bits": 17, "room": 16}
    ),
    Proof(
        "BurstSplitter", splitter, {"axi_bytes": 8, "max_burst": 16, "count_bits": 17, "room": None}
    ),
]
