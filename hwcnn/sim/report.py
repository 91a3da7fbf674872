"""From a run's events and counters to cycles, stalls and traffic by layer."""

import numpy as np

from .events import DONE, ENDS, LEVELS, START

#: Causes of stalls, as the accelerator counts them.
STALLS = tuple(name.removeprefix("stall_") for name in LEVELS if name.startswith("stall_"))


def layer_of(manifest, queue):
    """int64 array: the layer of each instruction of a queue, in order."""
    runs = manifest["queues"][queue]
    return np.repeat([layer for layer, _ in runs], [count for _, count in runs]).astype(np.int64)


def finishes(manifest, log):
    """Cycle at which the last result of each layer was in memory; 0 for a layer that has no
    instruction that writes.
    """
    finish = np.zeros(len(manifest["layers"]), np.int64)
    for queue in ("post", "vector"):
        np.maximum.at(finish, layer_of(manifest, queue), log.done(ENDS[queue]))
    return finish


def cycles_from(finish):
    """Cycles of each layer: from the end of all layers before it to its own end; they add up to the
    last end.

    A layer that overlaps with those before it, and ends before them, takes none.
    """
    ends = np.maximum.accumulate(finish)
    return np.diff(ends, prepend=0)


def conv_part(layers):
    """Number of layers up to the fully connected ones at the end of the network (and what follows
    these).
    """
    convs = [i for i, layer in enumerate(layers) if layer["macs"] and not layer["fully_connected"]]
    tail = [
        i
        for i, layer in enumerate(layers)
        if layer["fully_connected"] and i > (convs[-1] if convs else -1)
    ]
    return tail[0] if tail else len(layers)


def layer_rows(manifest, log):
    """A dict a layer: name, op, cycles, macs, array_busy, stalls (by cause, while its ARRAYs were
    next).
    """
    finish = finishes(manifest, log)
    rows = [
        {"name": layer["name"], "op": layer["op"], "cycles": int(cycles), "macs": layer["macs"]}
        for layer, cycles in zip(manifest["layers"], cycles_from(finish), strict=True)
    ]
    ends, owner = log.done("array"), layer_of(manifest, "array")
    for key, level in [("array_busy", "array_busy")] + [
        (f"stall_{s}", f"stall_{s}") for s in STALLS
    ]:
        total = np.zeros(len(rows), np.int64)
        np.add.at(total, owner, np.diff(log.at(ends, "level", level), prepend=0))
        for row, count in zip(rows, total, strict=True):
            row[key] = int(count)
    return rows


def summary(manifest, config, run):
    """The figures of one run under the keys of ``hwcnn simulate --json``."""
    counters, layers = run.counters, manifest["layers"]
    pes, cycles = config.rows * config.cols, run.counters["cycles"]
    part = conv_part(layers)
    macs, conv_macs = (sum(layer["macs"] for layer in some) for some in (layers, layers[:part]))
    conv_cycles = (
        int(max(finishes(manifest, run.events)[:part], default=0)) if part < len(layers) else cycles
    )
    return {
        "cycles": cycles,
        "macs": macs,
        "conv_macs": conv_macs,
        "conv_cycles": conv_cycles,
        "mac_utilisation": macs / (pes * cycles),
        "conv_mac_utilisation": conv_macs / (pes * conv_cycles) if conv_cycles else 0.0,
        "dram_read_bytes": counters["read_beats"] * config.axi_bytes,
        "dram_write_bytes": counters["write_beats"] * config.axi_bytes,
        "stall_cycles": {cause: counters[f"stall_{cause}"] for cause in STALLS},
    }


def trace(manifest, log):
    """Chrome trace events (Perfetto reads them): a track an engine, a slice an instruction; a
    microsecond is a cycle.
    """
    events = []
    for track, engine in enumerate(START):
        events.append(
            {"ph": "M", "name": "thread_name", "pid": 0, "tid": track, "args": {"name": engine}}
        )
        starts, layers = log.starts(engine), layer_of(manifest, engine)
        ends = (
            log.done(ENDS[engine])
            if engine in ENDS
            else np.append(starts[1:], log.done(DONE[1])[-1:])
        )
        for k, (start, end) in enumerate(zip(starts, ends, strict=False)):
            events.append(
                {
                    "ph": "X",
                    "name": manifest["layers"][layers[k]]["name"],
                    "cat": engine,
                    "pid": 0,
                    "tid": track,
                    "ts": int(start),
                    "dur": int(end - start),
                    "args": {"instruction": k},
                }
            )
    return {"traceEvents": events, "displayTimeUnit": "ns"}
