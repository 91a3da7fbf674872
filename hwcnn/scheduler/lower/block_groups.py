"""Which input blocks each output block of a convolution reads."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from hwcnn import ir
from hwcnn.layout import Placement

from .ranges import Range, split


@dataclass(frozen=True)
class BlockGroup:
    """Consecutive output blocks that read input blocks in a regular way: output block ``first + i``
    reads the ``count`` blocks from ``block + i*step`` on, for i < ``n``.

    adds : to the sums of groups before it, which have the same output blocks. summand : index of
    the int8 weights that are used, where these add up to wider ones (`conv_weights.int8_summands`).
    """

    first: int
    n: int
    block: int
    count: int
    step: int
    adds: bool = False
    summand: int = 0

    def within(self, first: int, end: int) -> "BlockGroup | None":
        """The group's output blocks in [first, end), or None."""
        a, b = max(self.first, first), min(self.first + self.n, end)
        if a >= b:
            return None
        return replace(self, first=a, n=b - a, block=self.block + (a - self.first) * self.step)

    @property
    def blocks(self) -> Range:
        """Input blocks that it reads."""
        return self.block, self.block + (self.n - 1) * self.step + self.count

    def singles(self) -> list["BlockGroup"]:
        """The same as groups of one output block, whose input blocks can be loaded bit by bit, as
        those of step 0.
        """
        return [
            replace(self, first=self.first + i, n=1, block=self.block + i * self.step, step=0)
            for i in range(self.n)
        ]

    def fitted(self, limit: int) -> list["BlockGroup"]:
        """The same as groups that read at most `limit` input blocks, or whose input can be loaded
        bit by bit.
        """
        first, end = self.blocks
        if self.step == 0 or end - first <= limit:
            return [self]
        if self.count >= limit or self.step >= limit:
            return self.singles()
        n = max(1, (limit - self.count) // self.step + 1)
        starts = range(self.first, self.first + self.n, n)
        return [group for at in starts if (group := self.within(at, at + n))]


def all_blocks(op: ir.Conv, x: Placement, out_blocks: int, cols: int) -> tuple[BlockGroup, ...]:
    """The groups of a convolution's output blocks of `cols` channels, in order; x : placement of
    its input.

    A dense convolution is one group. With ONNX's `group`, an output block reads only the blocks of
    its groups' channels.
    """
    if op.groups == 1:
        return (BlockGroup(0, out_blocks, 0, x.blocks, 0),)
    cout, cin = op.weight.shape[0] // op.groups, op.weight.shape[1]
    block_of = x.positions() // x.lanes
    found: list[BlockGroup] = []
    for ob in range(out_blocks):
        first = min(ob * cols, op.weight.shape[0] - 1) // cout
        last = min((ob + 1) * cols, op.weight.shape[0]) - 1
        last = max(first, last // cout)
        block, end = int(block_of[first * cin]), int(block_of[(last + 1) * cin - 1]) + 1
        found = _extend(found, BlockGroup(ob, 1, block, end - block, 0))
    return tuple(found)


def nonzero_blocks(op: ir.Conv, x: Placement, out_blocks: int, cols: int) -> tuple[BlockGroup, ...]:
    """The groups of a convolution without ONNX groups that leave out the weight tiles which are all
    zero, but for one where an output block has no other. Output blocks in a row with the same tiles
    share their groups.
    """
    used = np.zeros((out_blocks * cols, x.blocks * x.lanes), bool)
    used[: len(op.weight), x.positions()] = (op.weight != 0).any(axis=(2, 3))
    tiles = used.reshape(out_blocks, cols, x.blocks, x.lanes).max(axis=(1, 3))
    tiles[~np.any(tiles, axis=1), 0] = True
    changes = np.flatnonzero(np.any(tiles[1:] != tiles[:-1], axis=1)) + 1
    found: list[BlockGroup] = []
    for first, end in pairwise([0, *changes.tolist(), out_blocks]):
        edges = np.flatnonzero(np.diff(tiles[first], prepend=False, append=False)).tolist()
        found += [
            BlockGroup(first, end - first, block, block_end - block, 0, adds=block > edges[0])
            for block, block_end in zip(edges[::2], edges[1::2], strict=True)
        ]
    return tuple(found)


def with_summands(groups: tuple[BlockGroup, ...], count: int) -> tuple[BlockGroup, ...]:
    """The groups once for each of `count` int8 summands of the weights."""
    return tuple(
        replace(group, summand=i, adds=group.adds or i > 0)
        for i in range(count)
        for group in groups
    )


def groups_by_half(
    block_groups: tuple[BlockGroup, ...], out_blocks: int, most: int, max_load_blocks: int
) -> list[tuple[Range, list[BlockGroup]]]:
    """The output blocks that share an accumulator half, at most `most`, and what they read; groups
    whose input blocks step read at most `max_load_blocks`.
    """
    return [
        (
            (first, end),
            [
                fitted
                for group in block_groups
                if (inside := group.within(first, end))
                for fitted in inside.fitted(max_load_blocks)
            ],
        )
        for first, end in split(out_blocks, most)
    ]


def _extend(found: list[BlockGroup], new: BlockGroup) -> list[BlockGroup]:
    """The groups with one output block more, in the last group where that stays regular."""
    if found and found[-1].count == new.count:
        last = found[-1]
        step = new.block - (last.block + (last.n - 1) * last.step)
        if step >= 0 and (last.n == 1 or step == last.step):
            return [*found[:-1], replace(last, n=last.n + 1, step=step)]
    return [*found, new]
