"""Depthwise convolution on the vector engine."""

import numpy as np

from hwcnn import ir, isa, limits
from hwcnn.config import AccelConfig
from hwcnn.layout import Placement
from hwcnn.scheduler import weight_image
from hwcnn.scheduler.rewrite.depthwise import windows_inside
from hwcnn.tile_ops import TileOp

from .lowering import Lowering
from .ranges import Range, span, split
from .vector_tiles import VectorLayer, VectorTile


def lower_depthwise(lowering: Lowering, op: ir.Depthwise, part: Placement | None = None) -> None:
    """Emit a depthwise layer: parameters and weights of some blocks, then their tiles. part : as of
    `VectorLayer`.
    """
    layer, config = VectorLayer(lowering, op, part), lowering.config
    shape = limits.DepthwiseShape(config, op.kernel, op.stride, op.dilation)
    slot_bytes, block_bytes = config.vector_param_bytes, shape.block_words * config.dw_word_bytes
    params = lowering.image.add(weight_image.vector_params(op, layer.x, slot_bytes))
    weights = lowering.image.add(depthwise_words(op, layer.x, config, shape))
    most = max(1, min(config.param_slots // 2, limits.DW_WORDS // 2 // shape.block_words))
    for first, end in layer.block_ranges():
        for a, b in split(end - first, most):
            blocks, stream = (first + a, first + b), (lowering.layer, first + a)
            at = params + blocks[0] * slot_bytes
            slot_load, slot = lowering.load_vector_params(at, b - a, stream)
            word, users = lowering.dw_words.take((b - a) * shape.block_words)
            word_load = lowering.emit_params(
                isa.PARAM_DEPTHWISE,
                weights + blocks[0] * block_bytes,
                word,
                (b - a) * block_bytes,
                [("vstore", user) for user in users],
                stream,
            )
            loads = [slot_load, word_load]
            for image in range(layer.x.shape[0]):
                _tiles(layer, op, shape, image, blocks, slot, word, loads)


def _tiles(
    layer: VectorLayer,
    op: ir.Depthwise,
    shape: limits.DepthwiseShape,
    image: int,
    blocks: Range,
    slot: int,
    word: int,
    loads: list[TileOp],
) -> None:
    """The VECTORs of some blocks of an image; slot, word : of the first block's parameters and
    weights, which `loads` bring.
    """
    lowering, config = layer.lowering, layer.lowering.config
    (sh, sw), (top, left, _, _) = op.stride, op.pads
    _, _, h, w = layer.x.shape
    _, _, out_h, out_w = layer.y.shape
    inside = windows_inside(op, h, out_h)
    for rows, some in layer.tiles(blocks, inside, shape.rows, sh, top):
        # windows wholly in the padding go with those beside them: a VECTOR reads some of the map
        rows = (rows[0] if rows[0] > inside[0] else 0, rows[1] if rows[1] < inside[1] else out_h)
        in_rows, _ = span(rows[0] * sh - top, (rows[1] - rows[0] - 1) * sh + shape.rows, h)
        offset, n = some[0] - blocks[0], some[1] - some[0]
        for cols in split(out_w, shape.widest(config.pool_depth)):
            width = (cols[1] - cols[0] - 1) * sw + shape.cols
            in_cols, _ = span(cols[0] * sw - left, width, w)
            row_words = -(-width // config.dw_taps)
            values = dict(
                reduce=isa.REDUCE_DEPTHWISE,
                kh=op.kernel[0],
                kw=shape.cols,
                sh=sh,
                sw=sw,
                n_kx=shape.groups,
                span=shape.rows,
                row_words=row_words,
                line_words=row_words * op.dilation[0],
                dw_weights=(word + offset * shape.block_words) % limits.DW_WORDS,
                dw_words=shape.block_words,
                per_channel=1,
                slot=(slot + offset) % config.param_slots,
                zero=op.zero,
                low=op.low,
                high=op.high,
            )
            tile = VectorTile(image, blocks[0], some, rows, cols, in_rows, in_cols)
            deps = [("param", load) for load in loads]
            vector = layer.emit(tile, values, op.pad_value, deps)
            lowering.vector_slots.use(slot + offset, n, vector)
            lowering.dw_words.use(word + offset * shape.block_words, n * shape.block_words, vector)


def depthwise_words(
    op: ir.Depthwise, placement: Placement, config: AccelConfig, shape: limits.DepthwiseShape
) -> np.ndarray:
    """int8 [blocks, words, dw_word_bytes]: for each turn of the banks that occurs, each kernel row
    and group of dw_taps columns a word, in which bank k holds L weights of the tap that it feeds.
    """
    taps, lanes = config.dw_taps, config.lanes
    kh = op.kernel[0]
    dense = np.zeros((placement.blocks * lanes, kh, shape.groups * taps), np.int8)
    dense[placement.positions(), :, : shape.cols : op.dilation[1]] = op.weight[:, 0]
    grouped = dense.reshape(placement.blocks, lanes, kh, shape.groups, taps)
    words = np.zeros(
        (placement.blocks, len(shape.turns), kh, shape.groups, config.dw_word_bytes), np.int8
    )
    for number, turn in enumerate(shape.turns):
        for tap in range(taps):
            bank = (turn + tap) % taps
            words[:, number, ..., bank * lanes : (bank + 1) * lanes] = grouped[..., tap].transpose(
                0, 2, 3, 1
            )
    return words.reshape(placement.blocks, shape.block_words, config.dw_word_bytes)
