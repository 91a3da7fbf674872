"""A convolution becomes LOAD, WEIGHT, ARRAY, PARAM and POST operations.

Straight down: geometry and what the output blocks read, the plan of tiles, the groups of output
blocks with their weights, then the operations of each tile and group.
"""

from functools import partial

from hwcnn import ir
from hwcnn.layout import Placement

from . import conv_plan
from .block_groups import all_blocks, by_producer, nonzero_blocks, with_summands, with_tap_pairs
from .conv_emitter import ConvEmitter
from .conv_geometry import geometry_of
from .conv_plan import ConvLayer, ConvPlan
from .conv_tiles import output_tiles
from .conv_weights import int8_summands
from .depthwise import lower_depthwise
from .depthwise_parts import depthwise_parts
from .lowering import Lowering
from .output_groups import ResidentParams, output_groups
from .subconvolutions import subconvolutions


def lower_conv(lowering: Lowering, op: ir.Conv, fill_holes: bool, cycles_after_row: float) -> None:
    """Emit a convolution.

    fill_holes : write all lanes of the last block, for a consumer that reads the holes.
    cycles_after_row : cycles of the vector engine that follow each row of results before the array
    can use them.
    """
    result = lowering.placements[op.y]
    layer, plan = _layer_and_plan(lowering, op, result, fill_holes)
    rows = conv_plan.row_tiles(layer.geometry, plan, cycles_after_row, lowering.config)
    if not layer.geometry.by_image:  # whose tiles are of images, not of rows
        blocks = -(-plan.out_blocks * lowering.config.cols // lowering.config.lanes)
        lowering.tiles[lowering.layer] = (tuple(end for _, end in rows), blocks)
    _emit(lowering, op, result, layer, plan, rows, alone=False)


def lower_subconvolutions(
    lowering: Lowering, op: ir.ConvTranspose | ir.Resize, fill_holes: bool
) -> None:
    """Emit a transposed convolution or a resampling, one sub-convolution after the other; those of
    a resampling on the depthwise unit, where that takes fewer cycles.
    """
    made = subconvolutions(op, lowering.placements[op.x], lowering.placements[op.y])
    parts: list[ir.Depthwise | None] = [None] * len(made)
    if isinstance(op, ir.Resize) and not fill_holes:
        parts = depthwise_parts(made, lowering.config)
    for (conv, result), part in zip(made, parts, strict=True):
        if part is not None:
            lower_depthwise(lowering, part, result)
            continue
        layer, plan = _layer_and_plan(lowering, conv, result, fill_holes)
        rows = conv_plan.row_tiles(layer.geometry, plan, 0, lowering.config)
        _emit(lowering, conv, result, layer, plan, rows, alone=True)


def _layer_and_plan(
    lowering: Lowering, op: ir.Conv, result: Placement, fill_holes: bool
) -> tuple[ConvLayer, ConvPlan]:
    """The cheapest: all weight tiles, regularly, or those that are not zero; two taps a pass, or
    one.
    """
    config, x = lowering.config, lowering.placements[op.x]
    geometry = geometry_of(op, x, result)
    channels = result.blocks * config.lanes if fill_holes else op.weight.shape[0]
    out_blocks = -(-channels // config.cols)
    residual = op.second is not None and op.second.residual is not None
    summands = len(int8_summands(op.weight))
    makers = (all_blocks, nonzero_blocks) if op.groups == 1 else (all_blocks,)
    found: list[tuple[ConvLayer, ConvPlan]] = []
    tiles = [make(op, x, out_blocks, config.cols) for make in makers]
    pairs = [with_tap_pairs(groups, op, x, config.cols) for groups in tiles]
    for groups in dict.fromkeys([*tiles, *pairs]):
        if op.groups == 1:
            groups = by_producer(groups, lowering.producers(op.x))
        groups = with_summands(groups, summands)
        layer = ConvLayer(geometry, groups, x.blocks, out_blocks, residual)
        found.append((layer, conv_plan.choose(op.name, layer, config)))
    return min(found, key=lambda pair: pair[1].cost)


def _emit(
    lowering: Lowering,
    op: ir.Conv,
    result: Placement,
    layer: ConvLayer,
    plan: ConvPlan,
    rows: list[tuple[int, int]],
    alone: bool,
) -> None:
    """Have the operations of all tiles emitted; result : where they are written; alone : without
    tiles of other layers between them.
    """
    emitter = ConvEmitter(lowering, op, result, layer, plan)
    groups = output_groups(lowering, op, layer, plan)
    params = groups[0].params
    slots = None
    if isinstance(params, ResidentParams) and not alone:
        slots = params.of_layer.blocks
    for tile in output_tiles(layer.geometry, rows, plan.cols):
        lowering.defer(partial(emitter.emit_tile, tile, groups), slots)
