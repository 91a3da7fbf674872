"""The accelerator's readers in the event model: how far ahead of its use each asks for its data,
and in which turns.
"""

from collections import deque
from dataclasses import dataclass

from hwcnn import limits
from hwcnn.limits import MAX_BURST

#: Bursts of a reader that are modelled at a time; then it is another's turn.
TURN = 2


class WeightStream:
    """The weights on their way to the array, through a FIFO. Positions count all beats of a run.

    A beat can be requested once the array has used the one `depth` before it; behind instructions
    for less than a burst the FIFO is not filled by as much (`limits.weight_prefetch`). Those within
    `eager` of what the array has used are requested in turn with all others' reads, those further
    ahead only while the bus is idle.
    """

    def __init__(self, fifo, bus, latency):
        self.fifo, self.bus, self.latency = fifo, bus, latency
        self.depth, self.eager = fifo, min(fifo, limits.EAGER_WEIGHTS)
        # positions: of what instructions ask for, of requests, of use
        self.pending = self.asked = self.used = 0
        # when the last request was made, and the last instruction started
        self.over = self._asked_for = 0
        self._filled = 0  # until when idle cycles of the bus have been used or lost
        # (position, end position, begins, ends)
        self._uses, self._arrivals = deque([(0, 0, 0, 0)]), deque([(0, 0, 0, 0)])

    @property
    def _due(self):
        """The position up to which requests do not wait for the bus to be idle."""
        return min(self.pending, self.used + self.eager)

    @property
    def next(self):
        """The cycle from which the next beats can be requested in turn; None if there are none."""
        if self.asked >= self._due:
            return None
        return max(self.over, self._asked_for, _passed(self._uses, self.asked - self.eager))

    def ask(self, start, beats):
        """A WEIGHT instruction starts."""
        self.pending += beats
        self.depth = self.fifo - MAX_BURST + min(beats, MAX_BURST)
        self.eager = min(self.depth, limits.EAGER_WEIGHTS)
        self._asked_for, self._filled = start, max(self._filled, start)

    def read(self):
        """Request some bursts in turn."""
        end, begins = min(self.asked + TURN * MAX_BURST, self._due), self.next
        over = self.bus.take(
            begins, end - self.asked, _passed(self._uses, end - self.eager) - begins
        )
        self._arrived(end, begins, over)

    def prefetch(self, end):
        """Request what the FIFO has room for in the idle cycles of the bus up to cycle `end`;
        returns: anything was requested.
        """
        room = min(self.pending, _reached(self._uses, end) + self.depth) - self.asked
        if room <= 0:
            return False
        since = max(self._filled, _passed(self._uses, self.asked - self.depth))
        beats, self._filled = self.bus.fill(since, end, room)
        if beats:
            self._arrived(self.asked + beats, since, self._filled)
        return beats > 0

    def _arrived(self, end, begins, ends):
        self._arrivals.append((self.asked, end, begins + self.latency, ends + self.latency))
        self.asked, self.over = end, ends

    def begin(self, start, beats, cycles):
        """The array begins to use beats evenly in so many cycles."""
        self._uses.append((self.used, self.used + beats, start, start + cycles))
        self.used += beats

    @property
    def complete(self):
        """All that the array uses has been requested."""
        return self.asked >= self.used

    def end(self, first):
        """When the array has used the beats of the last `begin`, the first of them before; they are
        `complete`.
        """
        position, end, start, over = self._uses[-1]
        begins = max(start, _passed(self._arrivals, position + first))
        ends = max(begins + over - start, _passed(self._arrivals, end))
        self._uses[-1] = position, end, begins, ends
        return ends


def _passed(pieces, position):
    """When a position was passed, by pieces (position, end position, begins, ends) in order;
    earlier ones are dropped.

    A piece goes at an even rate. Queries come in rising order."""
    while len(pieces) > 1 and pieces[0][1] <= position and pieces[1][0] <= position:
        pieces.popleft()
    first, end, begins, ends = pieces[0]
    return begins + (ends - begins) * max(0, min(position, end) - first) // max(1, end - first)


def _reached(pieces, cycle):
    """The position that was reached in a cycle, by pieces as those of `_passed`."""
    first, end, begins, ends = next(
        (piece for piece in reversed(pieces) if piece[2] <= cycle), pieces[0]
    )
    return first + (end - first) * max(0, min(cycle, ends) - begins) // max(1, ends - begins)


@dataclass
class Operand:
    """An operand that is being read, `turn` beats at a time: from cycle `at` on the next of those
    that are left.

    rate : cycles a beat, at least. room : beats that it may take before the engine starts on it.
    From then on the engine uses the first beat in cycle `start`, and one in `pace` cycles. taken :
    beats that are not left; first : when that began.
    """

    at: int
    beats: int
    turn: int
    rate: float
    pace: float
    room: int = 0
    start: int | None = None
    taken: int = 0
    first: int = 0

    @property
    def open(self):
        """More beats can be taken, now or in time."""
        return self.beats > 0 and (self.start is not None or self.taken < self.room)

    def begin(self, at, start, fifo):
        """The engine starts on it in cycle `start`; its reader is free from cycle `at` on."""
        self.at, self.start = self.at if self.taken else at, start
        self.at = max(self.at, self._used(MAX_BURST - fifo))

    def _used(self, more):
        """When the engine uses the beat that is so many after the next one."""
        return self.start + int((self.taken + more) * self.pace)

    def go_on(self, bus, fifo):
        """Take the next beats, which find room in the FIFO when those so far before are used."""
        if self.start is None:
            beats, least = min(self.beats, self.turn, self.room - self.taken), 0
        else:
            beats = min(self.beats, self.turn)
            least = self._used(beats - fifo) - self.at
        if not self.taken:
            self.first = self.at
        self.at = bus.take(self.at, beats, max(int(beats * self.rate), least))
        self.taken, self.beats = self.taken + beats, self.beats - beats
        if self.start is not None and self.beats:
            self.at = max(self.at, self._used(MAX_BURST - fifo))


@dataclass
class Tile:
    """An operation that begins in cycle `at`, and its operands. sizes : their beats. start : when
    its engine starts on it.
    """

    op: object
    at: int
    operands: list
    sizes: list
    start: int | None = None

    @property
    def next(self):
        """The cycle from which the next beats can be read; None where that is not known."""
        return min((operand.at for operand in self.operands if operand.open), default=None)

    @property
    def complete(self):
        return not any(operand.beats for operand in self.operands)

    @property
    def first(self):
        """When the last operand began to be read."""
        return max(operand.first for operand in self.operands)

    @property
    def read(self):
        """When the operands have been read."""
        return max(operand.at for operand in self.operands)
