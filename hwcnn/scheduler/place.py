"""Gives every tensor its place: concatenations own their operands' memory, all else has an
allocation of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.layout import Placement, blocks_of, dense, join
from hwcnn.limits import MAX_DRAM

#: Allocations start at multiples of so many bytes.
ALIGN = 4096

#: (position, channels) of each run of consecutive channels of a tensor; see `layout.Placement`.
Runs = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Home:
    """root : tensor that owns the allocation; block : first block inside it."""

    root: str
    block: int

    def inside(self, blocks: tuple[int, int]) -> tuple[int, int]:
        """Blocks (first, end) of the tensor, counted in the allocation."""
        return self.block + blocks[0], self.block + blocks[1]


@dataclass(frozen=True)
class TensorPlaces:
    """Where the tensors of a graph lie. placements, homes : of each tensor. root_blocks : blocks of
    each allocation, by its root. end : bytes used, from address 0 up.
    """

    placements: dict[str, Placement]
    homes: dict[str, Home]
    root_blocks: dict[str, int]
    end: int


def align(address: int) -> int:
    """The next address at which an allocation may start."""
    return -(-address // ALIGN) * ALIGN


def lane_runs(graph: ir.Graph, lanes: int) -> dict[str, Runs]:
    """Runs of every tensor: results of the array and inputs are dense, the vector engine keeps its
    operand's lanes.
    """
    runs: dict[str, Runs] = {name: dense(graph.tensors[name].shape[1]) for name in graph.inputs}
    for op in graph.ops:
        runs[op.y] = result_runs(op, runs, graph.tensors, lanes)
    return runs


def result_runs(
    op: ir.Op, runs: Mapping[str, Runs], tensors: Mapping[str, ir.Tensor], lanes: int
) -> Runs:
    """Runs of an operation's result; runs : of its operands, by name."""
    if isinstance(op, ir.ARRAY_OPS):
        return dense(tensors[op.y].shape[1])
    if isinstance(op, ir.Concat):
        return join([runs[x] for x in op.xs], lanes)
    return runs[op.inputs[0]]


def homes(
    graph: ir.Graph, runs: Mapping[str, Runs], lanes: int
) -> tuple[dict[str, Home], list[tuple[ir.Concat, int]]]:
    """Home of every tensor, and the operands of concatenations that need a copy, as (concatenation,
    index).

    From the last concatenation to the first, so that a concatenation inside another is placed
    there.
    """
    placed = {name: Home(name, 0) for name in graph.inputs}
    copies: list[tuple[ir.Concat, int]] = []
    for op in reversed([op for op in graph.ops if isinstance(op, ir.Concat)]):
        offsets = np.cumsum([0] + [blocks_of(runs[x], lanes) for x in op.xs]).tolist()
        if op.y not in placed:
            placed[op.y] = _alias(op, placed, offsets) or Home(op.y, 0)
        base = placed[op.y]
        for i, x in enumerate(op.xs):
            want = Home(base.root, base.block + offsets[i])
            if placed.setdefault(x, want) != want:
                copies.append((op, i))
    for name in graph.tensors:
        placed.setdefault(name, Home(name, 0))
    return placed, copies


def _alias(op: ir.Concat, placed: Mapping[str, Home], offsets: list[int]) -> Home | None:
    """Home of a concatenation whose operands already lie one behind the other, or None."""
    first = placed.get(op.xs[0])
    if first is None or first.root == op.xs[0]:
        return None
    wanted = [Home(first.root, first.block + offset) for offset in offsets[:-1]]
    return first if [placed.get(x) for x in op.xs] == wanted else None


def place(graph: ir.Graph, lanes: int) -> TensorPlaces:
    """Where a graph's tensors lie, from address 0 up.

    Raises InputError where they take more than memory has, and ValueError where operands of
    concatenations must be copied first (`rewrite.copy_operands`).
    """
    runs = lane_runs(graph, lanes)
    home, copies = homes(graph, runs, lanes)
    if copies:
        raise ValueError("operands of concatenations must be copied first")
    blocks: dict[str, int] = {}
    for name, h in home.items():
        blocks[h.root] = max(blocks.get(h.root, 0), h.block + blocks_of(runs[name], lanes))
    address, base = 0, {}
    for root, count in blocks.items():
        n, _, height, width = graph.tensors[root].shape
        base[root] = address
        address = align(address + n * count * height * width * lanes)
    if address >= MAX_DRAM:
        images = graph.tensors[graph.inputs[0]].shape[0]
        raise InputError(
            f"{graph.name}: its tensors take {address} bytes of DRAM in a batch of {images}: at "
            "most 4 GiB"
        )
    placements: dict[str, Placement] = {}
    for name, h in home.items():
        tensor = graph.tensors[name]
        plane = tensor.shape[2] * tensor.shape[3] * lanes
        placements[name] = Placement(
            base[h.root] + h.block * plane,
            tensor.shape,
            lanes,
            blocks[h.root] * plane,
            runs[name],
            tensor.zero,
        )
    return TensorPlaces(placements, home, blocks, address)
