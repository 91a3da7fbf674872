"""The grid of processing elements with its skews: a vector in and a row of column sums out every
cycle.
"""

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from hwcnn.config import AccelConfig
from hwcnn.rtl.lib.delay import delay
from hwcnn.rtl.lib.ram import RAMS_ONLY

from .activation_buffer import ActivationBuffer


class PeArray(wiring.Component):
    """R x C weight-stationary multiply-accumulate PEs, in one flat module.

    ``sums[c] = sum over r of act[r] * weight[r][c]``, `latency` cycles after `act`; one vector a
    cycle, free running.

    PE (r, c) holds its weight, the product and the partial sum (which then passes down). The PEs of
    `GROUP` columns share an activation register, which then passes right. Vectors are skewed by a
    cycle a row on the way in, and sums deskewed by a cycle a group on the way out; a weight row
    travels from group to group with the same skew.

    Loading: row r of a tile, in cycle t + r, is what the vectors from cycle t on meet.

    Products are kept sign-extended and sums modulo 2**sum_bits, which `AccelConfig.sum_bits` proves
    to be enough: equal widths make the simulation half as fast again, and cost nothing in
    multiplier blocks.

    Parameters
    ----------
    config : AccelConfig.

    Members
    -------
    act : 8*R bits, those of rows R/2 to R-1 a cycle later than the others
    (`ActivationBuffer`).
    load : R bits, one-hot: `weights` is this row. weights : 8*C bits.
    sums : C * sum_bits bits, `latency` cycles after `act`.
    """

    GROUP = 4

    def __init__(self, config: AccelConfig) -> None:
        self.config = config
        super().__init__(
            {
                "act": In(8 * config.rows),
                "load": In(config.rows),
                "weights": In(8 * config.cols),
                "sums": Out(config.cols * config.sum_bits),
            }
        )

    @classmethod
    def latency(cls, config: AccelConfig) -> int:
        """Cycles from `act` to `sums`: activation, product and sum registers, and both skews."""
        return config.rows + config.cols // cls.GROUP + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if platform is RAMS_ONLY:  # it has none
            return m
        rows, cols = self.config.rows, self.config.cols
        groups = cols // self.GROUP
        loads = [self.load]
        for g in range(1, groups):
            loads.append(delay(m, loads[-1], 1, f"load_{g}"))

        bus = [
            delay(m, self.weights.word_select(c, 8), c // self.GROUP, f"bus_{c}")
            for c in range(cols)
        ]
        above = [None] * cols
        for r in range(rows):
            late = (
                ActivationBuffer.UPPER_LATENCY - ActivationBuffer.LATENCY if r >= rows // 2 else 0
            )
            act = delay(m, self.act.word_select(r, 8), r + 1 - late, f"act_{r}")
            for c in range(cols):
                if c and c % self.GROUP == 0:
                    act = delay(m, act, 1, f"act_{r}_{c}")
                above[c] = self._pe(m, r, c, act, bus[c], loads[c // self.GROUP][r], above[c])
        m.d.comb += self.sums.eq(
            Cat(delay(m, above[c], groups - 1 - c // self.GROUP, f"sum_{c}") for c in range(cols))
        )
        return m

    def _pe(
        self, m: Module, r: int, c: int, act: Value, weight: Value, load: Value, above: Value | None
    ) -> Signal:
        bits = self.config.sum_bits
        active = Signal(8, name=f"active_{r}_{c}", reset_less=True)
        product = Signal(bits, name=f"product_{r}_{c}", reset_less=True)
        total = Signal(bits, name=f"total_{r}_{c}", reset_less=True)
        m.d.sync += [
            active.eq(Mux(load, weight, active)),
            product.eq(act.as_signed() * active.as_signed()),
            total.eq(product if above is None else above + product),
        ]
        return total
