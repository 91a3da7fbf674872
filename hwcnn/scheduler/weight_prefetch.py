"""Weights that a program asks for before the array uses them: how far dispatching in order can get
ahead.

A WEIGHT completes nothing that others wait for; it leaves its engine when all that it asks for has
room in the FIFO. So more of them in front of the ARRAY that uses the first than FIFO, engine and
queue take would stop dispatch for ever.
"""

from collections import deque
from itertools import accumulate

from hwcnn import limits
from hwcnn.tile_ops import array_passes


class WeightsAhead:
    """The WEIGHT instructions, in order, that ARRAYs have not used up. All sizes are bytes."""

    def __init__(self, config):
        self._room, self._waiting = limits.weight_prefetch(config), limits.waiting_weights(config)
        self._sizes = deque()
        self.total = 0  # bytes asked for and not used

    def ask(self, n_bytes):
        """A WEIGHT comes."""
        self._sizes.append(n_bytes)
        self.total += n_bytes

    def use(self, n_bytes):
        """An ARRAY takes bytes, of which there are at least as many."""
        self.total -= n_bytes
        while n_bytes:
            taken = min(n_bytes, self._sizes[0])
            self._sizes[0] -= taken
            n_bytes -= taken
            if not self._sizes[0]:
                self._sizes.popleft()

    def held(self, *more):
        """Instructions, those of so many more bytes among them, that the FIFO may have no room for
        until the array uses some.
        """
        return sum(total > self._room for total in accumulate((*self._sizes, *more)))

    def fits(self, *more):
        """Whether all of them, and those of so many more bytes, are dispatched without the array's
        using any.
        """
        return self.held(*more) <= self._waiting


def hold_back(ops, config):
    """The operations with each WEIGHT that dispatch could not pass on behind the ARRAYs that make
    room for it.
    """
    ahead, waiting, result = WeightsAhead(config), deque(), []

    def release():
        result.append(waiting.popleft())
        ahead.ask(result[-1].values["n_bytes"])

    for op in ops:
        if op.queue == "weight":
            waiting.append(op)
        else:
            used = array_passes(op.values) * config.tile_bytes if op.queue == "array" else 0
            while ahead.total < used:
                release()
            ahead.use(used)
            result.append(op)
        while waiting and ahead.fits(waiting[0].values["n_bytes"]):
            release()
    return result + list(waiting)
