"""The readers of operands in the event model: how far ahead of its use each asks for its data, and
in which turns.
"""

from dataclasses import dataclass, field

from hwcnn.config import AccelConfig
from hwcnn.limits import MAX_BURST
from hwcnn.tile_ops import TileOp

from .bus import TURN, Bus
from .engine_cycles import fill_beats, operand_cycles
from .traffic import beats, operand_bytes, read_burst

#: Cycles in which a reader requests a burst.
REQUEST_CYCLES = 2
#: Cycles that a read takes in the accelerator to the activation buffer, on top of the memory's
#: latency. Here and in `engines`, half of the 2 cycles that a change of turns takes is counted in.
LOAD_PATH = 14


@dataclass
class Operand:
    """An operand that is being read, `turn` beats at a time: from cycle `at` on the next of those
    that are left.

    rate : cycles a beat, at least. From cycle `start` on, where that is known, the engine uses the
    first `fill` beats as they come, then a beat in `pace` cycles. prefetch : beats that may be read
    before. taken : beats that have been read; first : when that began; filled : when it had the
    first `fill`.
    """

    at: int
    left: int
    turn: int
    rate: float
    pace: float
    fill: int = 0
    prefetch: int = 0
    start: int | None = None
    taken: int = 0
    first: int = 0
    filled: int = 0

    @property
    def open(self) -> bool:
        """More beats can be read, now or in time."""
        return self.left > 0 and (self.start is not None or self.taken < self.prefetch)

    def begin(self, at: int, start: int, fifo: int) -> None:
        """The engine starts on it in cycle `start`; its reader is free from cycle `at` on. fifo :
        beats that wait for the engine at most.
        """
        self.at, self.start = self.at if self.taken else at, start
        self.at = max(self.at, self._used(start, MAX_BURST - fifo))

    def _used(self, start: int, more: int) -> int:
        """When the engine uses the beat that is so many after the next one."""
        n = self.taken + more
        return start + int(min(n, self.fill) + max(0, n - self.fill) * self.pace)

    def read_next(self, bus: Bus, fifo: int) -> None:
        """Read the next beats, for which there is space in the FIFO when those so far before are
        used.
        """
        if not self.taken:
            self.first = self.at
        if self.start is None:
            n, least = min(self.left, self.turn, self.prefetch - self.taken), 0
        else:
            n = min(self.left, self.turn)
            least = self._used(self.start, n - fifo) - self.at
        self.at = bus.take(self.at, n, max(int(n * self.rate), least))
        if self.taken < self.fill:
            self.filled = self.at
        self.taken, self.left = self.taken + n, self.left - n
        if self.start is not None and self.left:
            self.at = max(self.at, self._used(self.start, MAX_BURST - fifo))


@dataclass
class OperandReads:
    """An operation that begins in cycle `at`, and the reads of its operands. sizes : their beats.
    start : when its engine starts on it, where that is known.
    """

    op: TileOp
    at: int
    operands: list[Operand]
    sizes: list[int] = field(init=False)
    start: int | None = None

    def __post_init__(self):
        self.sizes = [operand.left for operand in self.operands]

    @property
    def next(self) -> int | None:
        """The cycle from which the next beats can be read; None where that is not known."""
        at = None
        for operand in self.operands:
            if operand.open and (at is None or operand.at < at):
                at = operand.at
        return at

    @property
    def complete(self) -> bool:
        """All has been read."""
        return all(operand.left == 0 for operand in self.operands)

    @property
    def last_first(self) -> int:
        """When the first beat was read of the operand that came last."""
        return max(operand.first for operand in self.operands)

    @property
    def filled(self) -> int:
        """When what the engine uses as it comes has been read."""
        return max(operand.filled for operand in self.operands)

    @property
    def over(self) -> int:
        """When all has been read."""
        return max(operand.at for operand in self.operands)

    def follow(self, before: "OperandReads", fifo: int) -> None:
        """Read ahead, into what the operation before leaves of each operand's FIFO."""
        for i, operand in enumerate(self.operands):
            operand.prefetch = fifo - (before.sizes[i] if i < len(before.sizes) else 0)

    def begin(self, start: int, free: int, fifo: int) -> None:
        """The engine starts on the operation; its readers are free from cycle `free` on."""
        self.start = start
        for operand in self.operands:
            operand.begin(max(self.at, free), start, fifo)

    def read_next(self, bus: Bus, fifo: int) -> None:
        """Read the next beats of the operand whose turn it is."""
        at = self.next
        next(o for o in self.operands if o.open and o.at == at).read_next(bus, fifo)


def has_operands(op: TileOp) -> bool:
    """An operation reads operands that come as it is at work."""
    queue = op.queue
    if queue == "post":
        return bool(op.values["residual"])
    return queue in ("load", "param", "vector")


def operand_reads(op: TileOp, at: int, config: AccelConfig, latency: int) -> OperandReads:
    """The reads of an operation that begins in cycle `at`, on memory of some latency."""
    burst = read_burst(op, config)
    # A reader requests bursts, or waits for memory with all that its FIFO has space for.
    waiting = (latency + LOAD_PATH) / (config.read_fifo - MAX_BURST)
    rate, turn = max(1, REQUEST_CYCLES / burst, waiting), max(1, round(TURN * burst))
    operands: list[Operand] = []
    for n in (beats(n, config) for n in operand_bytes(op, config)):
        fill = fill_beats(op, n)
        pace = (operand_cycles(op, n, config) - fill) / max(1, n - fill)
        operands.append(Operand(at, n, turn, rate, pace, fill))
    return OperandReads(op, at, operands)
