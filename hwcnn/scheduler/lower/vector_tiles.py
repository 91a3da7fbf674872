"""How a layer of the vector engine is cut into instructions."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from hwcnn import ir, isa
from hwcnn.errors import InputError
from hwcnn.layout import Placement
from hwcnn.tile_ops import TileOp

from .lowering import Lowering
from .ranges import Range, Span, span, split

#: Vectors that a tile of the vector engine reads, at least and about: few instructions, yet
#: consumers can start early. More where windows overlap, whose tiles share rows.
MIN_VECTORS, TILE_VECTORS, WINDOW_VECTORS = 128, 512, 2048
#: Rows that windows share from a tile to the next are read twice: at most one row in so many.
REREAD = 4
#: Of a concatenation, the operands of this many last producers are worked on apart, each as soon as
#: it is there.
RECENT_PRODUCERS = 2

#: Fields of a VECTOR that copies.
COPY = dict(
    reduce=isa.REDUCE_NONE,
    kh=1,
    kw=1,
    sh=1,
    sw=1,
    n_kx=1,
    span=1,
    row_words=1,
    line_words=1,
    dw_weights=0,
    dw_words=0,
    b_mode=isa.B_NONE,
    b_addr=0,
    b_blk_stride=0,
    alu=isa.ALU_ADD,
    per_channel=0,
    slot=0,
    lrn=0,
    lrn_half=0,
    lut=0,
    ca=0,
    cb=0,
    ma=1,
    mb=0,
    c=0,
    shift=0,
    zero=0,
    low=-128,
    high=127,
)


def require_feature(lowering: Lowering, op: ir.Op, feature: str) -> None:
    """Raise InputError where the accelerator's vector engine lacks what an operation needs."""
    if feature not in lowering.config.features:
        raise InputError(
            f"layer {op.name!r} ({type(op).__name__}) needs the vector feature {feature!r}, which "
            "the accelerator configuration leaves out"
        )


@dataclass(frozen=True)
class VectorTile:
    """What one VECTOR computes.

    blocks, rows, cols : results. in_rows, in_cols : spans of operand A. stream : first block of the
    range of blocks whose tiles keep their order.
    """

    image: int
    stream: int
    blocks: Range
    rows: Range
    cols: Range
    in_rows: Span
    in_cols: Span


class VectorLayer:
    """Emits the tiles of one layer of the vector engine. x, y : placements of operand and result.

    part : where a part of the layer writes, where several make the result together. Raises
    InputError where the accelerator has no vector engine.
    """

    def __init__(self, lowering: Lowering, op: ir.Op, part: Placement | None = None):
        if not lowering.config.features:
            require_feature(lowering, op, "eltwise")
        self.lowering, self.op = lowering, op
        self.x, self.y = lowering.placements[op.inputs[0]], part or lowering.placements[op.y]
        self._whole = part is None
        self._ends: set[int] = set()

    def block_ranges(self) -> list[Range]:
        """Blocks that become ready together; the tiles of each range are a stream of its own."""
        producers = self.lowering.producers(self.op.inputs[0])
        recent = sorted(set(producers))[-RECENT_PRODUCERS:]
        edges = [0]
        for i, (before, after) in enumerate(pairwise(producers)):
            if after != before and (after in recent or before in recent):
                edges.append(i + 1)
        return list(pairwise([*edges, len(producers)]))

    def tiles(
        self, blocks: Range, rows: Range, kernel: int = 1, stride: int = 1, pad: int = 0
    ) -> Iterator[tuple[Range, Range]]:
        """(rows of results, blocks) of each tile of some blocks, as the operand becomes ready, tile
        by tile.

        rows : of all results. kernel, stride, pad : along the rows.
        """
        ends, group = self._producer_tiles(blocks)
        ready = {min(rows[1], (end - kernel + pad) // stride + 1) for end in ends[:-1]} | {rows[1]}
        edges, least = [rows[0]], max(1, -(-REREAD * (kernel - stride) // stride))
        for end in sorted(ready):
            if end - edges[-1] >= least or end == rows[1]:
                edges.append(end)
        per_row, n_blocks = self.x.shape[3] * stride, blocks[1] - blocks[0]
        most = WINDOW_VECTORS if kernel > stride else TILE_VECTORS
        for first, end in pairwise(edges):
            size = min(group, n_blocks)
            while size < n_blocks and (end - first) * per_row * size < MIN_VECTORS:
                size += group
            size = max(1, min(size, most // per_row))
            for a, b in split(end - first, max(1, most // (per_row * size))):
                for p, q in split(n_blocks, size):
                    yield (first + a, first + b), (blocks[0] + p, blocks[0] + q)

    def row_ranges(self, blocks: Range, most: int) -> Iterator[Range]:
        """Ranges of at most `most` rows, none across the end of a tile of what writes the
        operand.
        """
        ends, _ = self._producer_tiles(blocks)
        for first, end in pairwise((0, *ends)):
            yield from ((first + a, first + b) for a, b in split(end - first, most))

    def _producer_tiles(self, blocks: Range) -> tuple[tuple[int, ...], int]:
        """(ends of the tiles along the rows, blocks of a tile) of what writes the operand; all at
        once if several do.
        """
        layers = set(self.lowering.producers(self.op.inputs[0])[slice(*blocks)])
        whole = (self.x.shape[2],), blocks[1] - blocks[0]
        return self.lowering.tiles.get(layers.pop(), whole) if len(layers) == 1 else whole

    def emit(
        self,
        tile: VectorTile,
        values: Mapping[str, int],
        pad_value: int = 0,
        deps: Iterable[tuple[str, TileOp]] = (),
    ) -> TileOp:
        """Emit a VECTOR. values : fields that differ from those of a copy."""
        x, y, rows, cols = self.x, self.y, tile.in_rows, tile.in_cols
        n_blk = tile.blocks[1] - tile.blocks[0]
        n_rows, n_cols = rows.end - rows.first, cols.end - cols.first
        height, width = tile.rows[1] - tile.rows[0], tile.cols[1] - tile.cols[0]
        full = {**COPY, **values}
        if full["reduce"] == isa.REDUCE_NONE and n_cols == x.shape[3] and n_rows * n_cols < 1 << 16:
            n_rows, n_cols, height, width = 1, n_rows * n_cols, 1, height * width
        op = self.lowering.emit(
            isa.VECTOR,
            dict(
                addr=x.address(tile.image, tile.blocks[0], rows.first, cols.first),
                blk_stride=x.plane,
                row_stride=x.shape[3] * x.lanes if n_rows > 1 else 0,
                n_blk=n_blk,
                n_rows=n_rows,
                n_cols=n_cols,
                pad_top=rows.before,
                pad_bottom=rows.after,
                pad_left=cols.before,
                pad_right=cols.after,
                pad_value=pad_value,
                **full,
                out_addr=y.address(tile.image, tile.blocks[0], tile.rows[0], tile.cols[0]),
                out_blk_stride=y.plane,
                out_row_stride=y.row_bytes if height > 1 else 0,
                out_pix_stride=y.pixel_bytes,
                out_rows=height,
                out_cols=width,
            ),
            deps,
            stream=(self.lowering.layer, tile.stream),
        )
        images, operand = (tile.image, tile.image + 1), self.op.inputs[0]
        self.lowering.reads(op, operand, images, tile.blocks, (rows.first, rows.end))
        self.lowering.wrote(self.op.y, images, tile.blocks, y.tensor_rows(*tile.rows), op)
        if self._whole:
            self._ends.add(tile.rows[1])
            self.lowering.tiles[self.lowering.layer] = (tuple(sorted(self._ends)), n_blk)
        return op

    def map_tiles(
        self, values: Mapping[str, int], deps: Iterable[tuple[str, TileOp]] = ()
    ) -> list[TileOp]:
        """Emit an element-wise operation over the whole map; returns its VECTORs."""
        return [
            op
            for image in range(self.x.shape[0])
            for blocks in self.block_ranges()
            for op, _ in self.range_tiles(image, blocks, lambda _: values, deps)
        ]

    def range_tiles(
        self,
        image: int,
        blocks: Range,
        values: Callable[[VectorTile], Mapping[str, int]],
        deps: Iterable[tuple[str, TileOp]] = (),
    ) -> Iterator[tuple[TileOp, VectorTile]]:
        """Emit an element-wise operation over a range of blocks of an image; values : fields of a
        tile. Yields each VECTOR with its tile.
        """
        _, _, h, w = self.x.shape
        in_cols, _ = span(0, w, w)
        for rows, some in self.tiles(blocks, (0, h)):
            in_rows, _ = span(rows[0], rows[1] - rows[0], h)
            tile = VectorTile(image, blocks[0], some, rows, (0, w), in_rows, in_cols)
            yield self.emit(tile, values(tile), deps=deps), tile
