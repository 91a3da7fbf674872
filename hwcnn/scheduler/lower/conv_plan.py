"""Chooses a convolution's tiles: pure functions of its geometry and the configuration."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property

from hwcnn.config import AccelConfig
from hwcnn.errors import InputError

from .block_groups import BlockGroup, half_places
from .conv_geometry import ConvGeometry
from .ranges import Range, balanced, span, split

#: DRAM traffic counts more than its bytes, since several engines share the bus; and a little even
#: where it is not the limit.
BUS_SHARE, BUS_COST = 1.5, 0.05
#: The last tile of a layer is halved while the vector engine would need more cycles for it, down to
#: this many times R pixels (fewer would need more weights than the bus carries).
WORTH_A_TILE, MIN_PIXELS = 400, 2
#: Numbers of columns of a tile that are tried, the widest first; others only where none of these
#: fits.
WIDEST = 4
#: Cycles between two ARRAY instructions, and to fill and empty the array's pipeline at a layer's
#: end.
ARRAY_GAP, PIPELINE = 2, 64
#: Output blocks of one ARRAY or POST at most: their loops count 12 bits.
MAX_BLOCKS = 4095


@dataclass(frozen=True)
class ConvPlan:
    """How a convolution is tiled.

    rows, cols : results of a tile. out_blocks : output blocks that share an accumulator half.
    load_blocks : input blocks of one LOAD. resident : the tile's input stays in the buffer while
    all output blocks use it; otherwise each group of output blocks loads it again. block : vectors
    of one input block of the largest tile. cost : cycles of the layer, about.
    """

    rows: int
    cols: int
    out_blocks: int
    load_blocks: int
    resident: bool
    block: int
    cost: float = 0.0


@dataclass(frozen=True)
class ConvLayer:
    """What a plan depends on. x_blocks, out_blocks : of input and output. block_groups : what each
    output block reads. residual : a second operand is added to the results.
    """

    geometry: ConvGeometry
    block_groups: tuple[BlockGroup, ...]
    x_blocks: int
    out_blocks: int
    residual: bool = False

    @cached_property
    def in_blocks(self) -> int:
        """Input blocks of a tile in the buffer: those of the input, some of them twice."""
        return max(self.x_blocks, max(self.half_places.values(), default=0) + 1)

    @cached_property
    def half_places(self) -> dict[tuple[int, int], int]:
        """Of the blocks of which a half is in the buffer, by (block, half)."""
        return half_places(self.block_groups, self.x_blocks)


def row_tiles(
    geometry: ConvGeometry, plan: ConvPlan, cycles_after_row: float, config: AccelConfig
) -> list[Range]:
    """Rows of a layer's tiles. Where the vector engine has `cycles_after_row` cycles of work with
    each row before the array can go on, the last tiles get ever smaller, so that little of it is
    left when the layer ends.
    """
    tiles = split(geometry.out_rows, plan.rows)
    fewest = max(1, -(-MIN_PIXELS * config.rows // plan.cols))
    while cycles_after_row * (tiles[-1][1] - tiles[-1][0]) > WORTH_A_TILE:
        first, end = tiles[-1]
        middle = end - max(fewest, (end - first) // 2)
        if middle - first < fewest:
            break
        tiles[-1:] = [(first, middle), (middle, end)]
    return tiles


def sizes(total: int, most: int) -> list[int]:
    """Distinct sizes of at most `most` of the balanced ranges of `total` items, largest first."""
    found: list[int] = []
    for count in range(1, total + 1):
        size = balanced(total, count)
        if size <= most and size not in found:
            found.append(size)
    return found


def choose(name: str, layer: ConvLayer, config: AccelConfig) -> ConvPlan:
    """The cheapest plan: max(array, post, DRAM) cycles over the layer, plus the fill of its first
    and last tile.

    Raises InputError, with the layer's `name`, where no tile fits into the activation buffer.
    """
    geometry, best = layer.geometry, None
    for tried, cols in enumerate(sizes(geometry.out_cols, config.acc_depth)):
        if tried >= WIDEST and best is not None:
            break
        for rows in sizes(geometry.out_rows, max(1, config.acc_depth // cols)):
            for plan in _plans(layer, rows, cols, config):
                if best is None or plan.cost < best.cost:
                    best = plan
    if best is None:
        raise InputError(
            f"layer {name!r}: a tile of its input takes at least {_tile_block(geometry, 1, 1)} "
            f"vectors of the activation buffer, which holds {config.act_vectors}: increase act_kib"
        )
    return best


def _tile_block(geometry: ConvGeometry, rows: int, cols: int) -> int:
    """Vectors of an input block that the largest tile of rows x cols results loads, pads
    included.
    """
    g = geometry
    height = _loaded(g.stride[0], g.reach[0], g.pads[0], g.out_rows, g.in_rows, rows)
    width = _loaded(g.stride[1], g.reach[1], g.pads[1], g.out_cols, g.in_cols, cols)
    return height * width


@cache
def _loaded(stride: int, reach: int, pad: int, out: int, limit: int, size: int) -> int:
    """The most items that a tile of `size` results loads along an axis: more than its windows reach
    over where they lie in the pads.
    """
    return max(
        span(a * stride - pad, (b - a - 1) * stride + reach, limit)[0].size
        for a, b in split(out, size)
    )


def _plans(layer: ConvLayer, rows: int, cols: int, config: AccelConfig) -> Iterator[ConvPlan]:
    """The plans for a size of tile, with their cost."""
    block = _tile_block(layer.geometry, rows, cols)
    if block > config.act_vectors:
        return
    double = max(1, config.act_vectors // 2 // block)
    load_blocks = min(layer.in_blocks, max(1, min(double, config.act_vectors // 4 // block)))
    most = min(
        config.acc_depth // (rows * cols),
        layer.out_blocks,
        max(1, config.param_slots // 2),
        MAX_BLOCKS,
    )
    for wanted in dict.fromkeys((most, max(1, most // 2), 1)):
        out_blocks = balanced(layer.out_blocks, -(-layer.out_blocks // wanted))
        for resident in (True, False):
            if resident and layer.in_blocks * block > config.act_vectors:
                continue
            plan = ConvPlan(rows, cols, out_blocks, load_blocks, resident, block)
            yield replace(plan, cost=_cost(layer, plan, config))


def _cost(layer: ConvLayer, plan: ConvPlan, config: AccelConfig) -> float:
    """Cycles of a layer, about."""
    geometry, groups = layer.geometry, layer.block_groups
    pixels = geometry.images * geometry.out_rows * geometry.out_cols
    tiles = (
        geometry.images * -(-geometry.out_rows // plan.rows) * -(-geometry.out_cols // plan.cols)
    )
    halves = -(-layer.out_blocks // plan.out_blocks)
    loads = -(-layer.in_blocks // plan.load_blocks)
    passes = sum(g.n * g.passes(geometry.taps) for g in groups)
    grids = sum(len(g.taps(geometry.taps)) for g in groups)
    per_pass = max(pixels / tiles, config.rows)
    array = tiles * (passes * per_pass + ARRAY_GAP * max(halves * loads, grids))
    post = pixels * layer.out_blocks * max(1, config.cols // config.rows) + 4 * tiles * halves
    if plan.resident:
        loaded = layer.in_blocks
    elif len(groups) == 1:
        loaded = layer.in_blocks * halves
    else:  # once for each half with output blocks that read the same
        loaded = sum(
            (g.blocks[1] - g.blocks[0]) * (1 if g.step else -(-g.n // plan.out_blocks))
            for g in groups
        )
    dram = (
        tiles * (passes * config.tile_bytes + loaded * plan.block * config.lanes) / config.axi_bytes
    )
    if layer.residual:
        dram += pixels * layer.out_blocks * config.cols / config.axi_bytes
    first_load = plan.load_blocks * plan.block * config.lanes / config.axi_bytes
    fill = first_load + plan.rows * plan.cols * plan.out_blocks + PIPELINE
    return max(array, post, BUS_SHARE * dram) + BUS_COST * dram + fill
