"""The cycle model: a replay of a program by the event model."""

from .events import EventModel, Timing, read_bytes, write_bytes


def estimate(compiled, config, latency=32):
    """Predict a run of a `Compiled` program on memory that answers reads after `latency` cycles.

    Returns cycles, layers (cycles of each layer: from the end of what was over before it to its own end), busy (cycles
    of each queue), dram_read_bytes, dram_write_bytes.
    """
    model = EventModel(config, Timing(latency=latency))
    finish = [0] * len(compiled.graph.ops)
    for op in compiled.ops:
        end = model.commit(op, model.ready(op))
        finish[op.layer] = max(finish[op.layer], end)
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
