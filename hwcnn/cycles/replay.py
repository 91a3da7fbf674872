"""The cycle model: a replay of a program by the event model, fed through the bounded queues of the
accelerator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hwcnn import isa
from hwcnn.config import AccelConfig
from hwcnn.limits import READ_LATENCY
from hwcnn.tile_ops import TileOp

from .dispatch import Dispatch
from .engines import Timing
from .event_model import EventModel
from .traffic import read_bytes, write_bytes


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


def replay(model: EventModel, dispatch: Dispatch) -> Iterator[tuple[TileOp, int]]:
    """(operation, cycle in which it is over) of all operations, event by event in the order of
    time.
    """
    while (due := model.next_read()) or dispatch.heads:
        best, (at, reads) = None, due or (None, None)
        for op, arrival in dispatch.heads.values():
            ready = model.ready(op)
            if ready is not None and (at is None or max(ready, arrival) < at):
                best, at = op, max(ready, arrival)
        assert at is not None, "something can go on"
        if model.prefetch(at):
            pass  # what can begin now is another question
        elif best is None:
            model.read(reads)
        else:
            model.begin(best, at)
        for op, cycle in model.started:
            dispatch.start(op.queue, cycle)
        yield from model.over
        model.started.clear()
        model.over.clear()
