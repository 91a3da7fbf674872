"""The event model: when each operation starts and ends, from simple rules for each engine.

A queue takes its operations in order; one starts when the queue is free and its waits hold. The
scheduler orders programs by it, and the cycle model is the same replay.
"""

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import MAX_BURST
from hwcnn.tile_ops import TileOp, array_passes

from .bus import Bus
from .engine_cycles import array_cycles
from .engines import USUAL, End, Engines, Timing
from .operands import OperandReads, has_operands, operand_reads
from .traffic import beats
from .weight_stream import WeightStream

#: Cycles from a counter's reaching what an instruction waits for to the instruction's start.
START = {"load": 2, "weight": 0, "param": 2, "array": 2, "post": 4, "vector": 4}
#: Cycles that a read takes in the accelerator to the array, on top of the memory's latency.
WEIGHT_PATH = 10
#: Bursts of weights that are requested and wait for their turn.
REQUESTS = 1


class EventModel:
    """Replays operations one by one; `ready`, `begin` and `commit` must be called in an order in
    which dependences come first.

    An operation begins when it has been handed to its engine. Where it has operands in DRAM, they
    are read from then on as far as their FIFOs have space, though the engine may be at work on the
    operation before; it starts when that one is over.

    free : queue to the cycle from which its engine works on its next operation, where that is
    known. busy : cycles at work.
    started, over : (operation, cycle) in the order in which that became known; whoever reads these
    lists empties them.
    """

    def __init__(self, config: AccelConfig, timing: Timing = USUAL):
        self.config, self.timing = config, timing
        self.free: dict[str, int] = dict.fromkeys(START, 0)
        self.busy: dict[str, int] = dict.fromkeys(START, 0)
        self.reads = Bus()
        self.weights = WeightStream(config.weight_fifo, self.reads, timing.latency + WEIGHT_PATH)
        self.started: list[tuple[TileOp, int]] = []
        self.over: list[tuple[TileOp, int]] = []
        self._engines = Engines(config, timing, Bus())
        # queue: the cycle from which its readers take the next operation's operands
        self._readers_free: dict[str, int] = dict.fromkeys(START, 0)
        # queue: the operation whose operands are being read, and the next one
        self._reading: dict[str, list[OperandReads]]
        self._reading = {"load": [], "param": [], "vector": [], "post": []}
        # the ARRAY, and its start, that weights are on their way to
        self._streaming: tuple[TileOp, int] | None = None
        self._done: dict[tuple[str, int], int] = {}
        # by id of an operation that has not begun: when all that it waits for was over
        self._released: dict[int, int] = {}

    def ready(self, op: TileOp) -> int | None:
        """The cycle from which an operation can begin; None where something that it waits for is
        not over.
        """
        released = self._released.get(id(op))
        if released is None:
            released = self._release(op)
            if released is None:
                return None
        at = self._engine_ready(op)
        return None if at is None else max(at, released)

    def _release(self, op: TileOp) -> int | None:
        """When all that an operation waits for is over; None where that is not known."""
        at, delay = 0, START[op.queue]
        for counter, other in op.deps:
            done = self._done.get((counter, id(other)))
            if done is None:
                return None
            at = max(at, done + delay)
        self._released[id(op)] = at
        return at

    def _engine_ready(self, op: TileOp) -> int | None:
        """The cycle from which its engine takes an operation, None where that is not known."""
        queue = op.queue
        if reading := self._reading.get(queue):
            if queue in ("load", "param") or len(reading) > 1 or not has_operands(op):
                return None
            return reading[0].start
        if queue == "array" and (
            self._streaming or self.weights.pending < self.weights.used + self._weight_beats(op)
        ):
            return None
        if queue == "weight":
            # The engine takes an instruction when the last burst of the one before is on its way to
            # the bus.
            if self.weights.asked + REQUESTS * MAX_BURST < self.weights.pending:
                return None
            return max(self.free[queue], self.weights.over)
        return self._readers_free[queue] if has_operands(op) else self.free[queue]

    def counted(self, counter: str, op: TileOp) -> int:
        """The cycle in which a counter counted an operation that is over."""
        return self._done[counter, id(op)]

    def begin(self, op: TileOp, at: int) -> None:
        """Begin an operation. One that reads operands or uses weights goes on by `read`; all others
        are over at once.
        """
        self._released.pop(id(op), None)
        if has_operands(op):
            self._begin_reading(operand_reads(op, at, self.config, self.timing.latency))
            return
        start = max(at, self.free[op.queue])
        self.started.append((op, start))
        if op.queue == "array":
            self.weights.begin(start, self._weight_beats(op), array_cycles(op.values, self.config))
            self._streaming = op, start
            self._finish_array()
        elif op.queue == "weight":
            self.weights.ask(start, beats(op.values["n_bytes"], self.config))
            self._end(op, start, End(1, {}))
        else:
            self._end(op, start, self._engines.post(op, start, None))

    def _begin_reading(self, reads: OperandReads) -> None:
        reading = self._reading[reads.op.queue]
        reading.append(reads)
        if len(reading) == 1:
            self._start(reads)
        else:
            reads.follow(reading[0], self.config.read_fifo)

    def _start(self, reads: OperandReads) -> None:
        """The engine starts on an operation whose operands are read."""
        queue = reads.op.queue
        start = max(reads.at, self.free[queue])
        reads.begin(start, self._readers_free[queue], self.config.read_fifo)
        self.started.append((reads.op, start))

    def commit(self, op: TileOp, at: int) -> int:
        """Run an operation that begins in cycle `at` to its end; returns the cycle in which it
        started.
        """
        self.weights.prefetch(at)
        self.begin(op, at)
        while reading := self._reading.get(op.queue):
            self._read_next(reading[0])
        while self.weights.next is not None:
            self._stream()
        ((_, start),) = self.started
        self.started, self.over = [], []
        return start

    def next_read(self) -> tuple[int, OperandReads | None] | None:
        """(Cycle from which the next beats can be read, whose they are: None for weights); None if
        there are none.
        """
        at, found = self.weights.next, None
        for reading in self._reading.values():
            for reads in reading:
                ready = reads.next
                if ready is not None and (at is None or ready < at):
                    at, found = ready, reads
        return None if at is None else (at, found)

    def read(self, reads: OperandReads | None) -> None:
        """Read the next beats, as `next_read` gave them."""
        if reads is None:
            self._stream()
        else:
            self._read_next(reads)

    def prefetch(self, end: int) -> bool:
        """Read weights in the idle cycles of the bus up to cycle `end`; returns: any were read."""
        found = self.weights.prefetch(end)
        if found:
            self._finish_array()
        return found

    def fetch(self, op: TileOp, cycle: int) -> None:
        """An operation's words are read from DRAM."""
        self.reads.take(cycle, beats(op.instruction.words * isa.WORD_BYTES, self.config))

    def _stream(self) -> None:
        self.weights.read()
        self._finish_array()

    def _finish_array(self) -> None:
        """Finish the ARRAY, if its weights are complete."""
        if self._streaming and self.weights.complete:
            (op, start), self._streaming = self._streaming, None
            used = self.weights.end(beats(self.config.tile_bytes, self.config))
            self._end(op, start, self._engines.array(start, used))

    def _read_next(self, reads: OperandReads) -> None:
        """Read the next beats of an operation's operands, and finish what has been read."""
        reads.read_next(self.reads, self.config.read_fifo)
        queue = reads.op.queue
        reading = self._reading[queue]
        while reading and reading[0].complete:
            reads = reading.pop(0)
            self._finish(reads)
            if queue in ("post", "vector"):
                self._readers_free[queue] = reads.over
            if reading:
                self._start(reading[0])

    def _finish(self, reads: OperandReads) -> None:
        """Finish an operation all of whose operands have been read."""
        op, start, engines = reads.op, reads.start, self._engines
        assert start is not None, "an operation starts before its operands are complete"
        if op.queue == "load":
            end = engines.load(op, start, reads)
        elif op.queue == "param":
            end = engines.param(start, reads)
        elif op.queue == "post":
            end = engines.post(op, start, reads)
        else:
            end = engines.vector(op, start, reads)
        self._end(op, start, end)

    def _end(self, op: TileOp, start: int, end: End) -> None:
        self.free[op.queue] = self._readers_free[op.queue] = start + end.occupied
        self.busy[op.queue] += end.occupied
        for counter, at in end.counters.items():
            self._done[counter, id(op)] = at
        self.over.append((op, max(start + end.occupied, *end.counters.values(), 0)))

    def _weight_beats(self, op: TileOp) -> int:
        """Beats of an ARRAY's weights."""
        return array_passes(op.values) * self.config.tile_bytes // self.config.axi_bytes
