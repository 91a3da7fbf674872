"""What tile operations share: buffer space, parameter slots, and who wrote which part of DRAM.

Each allocator hands out space in the order of the engine that uses it and says on which operations
the new user depends.
"""

from dataclasses import dataclass, field

import numpy as np

from hwcnn.tile_ops import TileOp


@dataclass(eq=False)
class BufferSpan:
    """Vectors [start, start + size) of the activation buffer. load : the operation that fills it;
    reader : the last that reads it.
    """

    start: int
    size: int
    load: TileOp = field(init=False)
    reader: TileOp | None = None


class ActivationRing:
    """The activation buffer as a ring of contiguous spans.

    `place` finds space for a span; `claim` takes a part of it and returns the span with the ARRAY
    operations that must be over before it is overwritten.
    """

    def __init__(self, vectors: int):
        self.vectors = vectors
        self._cursor = 0
        self._live: list[tuple[int, int, BufferSpan]] = []  # (start, end, span), disjoint

    def place(self, size: int) -> int:
        """Address of the next `size` vectors in a row; ValueError if there are not so many."""
        if size > self.vectors:
            raise ValueError(f"{size} vectors do not fit into {self.vectors}")
        if self._cursor + size > self.vectors:
            self._cursor = 0
        start = self._cursor
        self._cursor += size
        return start

    def claim(self, start: int, size: int) -> tuple[BufferSpan, list[TileOp]]:
        """(the new span, last readers of what it overwrites). Raises ValueError where something is
        overwritten that nothing has read.
        """
        end, kept, readers = start + size, [], []
        for old, old_end, span in self._live:
            if old_end <= start or old >= end:
                kept.append((old, old_end, span))
                continue
            if span.reader is None:
                raise ValueError("a span is overwritten before anything has read it")
            readers.append(span.reader)
            kept += [(a, b, span) for a, b in ((old, start), (end, old_end)) if a < b]
        span = BufferSpan(start, size)
        self._live = [*kept, (start, end, span)]
        return span, readers


class SlotRing:
    """Parameter slots as a ring; a span may wrap around. Users are operations, in order."""

    def __init__(self, slots: int):
        self.slots = slots
        self._next = 0
        self._user: list[TileOp | None] = [None] * slots

    def take(self, n: int) -> tuple[int, list[TileOp]]:
        """(first of the next n slots, operations that use them until now)."""
        first = self._next
        self._next = (first + n) % self.slots
        users = (self._user[(first + i) % self.slots] for i in range(n))
        return first, list({id(user): user for user in users if user is not None}.values())

    def use(self, first: int, n: int, op: TileOp) -> None:
        """`op` uses n slots."""
        for i in range(n):
            self._user[(first + i) % self.slots] = op


class Writers:
    """Which operation last wrote each row of each block of an allocation. Host-written rows have
    none. Images, blocks and rows are (first, end), rows also (first, end, step).
    """

    def __init__(self):
        self._ops: list[TileOp] = []
        self._maps: dict[str, np.ndarray] = {}

    def add(self, root: str, images: int, blocks: int, rows: int) -> None:
        """A new allocation, that of tensor `root`."""
        self._maps[root] = np.full((images, blocks, rows), -1, np.int32)

    def wrote(
        self,
        root: str,
        images: tuple[int, int],
        blocks: tuple[int, int],
        rows: tuple[int, ...],
        op: TileOp,
    ) -> None:
        """`op` writes a region."""
        self._maps[root][slice(*images), slice(*blocks), slice(*rows)] = len(self._ops)
        self._ops.append(op)

    def readers_wait(
        self, root: str, images: tuple[int, int], blocks: tuple[int, int], rows: tuple[int, int]
    ) -> list[tuple[str, TileOp]]:
        """(counter, operation) pairs that cover a region: of each stream of writers the last."""
        last = {}
        for i in np.unique(self._maps[root][slice(*images), slice(*blocks), slice(*rows)]):
            if i >= 0:
                last[self._ops[i].queue, self._ops[i].stream] = self._ops[i]
        return [("pstore" if op.queue == "post" else "vstore", op) for op in last.values()]
