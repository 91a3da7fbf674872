"""From the record of a run to what each layer took: cycles, and what the array waited for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hwcnn.manifest import Layer, ProgramManifest

from .testbench.events import ENDS, LEVELS, EventLog

#: Causes of stalls, as the accelerator counts them.
STALLS = tuple(name.removeprefix("stall_") for name in LEVELS if name.startswith("stall_"))


@dataclass(frozen=True)
class LayerCycles:
    """Of one layer. cycles : see `cycles_from`. array_busy : cycles in which the array took a
    pixel. stalls : cycles in which it waited, by cause, while the layer's ARRAYs were next.
    """

    cycles: int
    array_busy: int
    stalls: dict[str, int]


def layer_of(manifest: ProgramManifest, queue: str) -> np.ndarray:
    """The layer of each instruction of a queue, in order: int64 [instructions]."""
    runs = manifest.queues[queue]
    return np.repeat([layer for layer, _ in runs], [count for _, count in runs]).astype(np.int64)


def finishes(manifest: ProgramManifest, log: EventLog) -> np.ndarray:
    """Cycle at which the last result of each layer was in memory, int64 [layers]; 0 for a layer
    that has no instruction that writes.
    """
    finish = np.zeros(len(manifest.layers), np.int64)
    for queue in ("post", "vector"):
        np.maximum.at(finish, layer_of(manifest, queue), log.done(ENDS[queue]))
    return finish


def cycles_from(finish: np.ndarray) -> np.ndarray:
    """Cycles of each layer: from the end of all layers before it to its own end; they add up to the
    last end.

    A layer that overlaps with those before it, and ends before them, takes none.
    """
    ends = np.maximum.accumulate(finish)
    return np.diff(ends, prepend=0)


def layer_cycles(manifest: ProgramManifest, log: EventLog) -> list[LayerCycles]:
    """What each layer took, in the manifest's order."""
    ends, owner = log.done("array"), layer_of(manifest, "array")
    layers = len(manifest.layers)

    def by_layer(level: str) -> list[int]:
        """Cycles in which a level was high, from the end of an ARRAY to that of the next."""
        total = np.zeros(layers, np.int64)
        np.add.at(total, owner, np.diff(log.level_at(ends, level), prepend=0))
        return total.tolist()

    busy = by_layer("array_busy")
    stalls = {cause: by_layer(f"stall_{cause}") for cause in STALLS}
    return [
        LayerCycles(int(cycles), busy[n], {cause: counts[n] for cause, counts in stalls.items()})
        for n, cycles in enumerate(cycles_from(finishes(manifest, log)))
    ]


def convolutional_layers(layers: Sequence[Layer]) -> int:
    """Number of layers before the fully connected ones at the end of the network (and what follows
    these).
    """
    convs = [i for i, layer in enumerate(layers) if layer.macs and not layer.fully_connected]
    last = convs[-1] if convs else -1
    at_end = [i for i, layer in enumerate(layers) if layer.fully_connected and i > last]
    return at_end[0] if at_end else len(layers)
