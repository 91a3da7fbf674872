"""The cycle model: a replay of a program by the event model, fed through the bounded queues of the
accelerator.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import READ_LATENCY
from hwcnn.tile_ops import TileOp

from .events import EventModel, Timing, read_bytes, write_bytes

#: Cycles from the start command to the first instruction word, on top of the memory's latency.
FETCH = 10
#: Cycles that the dispatcher takes for a word.
DISPATCH = 2
#: Cycles from an instruction's last word in its queue to the engine.
QUEUE_LATENCY = 5


class Dispatch:
    """Brings a program's instructions to their engines: words arrive in order, each in `DISPATCH`
    cycles, and wait for room in their queue.

    An engine collects an instruction from its queue, a word a cycle, when it has started the one
    before.
    fetch : told of each operation, and when its words come.
    heads : queue to (its next operation, cycle from which it can start).
    """

    def __init__(self, ops, config, latency, fetch=lambda op, cycle: None):
        self.heads, self._fetch = {}, fetch
        self._at = latency + FETCH
        self._room = dict.fromkeys({op.queue for op in ops}, config.queue_words)
        self._program, self._next = ops, 0
        # (operation, arrival), after the head
        self._behind = {queue: deque() for queue in self._room}
        # (cycle, words) that have left the queue but are not counted yet
        self._left = {queue: deque() for queue in self._room}
        self._advance()

    def start(self, queue, cycle):
        """The head of a queue starts."""
        del self.heads[queue]
        if self._behind[queue]:
            op, arrival = self._behind[queue].popleft()
            self._collect(op, max(arrival, cycle + 1 + op.instruction.words))
        self._advance()

    def _collect(self, op, cycle):
        self.heads[op.queue] = op, cycle + QUEUE_LATENCY
        self._left[op.queue].append((cycle, op.instruction.words))

    def _advance(self):
        """Dispatch until an instruction waits for one that has not started."""
        while self._next < len(self._program):
            op = self._program[self._next]
            queue, words = op.queue, op.instruction.words
            while self._room[queue] < words:
                if not self._left[queue]:
                    return
                cycle, freed = self._left[queue].popleft()
                self._room[queue] += freed
                self._at = max(self._at, cycle)
            self._fetch(op, self._at)
            self._at += DISPATCH * words
            self._room[queue] -= words
            self._next += 1
            if queue in self.heads:
                self._behind[queue].append((op, self._at))
            else:
                self._collect(op, self._at)


class Program(Protocol):
    """What a replay reads of a compiled program."""

    @property
    def ops(self) -> Sequence[TileOp]:
        """Its operations in order, END left out."""
        ...

    @property
    def layer_count(self) -> int:
        """Layers that the operations' `layer` counts."""
        ...


@dataclass(frozen=True)
class RunEstimate:
    """What the cycle model predicts of a run.

    cycles : of the whole run. layers : of each layer, from the end of what was over before it to
    its own end; they add up to `cycles`. busy : queue to the cycles in which its engine is at work.
    dram_read_bytes, dram_write_bytes : traffic, the program's words included.
    """

    cycles: int
    layers: tuple[int, ...]
    busy: dict[str, int]
    dram_read_bytes: int
    dram_write_bytes: int

    def to_dict(self) -> dict[str, int | list[int] | dict[str, int]]:
        """As JSON holds it."""
        return dict(
            cycles=self.cycles,
            layers=list(self.layers),
            busy=dict(self.busy),
            dram_read_bytes=self.dram_read_bytes,
            dram_write_bytes=self.dram_write_bytes,
        )


def estimate(program: Program, config: AccelConfig, latency: int = READ_LATENCY) -> RunEstimate:
    """Predict a run of a program on memory that answers reads after `latency` cycles."""
    model = EventModel(config, Timing(latency))
    dispatch = Dispatch(program.ops, config, latency, model.fetch)
    finish = [0] * program.layer_count
    for op, over in replay(model, dispatch):
        finish[op.layer] = max(finish[op.layer], over)
    layers, over = [], 0
    for end in finish:
        layers.append(max(0, end - over))
        over = max(over, end)
    words = sum(op.instruction.words for op in program.ops)
    return RunEstimate(
        cycles=over,
        layers=tuple(layers),
        busy=dict(model.busy),
        dram_read_bytes=words * isa.WORD_BYTES + sum(read_bytes(op, config) for op in program.ops),
        dram_write_bytes=sum(write_bytes(op, config) for op in program.ops),
    )


def replay(model, dispatch):
    """(operation, cycle in which it is over) of all operations, event by event in the order of
    time.
    """
    while dispatch.heads or model.next_read is not None:
        best, at = None, model.next_read
        for op, arrival in dispatch.heads.values():
            ready = model.ready(op)
            if ready is not None and (at is None or max(ready, arrival) < at):
                best, at = op, max(ready, arrival)
        if model.prefetch(at):
            pass  # what can begin now is another question
        elif best is None:
            model.read()
        else:
            model.begin(best, at)
        for op, cycle in model.started:
            dispatch.start(op.queue, cycle)
        yield from model.over
        model.started.clear()
        model.over.clear()
