"""Local response normalisation across channels: the sums of squares, and their factors from a
table.
"""

from collections.abc import Sequence

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig, bits_for
from hwcnn.limits import lrn_fill_steps, lrn_lookups, lrn_steps
from hwcnn.rtl.layouts import param_port
from hwcnn.rtl.lib.ram import Ram

from .lrn_sequence import LrnSequence, Step

#: ``dest`` of a PARAM instruction that fills the table; words in it, and bits of its values.
TABLE_DEST, TABLE_WORDS, TABLE_BITS = 2, 1024, 17
#: |x + ca| <= 255, so a square has 16 bits, and five of them have 19.
SQUARE_BITS, TOTAL_BITS = 16, 19
#: A sum's index is found in two steps: first by how far its top bits are from bit 0, either 0 or
#: these; what then is left of it.
_FAR, _NEAR = 6, TOTAL_BITS - 6


class LrnFactors(wiring.Component):
    """For each pixel and channel block, the vector and its lanes' factors ``table[index(S)]``.

    S is the sum of (x + ca)**2 over `half` (0 to 2) channels to each side. Block k is worked on
    when its neighbour k + 1 arrives: the vectors of block k wait in a RAM, and beside each the last
    four squares that were added up at that pixel (the top two lanes of block k - 1, and the low two
    of block k), so that no square is computed twice. The last block is worked on after the last
    input, with nothing above it.

    `lrn_lookups` lanes a cycle, so `lrn_steps` cycles a vector; `limits.lrn_cycles` in all.
    Latency: `LATENCY` from a vector's last step to `o`. `i.ready` is a register.

    Members
    -------
    n_blk, n_pixels, ca, half : of the instruction, stable while busy. start : pulse, while not
    busy. busy : not done yet.
    params : beats of PARAM; those of dest 2 fill the table.
    i : stream of vectors, block by block. has_credit : a result can be taken; reserve : one is
    begun (so it will come), and `has_credit` is not looked at in the next cycle.
    factors : {en, group, values}: the factors of lanes group*lookups and on. o : {valid, vector}:
    with the vector's last factors its lower half, the upper half a cycle later.
    """

    LATENCY = 8

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        self.lookups, self.steps = lrn_lookups(config), lrn_steps(config)
        super().__init__(
            {
                "n_blk": In(16),
                "n_pixels": In(16),
                "ca": In(signed(18)),
                "half": In(2),
                "start": In(1),
                "busy": Out(1),
                "params": In(param_port(config)),
                "i": In(stream.Signature(8 * config.lanes)),
                "has_credit": In(1),
                "reserve": Out(1),
                "factors": Out(
                    wiring.Signature(
                        {
                            "en": Out(1),
                            "group": Out(bits_for(self.steps)),
                            "values": Out(data.ArrayLayout(TABLE_BITS, self.lookups)),
                        }
                    )
                ),
                "o": Out(wiring.Signature({"valid": Out(1), "vector": Out(8 * config.lanes // 2)})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sequence = LrnSequence(self.config)
        sequence.build(m, self.i, self.has_credit, self.start, self.n_blk, self.n_pixels, self.busy)
        m.d.comb += self.reserve.eq(sequence.reserve)
        squares, ages = self._squares(m, sequence.step)
        totals = self._totals(m, squares, ages)
        self._lookup(m, totals, ages)
        return m

    def _squares(self, m: Module, step: Step) -> tuple[list[Signal], list[Step]]:
        """Cycles 1 and 2 of a step: the squares of the lanes two above its own; and its control, by
        age.
        """
        n = self.lookups
        ages = [{k: step[k] for k in ("valid", "first", "last", "group", "fill", "pixel")}]
        for age in range(1, self.LATENCY + 1):
            now = {k: Signal.like(v, name=f"{k}{age}") for k, v in ages[-1].items()}
            m.d.sync += [now[k].eq(v) for k, v in ages[-1].items()]
            m.d.sync += [now[k].eq(ages[-1]["valid"] & ages[-1][k]) for k in ("first", "last")]
            ages.append(now)
        # Lanes of the block above in this step: the last two of them all, and none of them if the
        # block above does not exist.
        above = step["group"] >= self.steps - lrn_fill_steps(self.config)
        keep = [
            Mux(above, ~step["flush"] if n == 1 or j >= n - 2 else ~step["fill"], 1)
            for j in range(n)
        ]
        squares = []
        for j in range(n):
            d, kept = Signal(signed(9), name=f"d{j}", reset_less=True), Signal(name=f"kept{j}")
            square = Signal(SQUARE_BITS, name=f"square{j}", reset_less=True)
            with m.If(step["valid"]):
                m.d.sync += [
                    d.eq(step["lanes"].word_select(j, 8).as_signed() + self.ca),
                    kept.eq(keep[j]),
                ]
            with m.If(ages[1]["valid"]):
                m.d.sync += square.eq(Mux(kept, d * d, 0))
            squares.append(square)
        self._results(m, step, ages)
        return squares, ages

    def _results(self, m: Module, step: Step, ages: Sequence[Step]) -> None:
        """The halves of a vector wait in a RAM for its factors, at most two vectors more behind it:
        they end 4 cycles apart.
        """
        half = 4 * self.config.lanes
        m.submodules.results = ram = Ram(half, 8, block=True)
        write, read, ends = Signal(3), Signal(3), Signal()
        m.d.comb += [
            ram.w_en.eq((step["before_last"] | step["last"]) & ~step["fill"]),
            ram.w_addr.eq(write),
            ram.w_data.eq(Mux(step["last"], step["vector"][half:], step["vector"][:half])),
            ends.eq(ages[self.LATENCY - 1]["last"] & ~ages[self.LATENCY - 1]["fill"]),
            ram.r_en.eq(ends | self.o.valid),
            ram.r_addr.eq(read),
            self.o.vector.eq(ram.r_data),
        ]
        m.d.sync += [write.eq(write + ram.w_en), read.eq(read + ram.r_en), self.o.valid.eq(ends)]

    def _totals(
        self, m: Module, squares: Sequence[Signal], ages: Sequence[Step]
    ) -> list[tuple[Signal, Signal]]:
        """Cycles 3 to 5: S of each of the step's lanes, from the four squares before and those of
        the step.

        Returns (S, or, where that is too long, S >> _FAR; whether it is).
        """
        m.submodules.squares = ram = Ram(4 * SQUARE_BITS, self.config.pool_depth)
        line = [
            Signal(SQUARE_BITS, name=f"line{k}", reset_less=True) for k in range(4 + self.lookups)
        ]
        stored = [Mux(ages[2]["fill"], 0, ram.r_data.word_select(k, SQUARE_BITS)) for k in range(4)]
        m.d.sync += [
            line[k].eq(Mux(ages[2]["first"], stored[k], line[self.lookups + k])) for k in range(4)
        ]
        m.d.sync += [at.eq(square) for at, square in zip(line[4:], squares, strict=True)]
        m.d.comb += [
            ram.r_en.eq(ages[1]["first"]),
            ram.r_addr.eq(ages[1]["pixel"]),
            ram.w_en.eq(ages[3]["last"]),
            ram.w_addr.eq(ages[3]["pixel"]),
            ram.w_data.eq(Cat(line[-4:])),
        ]
        totals = []
        for j in range(self.lookups):
            inner, outer = (
                Signal(TOTAL_BITS, name=f"{n}{j}", reset_less=True) for n in ("inner", "outer")
            )
            total, far = (
                Signal(TOTAL_BITS, name=f"total{j}"),
                Signal(name=f"far{j}", reset_less=True),
            )
            near = Signal(_NEAR, name=f"near{j}", reset_less=True)
            m.d.comb += total.eq(inner + outer)
            m.d.sync += [
                inner.eq(line[j + 2] + Mux(self.half == 0, 0, line[j + 1] + line[j + 3])),
                outer.eq(Mux(self.half == 2, line[j] + line[j + 4], 0)),
                far.eq(total[_NEAR - 1 :].any()),
                near.eq(Mux(total[_NEAR - 1 :].any(), total[_FAR:], total)),
            ]
            totals.append((near, far))
        return totals

    def _lookup(
        self, m: Module, totals: Sequence[tuple[Signal, Signal]], ages: Sequence[Step]
    ) -> None:
        """Cycles 6 to 8: the index, the table's answer, and its place in that; each looked-up lane
        has a copy of the table.
        """
        words = self.config.axi_bytes // 4  # in a beat
        part = bits_for(words)
        enable = Signal()
        packed = Cat(self.params.data.word_select(w, 32)[:TABLE_BITS] for w in range(words))
        m.d.comb += enable.eq(self.params.en & (self.params.dest == TABLE_DEST))
        for j, (near, far) in enumerate(totals):
            m.submodules[f"table{j}"] = ram = Ram(TABLE_BITS * words, TABLE_WORDS // words)
            index, place = (
                Signal(10, name=f"index{j}", reset_less=True),
                Signal(part, name=f"place{j}", reset_less=True),
            )
            factor = Signal(TABLE_BITS, name=f"factor{j}", reset_less=True)
            m.d.sync += [
                index.eq(_index(m, near, far, j)),
                place.eq(index[:part]),
                factor.eq(ram.r_data.word_select(place, TABLE_BITS)),
            ]
            m.d.comb += [
                ram.w_en.eq(enable),
                ram.w_addr.eq(self.params.offset),
                ram.w_data.eq(packed),
                ram.r_en.eq(ages[6]["valid"]),
                ram.r_addr.eq(index[part:]),
                self.factors.values[j].eq(factor),
            ]
        m.d.comb += [self.factors.en.eq(ages[8]["valid"]), self.factors.group.eq(ages[8]["group"])]


def _index(m: Module, near: Value, far: Value, j: int) -> Signal:
    """Table index of a sum: its top 7 bits and, from 64 up, its exponent: 64 words for each power
    of two.
    """
    index = Signal(10, name=f"next_index{j}")
    m.d.comb += index.eq(near[:6])
    for e in range(_NEAR - 6):
        with m.If(near[e + 6]):
            m.d.comb += index.eq(
                Cat(near[e : e + 6], Mux(far, Const(e + 1 + _FAR, 4), Const(e + 1, 4)))
            )
    return index
