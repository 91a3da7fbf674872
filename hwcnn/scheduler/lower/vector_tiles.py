"""How a layer of the vector engine is cut into instructions."""

from hwcnn import isa
from hwcnn.errors import InputError

from .conv_geometry import span
from .conv_plan import split

#: Vectors that a tile of the vector engine reads, at least and about: few instructions, yet
#: consumers can start early.
MIN_VECTORS, TILE_VECTORS = 128, 512
#: Rows that windows share from a tile to the next are read twice: at most one row in so many.
REREAD = 4
#: Of a concatenation, the parts of this many last producers are worked on apart, each as soon as it
#: is there.
RECENT_PARTS = 2

#: Fields of an instruction that copies.
PLAIN = dict(
    reduce=isa.REDUCE_NONE,
    kh=1,
    kw=1,
    sh=1,
    sw=1,
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


def need(low, op, feature):
    if feature not in low.config.features:
        raise InputError(
            f"layer {op.name!r} ({type(op).__name__}) needs the vector feature {feature!r}, which the accelerator "
            f"configuration leaves out"
        )


class VectorLayer:
    """Emits the tiles of one layer of the vector engine."""

    def __init__(self, low, op):
        if not low.config.features:
            need(low, op, "eltwise")
        self.low, self.op = low, op
        self.x, self.y = low.placements[op.inputs[0]], low.placements[op.y]
        self._ends = set()

    def parts(self):
        """[(first, end)] of blocks that become ready together; each range is a stream of operations
        of its own.
        """
        producers = self.low.producers(self.op.inputs[0])
        recent = sorted(set(producers))[-RECENT_PARTS:]
        edges = [0]
        for i in range(1, len(producers)):
            if producers[i] != producers[i - 1] and (
                producers[i] in recent or producers[i - 1] in recent
            ):
                edges.append(i)
        return list(zip(edges, edges[1:] + [len(producers)]))

    def tiles(self, blocks, rows, kernel=1, stride=1, pad=0):
        """[(output rows, blocks)] of a part, each a (first, end): as its operand becomes ready,
        tile by tile.

        rows : (first, end) of all results. kernel, stride, pad : along the rows.
        """
        ends, group = self._producer_tiles(blocks)
        ready = {min(rows[1], (end - kernel + pad) // stride + 1) for end in ends[:-1]} | {rows[1]}
        edges, least = [rows[0]], max(1, -(-REREAD * (kernel - stride) // stride))
        for end in sorted(ready):
            if end - edges[-1] >= least or end == rows[1]:
                edges.append(end)
        per_row = self.x.shape[3] * stride
        for first, end in zip(edges, edges[1:]):
            size = min(group, blocks[1] - blocks[0])
            while size < blocks[1] - blocks[0] and (end - first) * per_row * size < MIN_VECTORS:
                size += group
            size = max(1, min(size, TILE_VECTORS // per_row))
            for a, b in split(end - first, max(1, TILE_VECTORS // (per_row * size))):
                for p, q in split(blocks[1] - blocks[0], size):
                    yield (first + a, first + b), (blocks[0] + p, blocks[0] + q)

    def row_ranges(self, blocks, most):
        """[(first, end)] of at most `most` rows, none across the end of a tile of what writes the
        operand.
        """
        ends, _ = self._producer_tiles(blocks)
        for first, end in zip((0, *ends), ends):
            yield from ((first + a, first + b) for a, b in split(end - first, most))

    def _producer_tiles(self, blocks):
        """(ends of the tiles along the rows, blocks of a tile) of what writes the operand; all at
        once if several do.
        """
        layers = set(self.low.producers(self.op.inputs[0])[slice(*blocks)])
        whole = (self.x.shape[2],), blocks[1] - blocks[0]
        return self.low.tiles.get(layers.pop(), whole) if len(layers) == 1 else whole

    def emit(
        self, image, blocks, part, out_rows, out_cols, rows, cols, values, pad_value=0, deps=()
    ):
        """One VECTOR. blocks : (first, end), of a `part` that is a stream; out_rows, out_cols :
        (first, end) of results;
        rows, cols : spans of input."""
        x, y = self.x, self.y
        images, n_blk = (image, image + 1), blocks[1] - blocks[0]
        n_rows, n_cols = rows.high - rows.low, cols.high - cols.low
        height, width = out_rows[1] - out_rows[0], out_cols[1] - out_cols[0]
        pads = dict(
            pad_top=rows.before, pad_bottom=rows.after, pad_left=cols.before, pad_right=cols.after
        )
        full = {**PLAIN, **values}
        if full["reduce"] == isa.REDUCE_NONE and n_cols == x.shape[3] and n_rows * n_cols < 1 << 16:
            n_rows, n_cols, height, width = 1, n_rows * n_cols, 1, height * width
        op = self.low.emit(
            isa.VECTOR,
            dict(
                addr=x.address(image, blocks[0], rows.low, cols.low),
                blk_stride=x.plane,
                row_stride=x.shape[3] * x.lanes if n_rows > 1 else 0,
                n_blk=n_blk,
                n_rows=n_rows,
                n_cols=n_cols,
                **pads,
                pad_value=pad_value,
                **full,
                out_addr=y.address(image, blocks[0], out_rows[0], out_cols[0]),
                out_blk_stride=y.plane,
                out_row_stride=y.shape[3] * y.lanes if height > 1 else 0,
                out_pix_stride=y.lanes,
                out_rows=height,
                out_cols=width,
            ),
            deps,
            stream=(self.low.layer, part[0]),
        )
        op.deps += self.low.reads(self.op.inputs[0], images, blocks, (rows.low, rows.high))
        self.low.wrote(self.op.y, images, blocks, out_rows, op)
        self._ends.add(out_rows[1])
        self.low.tiles[self.low.layer] = (tuple(sorted(self._ends)), n_blk)
        return op

    def map_tiles(self, values, deps=()):
        """Element-wise over the whole map; yields each VECTOR."""
        for image in range(self.x.shape[0]):
            for part in self.parts():
                for op, _, _ in self.part_tiles(image, part, lambda blocks, row: values, deps):
                    yield op

    def part_tiles(self, image, part, values, deps=()):
        """Element-wise over some blocks of an image. values(blocks, first row) : fields of a tile.

        Yields (VECTOR, blocks, rows) of each tile.
        """
        _, _, h, w = self.x.shape
        for rows, blocks in self.tiles(part, (0, h)):
            loaded, _ = span(rows[0], rows[1] - rows[0], h)
            cols, _ = span(0, w, w)
            yield (
                self.emit(
                    image,
                    blocks,
                    part,
                    rows,
                    (0, w),
                    loaded,
                    cols,
                    values(blocks, rows[0]),
                    deps=deps,
                ),
                blocks,
                rows,
            )
