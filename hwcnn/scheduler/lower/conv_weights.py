"""A convolution's weights in the order in which the array streams them."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from hwcnn import ir, isa
from hwcnn.layout import Placement

from .block_groups import BlockGroup
from .kernel_taps import TapGrid


def int8_summands(weight: np.ndarray) -> list[np.ndarray]:
    """The fewest int8 arrays that add up to `weight`, any integers: a pass each where int8 does not
    hold them.
    """
    if weight.dtype == np.int8:
        return [weight]
    count = max(1, -(-int(np.abs(weight).max(initial=0)) // 127))
    found: list[np.ndarray] = []
    for _ in range(count):
        found.append(np.clip(weight, -127 if count > 1 else -128, 127).astype(np.int8))
        weight = weight - found[-1]
    return found


def conv_weights(
    op: ir.Conv,
    x: Placement,
    halves: Sequence[tuple[Sequence[int], Sequence[BlockGroup]]],
    cols: int,
) -> list[np.ndarray]:
    """The weights of each accumulator half, int8 [bytes]: for each of its block groups
    ``[cb][ky][kx][output block][row][col]``, for each of its tap grids where these are several.

    x : placement of the input. halves : of each, the order of its output blocks of `cols` channels,
    and what they read. With one block group a half, the blocks may be in any order.
    """
    summands = [dataclasses.replace(op, weight=weight) for weight in int8_summands(op.weight)]
    full: list[np.ndarray] = []
    if op.groups == 1:
        out_blocks = sum(len(order) for order, _ in halves)
        full = [_on_lanes(each, x, out_blocks, cols) for each in summands]
    packed: list[np.ndarray] = []
    for order, block_groups in halves:
        tiles: list[np.ndarray] = []
        for g in block_groups:
            if op.groups == 1:
                at = g.first - block_groups[0].first
                blocks = list(order[at : at + g.n])
                tile = full[g.summand][blocks, :, g.block : g.block + g.count]
            else:
                tile = _grouped_tiles(summands[g.summand], x, g, cols)
            for grid in g.taps(op.kernel):
                passes = _passes(tile, grid, g.half).transpose(2, 4, 5, 0, 3, 1)
                tiles.append(np.ascontiguousarray(passes).reshape(-1))
        packed.append(tiles[0] if len(tiles) == 1 else np.concatenate(tiles))
    return packed


def _passes(tile: np.ndarray, grid: TapGrid, half: int) -> np.ndarray:
    """int8 [n, cols, count, lanes, ky, kx]: the weights of a grid's passes, from the same of all
    taps. half : of the lanes that it needs, as LOAD has it; these are then in both halves of the
    lanes, the upper one for the other tap.
    """
    if not half:
        return _pick(tile, grid, grid.first)
    middle = tile.shape[3] // 2
    tile = tile[:, :, :, :middle] if half == isa.HALF_LOWER else tile[:, :, :, middle:]
    lower = _pick(tile, grid, grid.first)
    upper = np.zeros_like(lower)
    if grid.other is not None:
        upper = _pick(tile, grid, (grid.first[0] + grid.other[0], grid.first[1] + grid.other[1]))
    return np.concatenate((lower, upper), axis=3)


def _pick(tile: np.ndarray, grid: TapGrid, first: tuple[int, int]) -> np.ndarray:
    """Of all taps those of a grid that begins at `first`."""
    rows, cols = (
        slice(at, at + (n - 1) * step + 1, step)
        for at, n, step in zip(first, grid.count, grid.step, strict=True)
    )
    return tile[..., rows, cols]


def _on_lanes(op: ir.Conv, x: Placement, out_blocks: int, cols: int) -> np.ndarray:
    """int8 [out_blocks, cols, input blocks, lanes, kh, kw]: dense weights on the lanes of the
    input; zero at holes.
    """
    cout, _, kh, kw = op.weight.shape
    full = np.zeros((out_blocks * cols, x.blocks * x.lanes, kh, kw), np.int8)
    full[:cout, x.positions()] = op.weight
    return full.reshape(out_blocks, cols, x.blocks, x.lanes, kh, kw)


def _grouped_tiles(op: ir.Conv, x: Placement, blocks: BlockGroup, cols: int) -> np.ndarray:
    """int8 [blocks.n, cols, blocks.count, lanes, kh, kw]: the weight tiles of a convolution with
    ONNX groups.
    """
    cout, cin, kh, kw = op.weight.shape
    tile = np.zeros((blocks.n, blocks.count * x.lanes, cols, kh, kw), np.int8)
    first, last = blocks.first * cols, min((blocks.first + blocks.n) * cols, cout)
    channel = np.arange(first, last)
    block = (channel - first) // cols
    inputs = x.positions()[(channel // (cout // op.groups))[:, None] * cin + np.arange(cin)]
    row = inputs - (blocks.block + block * blocks.step)[:, None] * x.lanes
    at, channel_in = np.nonzero((row >= 0) & (row < tile.shape[1]))
    tile[block[at], row[at, channel_in], (channel[at] - first) % cols] = op.weight[
        channel[at], channel_in
    ]
    split = tile.reshape(blocks.n, blocks.count, x.lanes, cols, kh, kw)
    return split.transpose(0, 3, 1, 2, 4, 5)
