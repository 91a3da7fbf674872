"""Everything that the vector engine does: pooling, element-wise operations, affine, tables, LRN."""

import numpy as np

from hwcnn import ir, isa, limits
from hwcnn.scheduler import weight_image

from .conv_geometry import span
from .conv_plan import split
from .pooling import lower_pool
from .vector_tiles import VectorLayer, need

_ALU = {"add": isa.ALU_ADD, "mul": isa.ALU_MUL, "max": isa.ALU_MAX, "min": isa.ALU_MIN}


def lower_vector(low, op):
    """Emit a pooling, element-wise, affine, table or LRN layer."""
    {ir.Pool: lower_pool, ir.Eltwise: _eltwise, ir.Affine: _affine, ir.Lut: _lut, ir.Lrn: _lrn}[
        type(op)
    ](low, op)


def _affine(low, op):
    need(low, op, "affine")
    layer, config = VectorLayer(low, op), low.config
    words = weight_image.vector_params(op, layer.x, config.vector_param_bytes)
    address = low.image.add(words)
    most = max(1, config.param_slots // 2)
    ranges = [
        (first + a, first + b) for first, end in layer.parts() for a, b in split(end - first, most)
    ]
    for first, end in ranges:
        slot, users = low.vector_slots.take(end - first)
        param = low.emit_params(
            1,
            address + first * config.vector_param_bytes,
            slot,
            (end - first) * config.vector_param_bytes,
            [("vstore", u) for u in users],
            (low.layer, first),
        )

        def values(blocks, _, slot=slot, first=first):
            return dict(
                per_channel=1,
                slot=(slot + blocks[0] - first) % config.param_slots,
                zero=op.zero,
                low=op.low,
                high=op.high,
            )

        for image in range(layer.x.shape[0]):
            for vector, blocks, _ in layer.part_tiles(
                image, (first, end), values, [("param", param)]
            ):
                low.vector_slots.use(slot + blocks[0] - first, blocks[1] - blocks[0], vector)


def _table(low, dest, data):
    users, low.table_users[dest] = low.table_users[dest], {}
    address = low.image.add(data)
    return low.emit_params(
        dest, address, 0, data.nbytes, [("vstore", user) for user in users.values()], (low.layer, 0)
    )


def _lut(low, op):
    need(low, op, "lut")
    layer = VectorLayer(low, op)
    param = _table(low, 3, np.asarray(op.table, np.int8))
    for vector in layer.map_tiles(dict(lut=1), [("param", param)]):
        low.table_users[3][vector.stream] = vector


def _eltwise(low, op):
    need(low, op, "eltwise")
    layer, b = VectorLayer(low, op), low.placements[op.b]
    broadcast = b.shape[2:] != layer.x.shape[2:]
    values = dict(
        alu=_ALU[op.kind],
        ca=op.ca,
        cb=op.cb,
        ma=op.ma,
        mb=op.mb,
        c=op.c,
        shift=op.shift,
        zero=op.zero,
        low=op.low,
        high=op.high,
        b_mode=isa.B_BROADCAST if broadcast else isa.B_MAP,
        b_blk_stride=b.plane,
    )
    for image in range(layer.x.shape[0]):

        def of_tile(blocks, row, image=image):
            return values | dict(b_addr=b.address(image, blocks[0], 0 if broadcast else row))

        for part in layer.parts():
            for vector, blocks, rows in layer.part_tiles(image, part, of_tile):
                vector.deps += low.reads(
                    op.b, (image, image + 1), blocks, (0, 1) if broadcast else rows
                )


def _lrn(low, op):
    need(low, op, "lrn")
    layer, config = VectorLayer(low, op), low.config
    param = _table(low, 2, np.asarray(op.table).astype("<u4"))
    values = dict(lrn=1, lrn_half=op.size // 2, ca=-op.x_zero, shift=op.shift, zero=op.zero)
    n, _, h, w = layer.x.shape
    every, most = (0, layer.x.blocks), limits.lrn_pixels(config)
    for image in range(n):
        for first, end in layer.row_ranges(every, max(1, most // w)):
            for out_cols in split(w, most):
                rows, _ = span(first, end - first, h)
                cols, _ = span(out_cols[0], out_cols[1] - out_cols[0], w)
                vector = layer.emit(
                    image,
                    every,
                    every,
                    (first, end),
                    out_cols,
                    rows,
                    cols,
                    values,
                    deps=[("param", param)],
                )
                low.table_users[2][vector.stream] = vector
