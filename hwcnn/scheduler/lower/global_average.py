"""Averages over a whole map of many pixels, on the array.

The weights are an identity matrix, the same for all channel blocks, so the blocks are the pixels of
a pass: a pass adds one pixel of the map to the sums of all blocks.
"""

import numpy as np

from hwcnn import isa
from hwcnn.errors import InputError
from hwcnn.scheduler import weight_image

from .conv_plan import split


def lower_global_average(low, op):
    """Emit an ``ir.Pool`` that is a global average."""
    config, x = low.config, low.placements[op.x]
    _, _, height, width = x.shape
    parts = max(1, config.rows // config.cols)  # output blocks in a DRAM block
    room = config.act_vectors // 2
    most = min(x.blocks, room // width, config.acc_depth // parts)
    if most < 1:
        raise InputError(
            f"layer {op.name!r}: a row of its input is {width} vectors, more than half of the activation buffer: "
            f"increase act_kib"
        )
    groups = split(x.blocks, most)
    rows = min(height, room // (width * (groups[0][1] - groups[0][0])))
    tiles = [
        low.image.add(np.tile(tile, (rows * width, 1, 1))) for tile in _identities(config, parts)
    ]
    param, slot = _params(low, op)
    for image in range(x.shape[0]):
        for blocks in groups:
            _sum(low, op, image, blocks, split(height, rows), tiles, param, slot)


def _identities(config, parts):
    """The weight tile of each part of a block: int8 [rows, cols]."""
    eye = np.eye(config.rows, max(config.rows, config.cols), dtype=np.int8)
    return [eye[:, k * config.cols : (k + 1) * config.cols] for k in range(parts)]


def _params(low, op):
    channels, (mantissa, shift) = low.config.cols, next(iter(op.multipliers.values()))
    words = weight_image.parameter_words(
        np.full(channels, -op.kernel[0] * op.kernel[1] * op.x_zero),
        np.full(channels, mantissa),
        np.full(channels, shift),
    )
    slot, users = low.post_slots.take(1)
    address = low.image.add(words)
    return low.emit_params(
        0, address, slot, low.config.post_param_bytes, [("post", user) for user in users]
    ), slot


def _sum(low, op, image, blocks, row_chunks, tiles, param, slot):
    config, x, y = low.config, low.placements[op.x], low.placements[op.y]
    n, width = blocks[1] - blocks[0], x.shape[3]
    half = low.half
    low.half = 1 - half
    base, array = half * config.acc_depth, None
    for first, end in row_chunks:
        size = (end - first) * width
        region, readers = low.ring.claim(low.ring.place(n * size), n * size)
        deps = low.reads(op.x, (image, image + 1), blocks, (first, end)) + [
            ("array", r) for r in readers
        ]
        region.load = low.emit(
            isa.LOAD,
            dict(
                addr=x.address(image, blocks[0], first),
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
                dest=region.start,
            ),
            deps,
        )
        for k, tile in enumerate(tiles):
            low.emit(isa.WEIGHT, dict(addr=tile, n_bytes=size * config.tile_bytes))
            array = low.emit(
                isa.ARRAY,
                dict(
                    base=region.start,
                    n_cb=1,
                    s_cb=0,
                    n_ky=end - first,
                    s_ky=width,
                    n_kx=width,
                    s_kx=1,
                    n_ob=1,
                    s_ob=0,
                    n_y=n,
                    s_y=size,
                    n_x=1,
                    s_x=1,
                    acc=base + k * n,
                    accumulate=int(first > 0),
                ),
                [("load", region.load)],
            )
            array.after("post", low.drains[half])
        region.reader = array
    for k in range(len(tiles)):
        post = low.emit(
            isa.POST,
            dict(
                acc=base + k * n,
                n_blk=1,
                group=0,
                slot=slot,
                zero=op.zero,
                low=op.low,
                high=op.high,
                stage2=0,
                residual=0,
                ma=0,
                mb=0,
                c=0,
                shift=0,
                zero2=0,
                low2=0,
                high2=0,
                res_addr=0,
                out_addr=y.address(image, blocks[0]) + k * config.cols,
                out_blk_stride=0,
                out_row_stride=0,
                out_pix_stride=y.lanes,
                out_rows=1,
                out_cols=n,
            ),
            [("array", array), ("param", param)],
        )
        low.wrote(op.y, (image, image + 1), blocks, (0, 1), post)
    low.post_slots.use(slot, 1, post)
    low.drains[half] = post
