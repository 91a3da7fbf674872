"""What tile operations share: buffer space, parameter slots, and who wrote which part of DRAM.

Each allocator hands out space in the order of the engine that uses it and says on which operations
the new user depends.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(eq=False)
class Region:
    """A span of the activation buffer. load : the operation that fills it; reader : the last that
    reads it.
    """

    start: int
    size: int
    load: object = None
    reader: object = None


class ActivationRing:
    """The activation buffer as a ring of contiguous spans.

    `place` finds room for a span; `claim` takes a part of it and returns the region with the ARRAY
    operations that must be over before it is overwritten.
    """

    def __init__(self, vectors):
        self.vectors = vectors
        self._cursor = 0
        self._live = []  # (start, end, region), disjoint

    def place(self, size):
        if size > self.vectors:
            raise ValueError(f"{size} vectors do not fit into {self.vectors}")
        if self._cursor + size > self.vectors:
            self._cursor = 0
        start = self._cursor
        self._cursor += size
        return start

    def claim(self, start, size):
        end, kept, readers = start + size, [], []
        for low, high, region in self._live:
            if high <= start or low >= end:
                kept.append((low, high, region))
                continue
            if region.reader is None:
                raise ValueError("a region is overwritten before anything has read it")
            readers.append(region.reader)
            kept += [(a, b, region) for a, b in ((low, start), (end, high)) if a < b]
        region = Region(start, size)
        self._live = kept + [(start, end, region)]
        return region, readers


class SlotRing:
    """Parameter slots as a ring; a span may wrap around. Users are operations, in order."""

    def __init__(self, slots):
        self.slots = slots
        self._next = 0
        self._user = [None] * slots

    def take(self, n):
        """(first slot, operations that use the slots until now)."""
        first = self._next
        self._next = (first + n) % self.slots
        users = {
            id(u): u
            for u in (self._user[(first + i) % self.slots] for i in range(n))
            if u is not None
        }
        return first, list(users.values())

    def use(self, first, n, op):
        for i in range(n):
            self._user[(first + i) % self.slots] = op


class Writers:
    """Which operation last wrote each row of each block of an allocation. Host-written rows have
    none.
    """

    def __init__(self):
        self._ops = []
        self._maps = {}

    def add(self, root, images, blocks, rows):
        self._maps[root] = np.full((images, blocks, rows), -1, np.int32)

    def wrote(self, root, images, blocks, rows, op):
        self._maps[root][slice(*images), slice(*blocks), slice(*rows)] = len(self._ops)
        self._ops.append(op)

    def producers(self, root, blocks):
        """Layer that wrote each block last (-1: the host)."""
        written = self._maps[root][0, slice(*blocks), -1]
        return [self._ops[i].layer if i >= 0 else -1 for i in written]

    def readers_wait(self, root, images, blocks, rows):
        """(counter, operation) pairs that cover a region: of each stream of writers the last."""
        last = {}
        for i in np.unique(self._maps[root][slice(*images), slice(*blocks), slice(*rows)]):
            if i >= 0:
                last[self._ops[i].queue, self._ops[i].stream] = self._ops[i]
        return [("pstore" if op.queue == "post" else "vstore", op) for op in last.values()]
