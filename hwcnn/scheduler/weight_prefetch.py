"""Weights that a program asks for before the array uses them: how far dispatching in order can get
ahead.

A WEIGHT completes nothing that others wait for; it leaves its engine when all that it asks for has
space in the FIFO. So more of them in front of the ARRAY that uses the first than FIFO, engine and
queue take would stop dispatch for ever.
"""

from collections import deque
from collections.abc import Iterable
from itertools import accumulate

from hwcnn import limits
from hwcnn.config import AccelConfig
from hwcnn.tile_ops import TileOp, array_passes


class PrefetchedWeights:
    """The WEIGHT instructions, in order, that ARRAYs have not used up. All sizes are bytes.

    total : bytes asked for and not used.
    """

    def __init__(self, config: AccelConfig):
        self._fifo_bytes = limits.weight_prefetch(config)
        self._max_blocked = limits.waiting_weights(config)
        self._sizes: deque[int] = deque()
        self.total = 0

    def ask(self, n_bytes: int) -> None:
        """A WEIGHT comes."""
        self._sizes.append(n_bytes)
        self.total += n_bytes

    def use(self, n_bytes: int) -> None:
        """An ARRAY takes bytes, of which there are at least as many."""
        self.total -= n_bytes
        while n_bytes:
            taken = min(n_bytes, self._sizes[0])
            self._sizes[0] -= taken
            n_bytes -= taken
            if not self._sizes[0]:
                self._sizes.popleft()

    def blocked(self, *more: int) -> int:
        """Instructions, those of so many more bytes among them, that wait for space in the FIFO
        until the array uses some.
        """
        return sum(total > self._fifo_bytes for total in accumulate((*self._sizes, *more)))

    def fits(self, *more: int) -> bool:
        """Whether all of them, and those of so many more bytes, leave the dispatcher without the
        array's using any.
        """
        return self.blocked(*more) <= self._max_blocked


def delay_weights(ops: Iterable[TileOp], config: AccelConfig) -> list[TileOp]:
    """The operations, with each WEIGHT that would block the dispatcher put behind the ARRAYs that
    make space for it.
    """
    prefetched = PrefetchedWeights(config)
    waiting: deque[TileOp] = deque()
    result: list[TileOp] = []

    def release() -> None:
        """Emit the WEIGHT that waits longest."""
        result.append(waiting.popleft())
        prefetched.ask(result[-1].values["n_bytes"])

    for op in ops:
        if op.queue == "weight":
            waiting.append(op)
        else:
            used = array_passes(op.values) * config.tile_bytes if op.queue == "array" else 0
            while prefetched.total < used:
                release()
            prefetched.use(used)
            result.append(op)
        while waiting and prefetched.fits(waiting[0].values["n_bytes"]):
            release()
    return result + list(waiting)
