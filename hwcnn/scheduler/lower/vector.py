"""Everything that the vector engine does: pooling, element-wise operations, affine, tables, LRN."""

import numpy as np

from hwcnn import ir, isa, limits
from hwcnn.scheduler import weight_image
from hwcnn.tile_ops import TileOp

from .depthwise import lower_depthwise
from .lowering import Lowering
from .pooling import lower_pool
from .ranges import span, split
from .vector_tiles import VectorLayer, VectorTile, require_feature

_ALU = {"add": isa.ALU_ADD, "mul": isa.ALU_MUL, "max": isa.ALU_MAX, "min": isa.ALU_MIN}


def lower_vector(
    lowering: Lowering, op: ir.Pool | ir.Depthwise | ir.Eltwise | ir.Affine | ir.Lut | ir.Lrn
) -> None:
    """Emit a pooling, depthwise, element-wise, affine, table or LRN layer.

    Raises InputError where the accelerator's vector engine lacks what it needs.
    """
    match op:
        case ir.Pool():
            lower_pool(lowering, op)
        case ir.Depthwise():
            lower_depthwise(lowering, op)
        case ir.Eltwise():
            _eltwise(lowering, op)
        case ir.Affine():
            _affine(lowering, op)
        case ir.Lut():
            _lut(lowering, op)
        case ir.Lrn():
            _lrn(lowering, op)


def _affine(lowering: Lowering, op: ir.Affine) -> None:
    require_feature(lowering, op, "affine")
    layer, config = VectorLayer(lowering, op), lowering.config
    bytes_each = config.vector_param_bytes
    address = lowering.image.add(weight_image.vector_params(op, layer.x, bytes_each))
    most = max(1, config.param_slots // 2)
    ranges = [
        (first + a, first + b)
        for first, end in layer.block_ranges()
        for a, b in split(end - first, most)
    ]
    for first, end in ranges:
        at, stream = address + first * bytes_each, (lowering.layer, first)
        param, slot = lowering.load_vector_params(at, end - first, stream)

        def values(tile: VectorTile, offset: int = slot - first) -> dict[str, int]:
            slot = (offset + tile.blocks[0]) % config.param_slots
            return dict(per_channel=1, slot=slot, zero=op.zero, low=op.low, high=op.high)

        for image in range(layer.x.shape[0]):
            tiles = layer.range_tiles(image, (first, end), values, [("param", param)])
            for vector, tile in tiles:
                n = tile.blocks[1] - tile.blocks[0]
                lowering.vector_slots.use(slot + tile.blocks[0] - first, n, vector)


def _load_table(lowering: Lowering, dest: int, data: np.ndarray) -> TileOp:
    """Emit the PARAM that fills a table, after its last users."""
    users, lowering.table_users[dest] = lowering.table_users[dest], {}
    address = lowering.image.add(data)
    deps = [("vstore", user) for user in users.values()]
    return lowering.emit_params(dest, address, 0, data.nbytes, deps, (lowering.layer, 0))


def _lut(lowering: Lowering, op: ir.Lut) -> None:
    require_feature(lowering, op, "lut")
    layer = VectorLayer(lowering, op)
    param = _load_table(lowering, isa.PARAM_TABLE, np.asarray(op.table, np.int8))
    for vector in layer.map_tiles(dict(lut=1), [("param", param)]):
        lowering.table_users[isa.PARAM_TABLE][vector.stream] = vector


def _eltwise(lowering: Lowering, op: ir.Eltwise) -> None:
    require_feature(lowering, op, "eltwise")
    layer, b = VectorLayer(lowering, op), lowering.placements[op.b]
    broadcast = b.shape[2:] != layer.x.shape[2:]
    fixed = dict(
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

    def values(tile: VectorTile) -> dict[str, int]:
        row = 0 if broadcast else tile.rows[0]
        return fixed | dict(b_addr=b.address(tile.image, tile.blocks[0], row))

    for image in range(layer.x.shape[0]):
        for blocks in layer.block_ranges():
            for vector, tile in layer.range_tiles(image, blocks, values):
                rows = (0, 1) if broadcast else tile.rows
                lowering.reads(vector, op.b, (image, image + 1), tile.blocks, rows)


def _lrn(lowering: Lowering, op: ir.Lrn) -> None:
    require_feature(lowering, op, "lrn")
    layer, most = VectorLayer(lowering, op), limits.lrn_pixels(lowering.config)
    param = _load_table(lowering, isa.PARAM_LRN, np.asarray(op.table).astype("<u4"))
    values = dict(lrn=1, lrn_half=op.size // 2, ca=-op.x_zero, shift=op.shift, zero=op.zero)
    n, _, h, w = layer.x.shape
    blocks = (0, layer.x.blocks)
    for image in range(n):
        for rows in layer.row_ranges(blocks, max(1, most // w)):
            for cols in split(w, most):
                in_rows, _ = span(rows[0], rows[1] - rows[0], h)
                in_cols, _ = span(cols[0], cols[1] - cols[0], w)
                tile = VectorTile(image, 0, blocks, rows, cols, in_rows, in_cols)
                vector = layer.emit(tile, values, deps=[("param", param)])
                lowering.table_users[isa.PARAM_LRN][vector.stream] = vector
