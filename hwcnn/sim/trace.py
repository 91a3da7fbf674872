"""A run as a Chrome trace, which Perfetto shows."""

from typing import Any

import numpy as np

from hwcnn.manifest import ProgramManifest

from .layer_cycles import layer_of
from .testbench.events import DONE, ENDS, START, EventLog


def trace(manifest: ProgramManifest, log: EventLog, program: int = 0) -> dict[str, Any]:
    """JSON-able trace events: a track an engine, a slice an instruction; a microsecond is a cycle.

    program : number of the process that they are shown as.
    """
    events: list[dict[str, Any]] = []
    for track, engine in enumerate(START):
        events.append(
            {
                "ph": "M",
                "name": "thread_name",
                "pid": program,
                "tid": track,
                "args": {"name": engine},
            }
        )
        starts, layers = log.starts(engine), layer_of(manifest, engine)
        if engine in ENDS:
            ends = log.done(ENDS[engine])
        else:  # each ends where the next one starts, the last with the last ARRAY
            ends = np.append(starts[1:], log.done(DONE[1])[-1:])
        # of an engine that a fault has stopped, the last ones have no end
        for number, (start, end) in enumerate(zip(starts, ends, strict=False)):
            events.append(
                {
                    "ph": "X",
                    "name": manifest.layers[layers[number]].name,
                    "cat": engine,
                    "pid": program,
                    "tid": track,
                    "ts": int(start),
                    "dur": int(end - start),
                    "args": {"instruction": number},
                }
            )
    return {"traceEvents": events, "displayTimeUnit": "ns"}
