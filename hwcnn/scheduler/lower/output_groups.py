"""Output blocks of a convolution that share an accumulator half, with their weights and parameters
in the weight image.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from hwcnn import ir
from hwcnn.scheduler import weight_image
from hwcnn.tile_ops import TileOp

from .block_groups import BlockGroup, groups_by_half
from .conv_plan import ConvLayer, ConvPlan
from .conv_weights import conv_weights
from .lowering import Lowering
from .ranges import Range


@dataclass(frozen=True)
class PostRun:
    """Output blocks that one POST writes. index : of the first in the accumulator half. block : the
    first; the others are every block that starts in the next DRAM block at the same lane. count :
    blocks.
    """

    index: int
    block: int
    count: int


@dataclass
class LayerParams:
    """Parameters of a layer that stay in their slots, from the first tile to the last.

    address : in DRAM. blocks : output blocks. loaded : the PARAM that loads them, and their first
    slot.
    """

    address: int
    blocks: int
    loaded: tuple[TileOp, int] | None = None


@dataclass(frozen=True)
class ResidentParams:
    """Parameters of a group that stay in their slots. of_layer : those of all groups; offset : the
    group's first block among them.
    """

    of_layer: LayerParams
    offset: int

    def loaded(self, lowering: Lowering) -> tuple[TileOp, int]:
        """(the PARAM that loads them, emitted where that has not been done; their first slot)."""
        layer = self.of_layer
        if layer.loaded is None:
            layer.loaded = lowering.load_post_params(layer.address, layer.blocks)
        param, slot = layer.loaded
        return param, (slot + self.offset) % lowering.config.param_slots


@dataclass(frozen=True)
class OutputGroup:
    """Output blocks that share an accumulator half.

    order : the blocks as they lie in it. block_groups : what they read. runs : how they are
    written. weights : DRAM address; weight_bytes : their size. params : DRAM address of the
    parameters that each tile loads, or those that are resident.
    """

    order: tuple[int, ...]
    block_groups: tuple[BlockGroup, ...]
    runs: tuple[PostRun, ...]
    weights: int
    weight_bytes: int
    params: int | ResidentParams


def output_groups(
    lowering: Lowering, op: ir.Conv, layer: ConvLayer, plan: ConvPlan
) -> list[OutputGroup]:
    """The groups of a convolution in order. Adds weights and parameters to the weight image."""
    config, image = lowering.config, lowering.image
    limit = max(1, config.act_vectors // (1 if plan.resident else 2) // plan.block)
    blocks_in_vector = max(1, config.rows // config.cols)
    dense = op.groups == 1 and len({(g.first, g.n) for g in layer.block_groups}) == 1
    halves = [
        (_order(blocks, blocks_in_vector if dense else 1), tuple(groups))
        for blocks, groups in groups_by_half(
            layer.block_groups, layer.out_blocks, plan.out_blocks, limit
        )
    ]
    packed = conv_weights(op, lowering.placements[op.x], halves, config.cols)
    orders = [order for order, _ in halves]
    resident = _resident_params(lowering, op, orders, layer.out_blocks, plan.out_blocks)
    found: list[OutputGroup] = []
    for i, ((order, groups), data) in enumerate(zip(halves, packed, strict=True)):
        weights = image.add(data)
        if resident:
            params = resident[i]
        else:
            params = image.add(weight_image.post_params(op, order, config.cols))
        runs = _post_runs(order, blocks_in_vector)
        found.append(OutputGroup(order, groups, runs, weights, len(data), params))
    return found


def _order(blocks: Range, blocks_in_vector: int) -> tuple[int, ...]:
    """Blocks narrower than a vector lie lane by lane, so that one POST writes many."""
    return tuple(sorted(range(*blocks), key=lambda block: (block % blocks_in_vector, block)))


def _post_runs(order: Sequence[int], blocks_in_vector: int) -> tuple[PostRun, ...]:
    runs: list[PostRun] = []
    for index, block in enumerate(order):
        last = runs[-1] if runs else None
        if last is not None and block == last.block + last.count * blocks_in_vector:
            runs[-1] = PostRun(last.index, last.block, last.count + 1)
        else:
            runs.append(PostRun(index, block, 1))
    return tuple(runs)


def _resident_params(
    lowering: Lowering,
    op: ir.Conv,
    orders: Sequence[Sequence[int]],
    out_blocks: int,
    blocks_in_half: int,
) -> list[ResidentParams]:
    """Those of each group; empty where they are too many."""
    config = lowering.config
    if out_blocks > max(blocks_in_half, config.param_slots // 2):
        return []
    blocks = [block for order in orders for block in order]
    address = lowering.image.add(weight_image.post_params(op, blocks, config.cols))
    of_layer = LayerParams(address, len(blocks))
    offsets = accumulate((len(order) for order in orders), initial=0)
    return [ResidentParams(of_layer, offset) for offset in offsets][:-1]
