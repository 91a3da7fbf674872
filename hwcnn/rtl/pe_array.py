"""The grid of processing elements with its skews: a vector in and a row of column sums out every cycle."""

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .delay import delay


class PeArray(wiring.Component):
    """R x C weight-stationary multiply-accumulate PEs, in one flat module.

    ``sums[c] = sum over r of act[r] * weight[r][c]``, `latency` cycles after `act`; one vector a cycle, free running.

    PE (r, c) holds its activation (which then passes right), a shadow weight, the active weight, the product and
    the partial sum (which then passes down). Vectors are skewed by a cycle a row on the way in, and sums deskewed
    by a cycle a column on the way out. `swap` makes the shadow weights active from its vector on; it travels with
    the same skew, as does a weight row from column to column.

    Loading: with `swap` in cycle t, row r of the tile that it activates must come in cycle t - 1 + r or before, and
    row r of the next tile in cycle t + r or after.

    Products are kept sign-extended and sums modulo 2**sum_bits, which `AccelConfig.sum_bits` proves to be enough:
    equal widths make the simulation half as fast again, and cost nothing in multiplier blocks.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    act : 8*R bits, the cycle after its `swap` (what a RAM read in the cycle of `swap` returns).
    swap : the vector that comes in the next cycle is the first with the shadow weights.
    load : R bits, one-hot: `weights` is this row. weights : 8*C bits.
    sums : C * sum_bits bits, `latency` cycles after `act`.
    """

    def __init__(self, config):
        self.config = config
        super().__init__({
            "act": In(8 * config.rows), "swap": In(1),
            "load": In(config.rows), "weights": In(8 * config.cols),
            "sums": Out(config.cols * config.sum_bits),
        })

    @staticmethod
    def latency(config):
        """Cycles from `act` to its `sums`: activation, product and sum registers, and both skews."""
        return config.rows + config.cols + 1

    def elaborate(self, platform):
        m = Module()
        rows, cols = self.config.rows, self.config.cols
        swaps = Signal(rows + cols - 1, reset_less=True)
        m.d.sync += swaps.eq(Cat(self.swap, swaps))
        loads = [Signal(rows, name=f"load_{c}", reset_less=True) for c in range(cols)]
        m.d.sync += [q.eq(d) for d, q in zip([self.load, *loads], loads)]

        left = [delay(m, self.act.word_select(r, 8), r + 1, f"act_{r}") for r in range(rows)]
        bus = [delay(m, self.weights.word_select(c, 8), c + 1, f"bus_{c}") for c in range(cols)]
        above = [None] * cols
        for r in range(rows):
            act = left[r]
            for c in range(cols):
                above[c] = self._pe(m, r, c, act, bus[c], loads[c][r], swaps[r + c], above[c])
                if c + 1 < cols:
                    act = delay(m, act, 1, f"act_{r}_{c}")
        m.d.comb += self.sums.eq(Cat(delay(m, above[c], cols - 1 - c, f"sum_{c}") for c in range(cols)))
        return m

    def _pe(self, m, r, c, act, weight, load, swap, above):
        bits = self.config.sum_bits
        shadow = Signal(8, name=f"shadow_{r}_{c}", reset_less=True)
        active = Signal(8, name=f"active_{r}_{c}", reset_less=True)
        product = Signal(bits, name=f"product_{r}_{c}", reset_less=True)
        total = Signal(bits, name=f"total_{r}_{c}", reset_less=True)
        m.d.sync += [
            shadow.eq(Mux(load, weight, shadow)),
            active.eq(Mux(swap, shadow, active)),
            product.eq(act.as_signed() * active.as_signed()),
            total.eq(product if above is None else above + product),
        ]
        return total
