"""Tiles of several layers in turns, where the array would wait: for the vector engine or for the
bus.

Layer by layer, the array stands still while a pool or a normalisation goes on with what it has
made, or while maps are read that are large for their few multiplications. Tiles of later layers
whose input is there can go first then. A first order of the program, layer by layer, says how long
each tile takes and when its operands are there; from that a list scheduler makes the sequence.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from hwcnn.config import AccelConfig
from hwcnn.cycles.engine_cycles import array_cycles
from hwcnn.cycles.operands import LOAD_PATH
from hwcnn.cycles.traffic import beats, padded_vectors
from hwcnn.limits import READ_LATENCY
from hwcnn.tile_ops import TileOp

from .order import Order

#: The least share of the cycles in which the array has no work, for that to be worth the time.
IDLE = 0.01
#: Layers of the array from the first one that is not over, of which the next tile may be taken.
WINDOW = 6
#: A later layer's tile goes first only where it can start so many cycles earlier.
WORTH_A_TURN = 256


@dataclass(eq=False)
class ArrayTile:
    """What the array and what feeds and drains it do for a tile of a layer, emitted when its turn
    is known.

    slots : parameter slots that the layer's first tile fills and the others use; None where each
    fills its own, so that no tile of another layer may come between. ops : the operations, once
    emitted.
    """

    layer: int
    emit: Callable[[], None]
    slots: int | None
    ops: list[TileOp] = field(default_factory=list)


@dataclass
class _Tile:
    """A tile in the first order. index : in the sequence. start, end : of its ARRAYs. ready : when
    its operands can be in the buffer. gap : cycles that it waited for something else. needs : tiles
    whose results it uses, the last of each layer.
    """

    index: int
    tile: ArrayTile
    start: int
    end: int
    ready: int
    gap: int = 0
    needs: tuple[int, ...] = ()


@dataclass
class _Slots:
    """Who holds parameter slots. taken : slots handed out so far. since : of each layer that has
    begun and is not over, `taken` before it took its own; minus infinity where it takes others for
    each tile.
    """

    slots: int
    taken: int = 0
    since: dict[int, float] = field(default_factory=dict)

    def allow(self, tile: ArrayTile) -> bool:
        """Whether a tile can be next without overwriting what a layer still uses."""
        if tile.layer in self.since or not self.since:
            return True
        held = self.taken - min(self.since.values())
        return tile.slots is not None and held + tile.slots <= self.slots

    def take(self, tile: ArrayTile, is_last: bool) -> None:
        """A tile is next."""
        if tile.layer not in self.since:
            self.since[tile.layer] = -math.inf if tile.slots is None else self.taken
            self.taken += tile.slots or 0
        if is_last:
            del self.since[tile.layer]


def sequence(tiles: Sequence[ArrayTile], first: Order, config: AccelConfig) -> list[int] | None:
    """Indices of the array's tiles in the order in which they should be emitted; None for layer by
    layer.

    tiles : layer by layer, as they were emitted for `first`.
    """
    arrays = [op for tile in tiles for op in tile.ops if op.queue == "array"]
    if first.cycles - sum(array_cycles(op.values, config) for op in arrays) < IDLE * first.cycles:
        return None
    known = _tiles(tiles, first, config)
    queues = _by_layer(known)
    ends: dict[int, int] = {}  # of the tiles in the sequence, by index
    last: dict[int, int] = {}  # of the layers that have begun
    slots, now, found = _Slots(config.param_slots), 0, list[int]()
    while queues:
        best, best_start = queues[0], math.inf
        for queue in queues[:WINDOW]:
            item = queue[0]
            if slots.allow(item.tile) and all(need in ends for need in item.needs):
                later = max((ends[need] - known[need].end for need in item.needs), default=0)
                start = max(now, item.ready + later, last.get(item.tile.layer, 0) + item.gap)
                if start + WORTH_A_TURN <= best_start:
                    best, best_start = queue, start
            if item.tile.layer not in last:
                break  # layers begin in order, so that slots never run out for the first one
        item = best.popleft()
        now = ends[item.index] = last[item.tile.layer] = int(best_start) + item.end - item.start
        slots.take(item.tile, not best)
        queues = [queue for queue in queues if queue]
        found.append(item.index)
    return None if found == sorted(found) else found


def _by_layer(tiles: Iterable[_Tile]) -> list[deque[_Tile]]:
    queues: dict[int, deque[_Tile]] = {}
    for item in tiles:
        queues.setdefault(item.tile.layer, deque()).append(item)
    return list(queues.values())


def _tiles(tiles: Sequence[ArrayTile], first: Order, config: AccelConfig) -> list[_Tile]:
    """What the first order says of the tiles."""
    reached = _reached(tiles, first)
    found: list[_Tile] = []
    free = 0
    for index, tile in enumerate(tiles):
        arrays = [op for op in tile.ops if op.queue == "array"]
        start = first.starts[id(arrays[0])]
        end = first.starts[id(arrays[-1])] + array_cycles(arrays[-1].values, config)
        producers = [
            (counter, other)
            for op in tile.ops
            for counter, other in op.deps
            if counter in ("pstore", "vstore")
        ]
        load = next(op for op in tile.ops if op.queue == "load")
        ready = max((first.model.counted(c, other) for c, other in producers), default=0)
        ready += READ_LATENCY + LOAD_PATH
        ready += beats(padded_vectors(load.values) * config.lanes, config)
        needs: dict[int, int] = {}
        for _, other in producers:
            _merge(needs, reached[id(other)])
        gap = max(0, start - max(free, ready))
        found.append(_Tile(index, tile, start, end, ready, gap, tuple(needs.values())))
        free = end
    return found


def _reached(tiles: Sequence[ArrayTile], first: Order) -> dict[int, dict[int, int]]:
    """By id of each POST and each operation of the vector engine: by layer, the last of the tiles
    without which it cannot end.
    """
    reached = {
        id(op): {tile.layer: index}
        for index, tile in enumerate(tiles)
        for op in tile.ops
        if op.queue == "post"
    }
    before: dict[tuple[int, int], dict[int, int]] = {}  # of the last operation of each stream
    for op in first.ops:  # none comes before one that it depends on
        if op.stream is not None:
            mine = dict(before.get(op.stream, {}))
            for _, other in op.deps:
                _merge(mine, reached[id(other)])
            before[op.stream] = reached[id(op)] = mine
    return reached


def _merge(into: dict[int, int], other: dict[int, int]) -> None:
    for layer, index in other.items():
        into[layer] = max(into.get(layer, index), index)
