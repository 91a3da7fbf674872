"""Averages over a whole map of many pixels, on the array.

The weights are an identity matrix, the same for all channel blocks, so the blocks are the pixels of
a pass: a pass adds one pixel of the map to the sums of all blocks.
"""

from collections.abc import Sequence

import numpy as np

from hwcnn import ir, isa
from hwcnn.config import AccelConfig
from hwcnn.errors import InputError
from hwcnn.scheduler import weight_image
from hwcnn.scheduler.allocators import BufferSpan
from hwcnn.tile_ops import TileOp

from .lowering import NO_SECOND_STAGE, Lowering
from .ranges import Range, split


def lower_global_average(lowering: Lowering, op: ir.Pool) -> None:
    """Emit an ``ir.Pool`` that is a global average (`averages.is_global_average`).

    Raises InputError where a row of the map does not fit into half of the activation buffer.
    """
    config, x = lowering.config, lowering.placements[op.x]
    _, _, height, width = x.shape
    available = config.act_vectors // 2
    out_blocks = max(1, config.rows // config.cols)  # in a DRAM block
    most = min(x.blocks, available // width, config.acc_depth // out_blocks)
    if most < 1:
        raise InputError(
            f"layer {op.name!r}: a row of its input is {width} vectors, more than half of the "
            "activation buffer: increase act_kib"
        )
    block_ranges = split(x.blocks, most)
    rows = min(height, available // (width * (block_ranges[0][1] - block_ranges[0][0])))
    weights = [
        lowering.image.add(np.tile(tile, (rows * width, 1, 1)))
        for tile in _identities(config, out_blocks)
    ]
    param, slot = lowering.load_post_params(lowering.image.add(_parameters(op, config.cols)), 1)
    for image in range(x.shape[0]):
        for blocks in block_ranges:
            half = lowering.next_half()
            last = _sum(lowering, op, image, blocks, split(height, rows), weights, half)
            deps = [("array", last), ("param", param)]
            post = _drain(lowering, op, image, blocks, half, slot, deps)
            lowering.drains[half] = post
            lowering.post_slots.use(slot, 1, post)


def _identities(config: AccelConfig, out_blocks: int) -> list[np.ndarray]:
    """The weight tile of each output block in a DRAM block: int8 [rows, cols]."""
    eye = np.eye(config.rows, max(config.rows, config.cols), dtype=np.int8)
    return [eye[:, k * config.cols : (k + 1) * config.cols] for k in range(out_blocks)]


def _parameters(op: ir.Pool, cols: int) -> np.ndarray:
    """The parameter words of an output block, all the same."""
    mantissa, shift = next(iter(op.multipliers.values()))
    bias = -op.kernel[0] * op.kernel[1] * op.x_zero
    return weight_image.parameter_words(
        np.full(cols, bias), np.full(cols, mantissa), np.full(cols, shift)
    )


def _sum(
    lowering: Lowering,
    op: ir.Pool,
    image: int,
    blocks: Range,
    row_ranges: Sequence[Range],
    weights: Sequence[int],
    half: int,
) -> TileOp:
    """Emit the sums of some blocks of an image, in one accumulator half; returns the last ARRAY.

    weights : addresses of the weight tiles of each output block in a DRAM block.
    """
    n, width = blocks[1] - blocks[0], lowering.placements[op.x].shape[3]
    array = None
    for rows in row_ranges:
        size = (rows[1] - rows[0]) * width
        span = _load(lowering, op, image, blocks, rows)
        for k, address in enumerate(weights):
            n_bytes = size * lowering.config.tile_bytes
            lowering.emit(isa.WEIGHT, dict(addr=address, n_bytes=n_bytes))
            array = lowering.emit(
                isa.ARRAY,
                dict(
                    base=span.start,
                    n_cb=1,
                    s_cb=0,
                    n_ky=rows[1] - rows[0],
                    s_ky=width,
                    n_kx=width,
                    s_kx=1,
                    n_ob=1,
                    s_ob=0,
                    n_y=n,
                    s_y=size,
                    n_x=1,
                    s_x=1,
                    acc=half * lowering.config.acc_depth + k * n,
                    accumulate=int(rows[0] > 0),
                    upper=0,
                ),
                [("load", span.load)],
            )
            array.after("post", lowering.drains[half])
        span.reader = array
    assert array is not None, "a map has rows"
    return array


def _load(lowering: Lowering, op: ir.Pool, image: int, blocks: Range, rows: Range) -> BufferSpan:
    """Emit the LOAD of some rows of some blocks."""
    x, n = lowering.placements[op.x], blocks[1] - blocks[0]
    size = (rows[1] - rows[0]) * x.shape[3]
    span, readers = lowering.ring.claim(lowering.ring.place(n * size), n * size)
    span.load = lowering.emit(
        isa.LOAD,
        dict(
            addr=x.address(image, blocks[0], rows[0]),
            blk_stride=x.plane,
            row_stride=0,
            n_blk=n,
            n_rows=1,
            n_cols=size,
            pad_top=0,
            pad_bottom=0,
            pad_left=0,
            pad_right=0,
            pad_value=0,
            dest=span.start,
            half=isa.HALF_NONE,
        ),
        [("array", reader) for reader in readers],
    )
    lowering.reads(span.load, op.x, (image, image + 1), blocks, rows)
    return span


def _drain(
    lowering: Lowering,
    op: ir.Pool,
    image: int,
    blocks: Range,
    half: int,
    slot: int,
    deps: Sequence[tuple[str, TileOp]],
) -> TileOp:
    """Emit the POSTs of some blocks, one for each output block in a vector; returns the last."""
    config, y, n = lowering.config, lowering.placements[op.y], blocks[1] - blocks[0]
    posts = [
        lowering.emit(
            isa.POST,
            dict(
                acc=half * config.acc_depth + k * n,
                n_blk=1,
                group=0,
                slot=slot,
                zero=op.zero,
                low=op.low,
                high=op.high,
                **NO_SECOND_STAGE,
                out_addr=y.address(image, blocks[0]) + k * config.cols,
                out_blk_stride=0,
                out_row_stride=0,
                out_pix_stride=y.lanes,
                out_rows=1,
                out_cols=n,
            ),
            deps,
        )
        for k in range(max(1, config.rows // config.cols))
    ]
    for post in posts:
        lowering.wrote(op.y, (image, image + 1), blocks, (0, 1), post)
    return posts[-1]
