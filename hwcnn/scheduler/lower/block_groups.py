"""Which input blocks each output block of a convolution reads."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np

from hwcnn import ir, isa
from hwcnn.layout import Placement

from .kernel_taps import TapGrid, Taps, single_taps, tap_pairs
from .ranges import Range, split


@dataclass(frozen=True)
class BlockGroup:
    """Consecutive output blocks that read input blocks in a regular way: output block ``first + i``
    reads the ``count`` blocks from ``block + i*step`` on, for i < ``n``.

    adds : to the sums of groups before it, which have the same output blocks. summand : index of
    the int8 weights that are used, where these add up to wider ones (`conv_weights.int8_summands`).
    half : LOAD's; other than 0, the group reads one block, of which it needs this half only, and a
    pass does two taps.
    """

    first: int
    n: int
    block: int
    count: int
    step: int
    adds: bool = False
    summand: int = 0
    half: int = isa.HALF_NONE

    def taps(self, kernel: Taps) -> tuple[TapGrid, ...]:
        """The taps of its passes."""
        return tap_pairs(kernel) if self.half else single_taps(kernel)

    def passes(self, kernel: Taps) -> int:
        """Passes of each of its output blocks."""
        return self.count * sum(grid.passes for grid in self.taps(kernel))

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


def with_tap_pairs(
    groups: tuple[BlockGroup, ...], op: ir.Conv, x: Placement, cols: int
) -> tuple[BlockGroup, ...]:
    """The groups with two taps a pass for every block of which they need one half of the lanes."""
    if op.kernel == (1, 1):
        return groups
    found: list[BlockGroup] = []
    for group in groups:
        parts = group.singles() if group.step else [group]
        halves = [_halves(part, op, x, cols) for part in parts]
        if any(map(any, halves)):
            for part, needed in zip(parts, halves, strict=True):
                found += _by_half(part, needed)
        else:
            found.append(group)
    return tuple(found)


def _by_half(group: BlockGroup, halves: list[int]) -> list[BlockGroup]:
    """A group of step 0 as groups that need all lanes of their blocks, or a half of one."""
    edges = [i for i in range(1, group.count) if halves[i] or halves[i - 1]]
    return [
        replace(group, block=group.block + a, count=b - a, adds=group.adds or a > 0, half=halves[a])
        for a, b in pairwise([0, *edges, group.count])
    ]


def _halves(group: BlockGroup, op: ir.Conv, x: Placement, cols: int) -> list[int]:
    """`BlockGroup.half` of each block that a group of step 0 reads."""
    channels = np.arange(x.shape[1])
    if op.groups > 1:
        cout, cin = op.weight.shape[0] // op.groups, op.weight.shape[1]
        last = min((group.first + group.n) * cols, op.weight.shape[0]) - 1
        first = min(group.first * cols, last) // cout
        channels = channels[first * cin : (last // cout + 1) * cin]
    used = np.zeros((x.blocks, 2), bool)
    half = x.lanes // 2
    used.reshape(-1)[x.positions()[channels] // half] = True
    names = {(True, False): isa.HALF_LOWER, (False, True): isa.HALF_UPPER}
    read = used[group.block : group.block + group.count].tolist()
    return [names.get((lower, upper), isa.HALF_NONE) for lower, upper in read]


def half_places(groups: Iterable[BlockGroup], in_blocks: int) -> dict[tuple[int, int], int]:
    """By (block, half): where in the buffer a half lies of a tile that stays there, in blocks from
    the first. Whole blocks lie in order; a half lies in the place of its block if nothing else
    does, otherwise behind all blocks.
    """
    groups = list(groups)
    taken = {block for group in groups if not group.half for block in range(*group.blocks)}
    places: dict[tuple[int, int], int] = {}
    behind = in_blocks
    for block, half in dict.fromkeys((group.block, group.half) for group in groups if group.half):
        if block in taken:
            places[block, half], behind = behind, behind + 1
        else:
            places[block, half] = block
            taken.add(block)
    return places


def by_producer(groups: tuple[BlockGroup, ...], producers: Sequence[int]) -> tuple[BlockGroup, ...]:
    """The groups of a convolution without ONNX groups, such that what is written last is read last.

    producers : of each input block, the layer that writes it.
    """
    read = [producers[block] for group in groups for block in range(*group.blocks)]
    if sorted(read) == read:
        return groups
    found: list[BlockGroup] = []
    for _, same in groupby(groups, key=lambda group: (group.first, group.n)):
        parts = [part for group in same for part in _parts(group, producers)]
        parts.sort(key=lambda part: producers[part.block])
        found += [replace(part, adds=i > 0) for i, part in enumerate(parts)]
    return tuple(found)


def _parts(group: BlockGroup, producers: Sequence[int]) -> list[BlockGroup]:
    """A group of step 0 as groups that read the blocks of one producer each."""
    first, end = group.blocks
    edges = [i for i in range(first + 1, end) if producers[i] != producers[i - 1]]
    return [replace(group, block=a, count=b - a) for a, b in pairwise([first, *edges, end])]


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
