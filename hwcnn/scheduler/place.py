"""Gives every tensor its place: concatenations own their parts, all else has an allocation of its
own.
"""

from dataclasses import dataclass

import numpy as np

from hwcnn import ir
from hwcnn.errors import InputError
from hwcnn.layout import Placement, blocks_of, dense, join
from hwcnn.limits import MAX_DRAM

ALIGN = 4096


@dataclass(frozen=True)
class Home:
    """root : tensor that owns the allocation; block : first block inside it."""

    root: str
    block: int


def align(address):
    return -(-address // ALIGN) * ALIGN


def lane_runs(graph, lanes):
    """Runs of every tensor: results of the array and inputs are dense, the vector engine keeps its
    operand's lanes.
    """
    runs = {name: dense(graph.tensors[name].shape[1]) for name in graph.inputs}
    for op in graph.ops:
        runs[op.y] = result_runs(op, runs, graph.tensors, lanes)
    return runs


def result_runs(op, runs, tensors, lanes):
    """Runs of an operation's result; runs : of its operands, by name."""
    if isinstance(op, ir.ARRAY_OPS):
        return dense(tensors[op.y].shape[1])
    if isinstance(op, ir.Concat):
        return join([runs[x] for x in op.xs], lanes)
    return runs[op.inputs[0]]


def homes(graph, runs, lanes):
    """Home of every tensor, and the parts that need a copy: (homes, [(concat, index of the part)]).

    From the last concatenation to the first, so that a concatenation inside another is placed
    there.
    """
    placed = {name: Home(name, 0) for name in graph.inputs}
    copies = []
    for op in reversed([op for op in graph.ops if isinstance(op, ir.Concat)]):
        offsets = np.cumsum([0] + [blocks_of(runs[x], lanes) for x in op.xs])
        if op.y not in placed:
            placed[op.y] = _alias(op, placed, offsets) or Home(op.y, 0)
        base = placed[op.y]
        for i, x in enumerate(op.xs):
            want = Home(base.root, base.block + int(offsets[i]))
            if placed.setdefault(x, want) != want:
                copies.append((op, i))
    for name in graph.tensors:
        placed.setdefault(name, Home(name, 0))
    return placed, copies


def _alias(op, placed, offsets):
    """Home of a concatenation whose parts already lie one behind the other, or None."""
    first = placed.get(op.xs[0])
    if first is None or first.root == op.xs[0]:
        return None
    wanted = [Home(first.root, first.block + int(offset)) for offset in offsets[:-1]]
    return first if [placed.get(x) for x in op.xs] == wanted else None


def placements(graph, lanes):
    """(placements, homes, blocks of each root, bytes used) with tensors from address 0 up."""
    runs = lane_runs(graph, lanes)
    home, copies = homes(graph, runs, lanes)
    if copies:
        raise ValueError("copies of concatenation parts must be inserted first")
    blocks = {}
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
            f"{graph.name}: its tensors take {address} bytes of DRAM in a batch of {images}: at most 4 GiB"
        )
    placed = {}
    for name, h in home.items():
        tensor = graph.tensors[name]
        plane = tensor.shape[2] * tensor.shape[3] * lanes
        placed[name] = Placement(
            base[h.root] + h.block * plane,
            tensor.shape,
            lanes,
            blocks[h.root] * plane,
            runs[name],
            tensor.zero,
        )
    return placed, home, blocks, address
