"""The dispatcher and the bounded queues of the accelerator, in the cycle model."""

from collections import deque
from collections.abc import Callable, Sequence

from hwcnn.config import AccelConfig
from hwcnn.tile_ops import TileOp

#: Cycles from the start command to the first instruction word, on top of the memory's latency.
FETCH = 10
#: Cycles that the dispatcher takes for a word.
DISPATCH = 2
#: Cycles from an instruction's last word in its queue to the engine.
QUEUE_LATENCY = 5


class Dispatch:
    """Brings a program's instructions to their engines: words arrive in order, each in `DISPATCH`
    cycles, and wait for space in their queue.

    An engine collects an instruction from its queue, a word a cycle, when it has started the one
    before.
    fetch : told of each operation, and when its words come.
    heads : queue to (its next operation, cycle from which it can start).
    """

    def __init__(
        self,
        ops: Sequence[TileOp],
        config: AccelConfig,
        latency: int,
        fetch: Callable[[TileOp, int], None] = lambda op, cycle: None,
    ):
        self.heads: dict[str, tuple[TileOp, int]] = {}
        self._fetch = fetch
        self._at = latency + FETCH
        self._free_words = dict.fromkeys({op.queue for op in ops}, config.queue_words)
        self._program, self._next = ops, 0
        # (operation, arrival), after the head
        self._behind: dict[str, deque[tuple[TileOp, int]]]
        self._behind = {queue: deque() for queue in self._free_words}
        # (cycle, words) that have left the queue but are not counted yet
        self._left: dict[str, deque[tuple[int, int]]]
        self._left = {queue: deque() for queue in self._free_words}
        self._advance()

    def start(self, queue: str, cycle: int) -> None:
        """The head of a queue starts."""
        del self.heads[queue]
        if self._behind[queue]:
            op, arrival = self._behind[queue].popleft()
            self._collect(op, max(arrival, cycle + 1 + op.instruction.words))
        self._advance()

    def _collect(self, op: TileOp, cycle: int) -> None:
        self.heads[op.queue] = op, cycle + QUEUE_LATENCY
        self._left[op.queue].append((cycle, op.instruction.words))

    def _advance(self) -> None:
        """Dispatch until an instruction waits for one that has not started."""
        while self._next < len(self._program):
            op = self._program[self._next]
            queue, words = op.queue, op.instruction.words
            while self._free_words[queue] < words:
                if not self._left[queue]:
                    return
                cycle, freed = self._left[queue].popleft()
                self._free_words[queue] += freed
                self._at = max(self._at, cycle)
            self._fetch(op, self._at)
            self._at += DISPATCH * words
            self._free_words[queue] -= words
            self._next += 1
            if queue in self.heads:
                self._behind[queue].append((op, self._at))
            else:
                self._collect(op, self._at)
