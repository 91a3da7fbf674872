"""The reader of weights in the event model: how far ahead of their use it asks for them, and in
which turns.
"""

from collections import deque

from hwcnn import limits
from hwcnn.limits import MAX_BURST

from .bus import TURN, Bus

#: (position, end position, begins, ends): beats that pass at an even rate between two cycles.
_Stretch = tuple[int, int, int, int]


class WeightStream:
    """The weights on their way to the array, through a FIFO. Positions count all beats of a run.

    A beat can be requested once the array has used the one `depth` before it; behind instructions
    for less than a burst the FIFO is not filled by as much (`limits.weight_prefetch`). Those within
    `eager` of what the array has used are requested in turn with all others' reads, those further
    ahead only while the bus is idle.
    """

    def __init__(self, fifo: int, bus: Bus, latency: int):
        self.fifo, self.bus, self.latency = fifo, bus, latency
        self.depth, self.eager = fifo, min(fifo, limits.EAGER_WEIGHTS)
        # positions: of what instructions ask for, of requests, of use
        self.pending = self.asked = self.used = 0
        # when the last request was made, and the last instruction started
        self.over = self._asked_for = 0
        self._filled = 0  # until when idle cycles of the bus have been used or lost
        self._next_at: int | None = None  # what `next` found, until something changes
        self._uses: deque[_Stretch] = deque([(0, 0, 0, 0)])
        self._arrivals: deque[_Stretch] = deque([(0, 0, 0, 0)])

    @property
    def _due(self) -> int:
        """The position up to which requests do not wait for the bus to be idle."""
        return min(self.pending, self.used + self.eager)

    @property
    def next(self) -> int | None:
        """The cycle from which the next beats can be requested in turn; None if there are none."""
        if self.asked >= self._due:
            return None
        if self._next_at is None:
            passed = _passed(self._uses, self.asked - self.eager)
            self._next_at = max(self.over, self._asked_for, passed)
        return self._next_at

    def ask(self, start: int, beats: int) -> None:
        """A WEIGHT instruction starts."""
        self._next_at = None
        self.pending += beats
        self.depth = self.fifo - MAX_BURST + min(beats, MAX_BURST)
        self.eager = min(self.depth, limits.EAGER_WEIGHTS)
        self._asked_for, self._filled = start, max(self._filled, start)

    def read(self) -> None:
        """Request some bursts in turn; there are some."""
        end, begins = min(self.asked + TURN * MAX_BURST, self._due), self.next
        assert begins is not None
        over = self.bus.take(
            begins, end - self.asked, _passed(self._uses, end - self.eager) - begins
        )
        self._arrived(end, begins, over)

    def prefetch(self, end: int) -> bool:
        """Request what the FIFO has space for in the idle cycles of the bus up to cycle `end`;
        returns: anything was requested.
        """
        if self.asked >= self.pending:
            return False
        credit = min(self.pending, _reached(self._uses, end) + self.depth) - self.asked
        if credit <= 0:
            return False
        since = max(self._filled, _passed(self._uses, self.asked - self.depth))
        beats, self._filled = self.bus.fill(since, end, credit)
        if beats:
            self._arrived(self.asked + beats, since, self._filled)
        return beats > 0

    def _arrived(self, end: int, begins: int, ends: int) -> None:
        self._next_at = None
        self._arrivals.append((self.asked, end, begins + self.latency, ends + self.latency))
        self.asked, self.over = end, ends

    def begin(self, start: int, beats: int, cycles: int) -> None:
        """The array begins to use beats evenly in so many cycles."""
        self._next_at = None
        self._uses.append((self.used, self.used + beats, start, start + cycles))
        self.used += beats

    @property
    def complete(self) -> bool:
        """All that the array uses has been requested."""
        return self.asked >= self.used

    def end(self, first: int) -> int:
        """When the array has used the beats of the last `begin`, the first of them before; they are
        `complete`.
        """
        self._next_at = None
        position, end, start, over = self._uses[-1]
        begins = max(start, _passed(self._arrivals, position + first))
        ends = max(begins + over - start, _passed(self._arrivals, end))
        self._uses[-1] = position, end, begins, ends
        return ends


def _passed(stretches: deque[_Stretch], position: int) -> int:
    """When a position was passed, by stretches in order; queries come in rising order, so that
    earlier stretches are dropped.
    """
    while len(stretches) > 1 and stretches[0][1] <= position and stretches[1][0] <= position:
        stretches.popleft()
    first, end, begins, ends = stretches[0]
    return begins + (ends - begins) * max(0, min(position, end) - first) // max(1, end - first)


def _reached(stretches: deque[_Stretch], cycle: int) -> int:
    """The position that was reached in a cycle, by stretches as those of `_passed`."""
    stretch = stretches[0]
    for stretch in reversed(stretches):
        if stretch[2] <= cycle:
            break
    first, end, begins, ends = stretch
    return first + (end - first) * max(0, min(cycle, ends) - begins) // max(1, ends - begins)
