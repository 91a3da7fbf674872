"""The cycle model: a replay of a program by the event model, fed through the bounded queues of the accelerator."""

from collections import deque

from .events import EventModel, Timing, read_bytes, write_bytes

#: Cycles from the start command to the first instruction word, on top of the memory's latency.
FETCH = 18
#: Cycles from an instruction's last word in its queue to the engine.
QUEUE_LATENCY = 4
#: Cycles of a read in the accelerator on top of the memory's; cycles from the last result to its write response.
READ_PATH, WRITE_PATH = 8, 21


class Dispatch:
    """When each instruction reaches its engine: words arrive in order, one a cycle, and wait for room in their queue.

    An engine collects an instruction from its queue, a word a cycle, when it has started the one before.
    """

    def __init__(self, config, latency):
        self.at = latency + FETCH
        self._room = config.queue_words
        self._waiting = {}  # queue: [words, cycle at which they have left the queue], oldest first
        self._started = {}

    def arrive(self, op):
        """Cycle from which the next instruction of the program can start."""
        words, waiting = op.instruction.words, self._waiting.setdefault(op.queue, deque())
        while waiting and sum(w for w, _ in waiting) + words > self._room:
            self.at = max(self.at, waiting.popleft()[1])
        self.at += words
        collected = max(self.at, self._started.get(op.queue, 0) + words)
        waiting.append((words, collected))
        return collected + QUEUE_LATENCY

    def start(self, op, cycle):
        self._started[op.queue] = cycle


def estimate(compiled, config, latency=32):
    """Predict a run of a `Compiled` program on memory that answers reads after `latency` cycles.

    Returns cycles, layers (cycles of each layer: from the end of what was over before it to its own end), busy (cycles
    of each queue), dram_read_bytes, dram_write_bytes.
    """
    model, dispatch = EventModel(config, Timing(latency=latency + READ_PATH, write_latency=WRITE_PATH)), Dispatch(config, latency)
    finish = [0] * len(compiled.graph.ops)
    for op in compiled.ops:
        start = max(model.ready(op), dispatch.arrive(op))
        dispatch.start(op, start)
        finish[op.layer] = max(finish[op.layer], model.commit(op, start))
    layers, over = [], 0
    for end in finish:
        layers.append(max(0, end - over))
        over = max(over, end)
    program = sum(op.instruction.words for op in compiled.ops) * 16
    return dict(
        cycles=over,
        layers=layers,
        busy=dict(model.busy),
        dram_read_bytes=program + sum(read_bytes(op, config) for op in compiled.ops),
        dram_write_bytes=sum(write_bytes(op, config) for op in compiled.ops),
    )
