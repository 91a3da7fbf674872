"""Chooses a convolution's tiles: pure functions of its geometry and the configuration."""

from dataclasses import dataclass
from functools import cache

from hwcnn.errors import InputError

from .conv_geometry import Piece, View, span

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


@dataclass(frozen=True)
class ConvPlan:
    """rows, cols : results of a tile. nb : output blocks that share an accumulator half. chunk :
    input blocks of one LOAD.
    resident : the tile's input stays in the buffer while all output blocks use it; otherwise each
    group loads it again.
    """

    rows: int
    cols: int
    nb: int
    chunk: int
    resident: bool
    cost: float = 0.0


def balanced(total, parts):
    """Size of the largest of `parts` parts of `total` that differ by at most one."""
    return -(-total // parts)


def split(total, size):
    """[(start, end)] of the fewest parts of at most `size`, sizes differing by at most one, the
    larger first.
    """
    parts = -(-total // size)
    small, larger = divmod(total, parts)
    edges = [0]
    for i in range(parts):
        edges.append(edges[-1] + small + (i < larger))
    return list(zip(edges, edges[1:]))


def row_tiles(view, plan, tail, config):
    """[(row0, row1)] of a layer's tiles. Where the vector engine has `tail` cycles of work with
    each row before the array can go on, the last tiles get ever smaller, so that little of it is
    left when the layer ends.
    """
    tiles = split(view.out_rows, plan.rows)
    fewest = max(1, -(-MIN_PIXELS * config.rows // plan.cols))
    while tail * (tiles[-1][1] - tiles[-1][0]) > WORTH_A_TILE:
        row0, row1 = tiles[-1]
        middle = row1 - max(fewest, (row1 - row0) // 2)
        if middle - row0 < fewest:
            break
        tiles[-1:] = [(row0, middle), (middle, row1)]
    return tiles


def sizes(total, most):
    """Distinct balanced part sizes of at most `most`, largest first."""
    found = []
    for parts in range(1, total + 1):
        size = balanced(total, parts)
        if size <= most and size not in found:
            found.append(size)
    return found


def group_pieces(pieces, out_blocks, nb, chunk_limit):
    """[(low, high, pieces)] of groups of at most nb output blocks; stepping pieces read at most
    chunk_limit blocks.
    """
    groups = []
    for low, high in split(out_blocks, nb):
        inside = [p for p in (piece.part(low, high) for piece in pieces) if p]
        fitted = []
        for p in inside:
            fitted += _fit_piece(p, chunk_limit)
        groups.append((low, high, fitted))
    return groups


def _fit_piece(piece, limit):
    low, high = piece.blocks
    if piece.step == 0 or high - low <= limit:
        return [piece]
    if piece.count >= limit or piece.step >= limit:
        return piece.singles()
    n = max(1, (limit - piece.count) // piece.step + 1)
    return [
        piece.part(piece.first + i, piece.first + min(i + n, piece.n)) for i in range(0, piece.n, n)
    ]


def choose(
    name, view: View, pieces: tuple[Piece, ...], in_blocks, out_blocks, config, residual=False
):
    """The cheapest ConvPlan: max(array, post, DRAM) cycles over the layer, plus the fill of its
    first and last tile.
    """
    best = None
    for tried, cols in enumerate(sizes(view.out_cols, config.acc_depth)):
        if tried >= WIDEST and best is not None:
            break
        for rows in sizes(view.out_rows, max(1, config.acc_depth // cols)):
            for plan in _plans(view, pieces, in_blocks, out_blocks, rows, cols, config, residual):
                if best is None or plan.cost < best.cost:
                    best = plan
    if best is None:
        raise InputError(
            f"layer {name!r}: a tile of its input takes at least {tile_block(view, 1, 1)} vectors of the activation "
            f"buffer, which holds {config.act_vectors}: increase act_kib"
        )
    return best


def tile_block(view, rows, cols):
    """Vectors of an input block that the largest tile of rows x cols results loads, pads included."""
    geometry = zip(
        view.stride,
        view.reach,
        view.pads,
        (view.out_rows, view.out_cols),
        (view.in_rows, view.in_cols),
    )
    height, width = (
        _loaded(*axis, size) for axis, size in zip(geometry, (rows, cols), strict=True)
    )
    return height * width


@cache
def _loaded(stride, reach, pad, out, limit, size):
    """The most items that a tile of `size` results loads along an axis: more than its windows reach
    over where they lie in the pads.
    """
    tiles = split(out, size)
    return max(
        span(a * stride - pad, (b - a - 1) * stride + reach, limit)[0].size for a, b in tiles
    )


def _plans(view, pieces, in_blocks, out_blocks, rows, cols, config, residual):
    block = tile_block(view, rows, cols)
    if block > config.act_vectors:
        return
    double = max(1, config.act_vectors // 2 // block)
    most = min(config.acc_depth // (rows * cols), out_blocks, max(1, config.param_slots // 2), 4095)
    for nb in dict.fromkeys((most, max(1, most // 2), 1)):
        nb = balanced(out_blocks, -(-out_blocks // nb))
        for resident in (True, False):
            if resident and in_blocks * block > config.act_vectors:
                continue
            chunk = min(in_blocks, max(1, min(double, config.act_vectors // 4 // block)))
            plan = ConvPlan(rows, cols, nb, chunk, resident)
            yield ConvPlan(
                rows,
                cols,
                nb,
                chunk,
                resident,
                _cost(view, pieces, in_blocks, out_blocks, plan, block, config, residual),
            )


def _cost(view, pieces, in_blocks, out_blocks, plan, block, config, residual):
    tiles = view.images * -(-view.out_rows // plan.rows) * -(-view.out_cols // plan.cols)
    pixels = view.images * view.out_rows * view.out_cols
    taps = view.taps[0] * view.taps[1]
    groups = -(-out_blocks // plan.nb)
    passes = sum(p.n * p.count for p in pieces) * taps
    per_pass = max(pixels / tiles, config.rows)
    chunks = -(-in_blocks // plan.chunk)
    array = tiles * (passes * per_pass + ARRAY_GAP * max(groups * chunks, len(pieces)))
    post = pixels * out_blocks * max(1, config.cols // config.rows) + 4 * tiles * groups
    if plan.resident:
        loads = in_blocks
    else:
        loads = (
            sum(p.blocks[1] - p.blocks[0] for p in pieces)
            if len(pieces) > 1
            else in_blocks * groups
        )
    dram = tiles * (passes * config.tile_bytes + loads * block * config.lanes) / config.axi_bytes
    if residual:
        dram += pixels * out_blocks * config.cols / config.axi_bytes
    fill = (
        plan.chunk * block * config.lanes / config.axi_bytes
        + plan.rows * plan.cols * plan.nb
        + PIPELINE
    )
    return max(array, post, BUS_SHARE * dram) + BUS_COST * dram + fill
