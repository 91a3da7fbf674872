"""A convolution becomes LOAD, WEIGHT, ARRAY, PARAM and POST operations."""

from dataclasses import dataclass

from hwcnn import isa
from hwcnn.scheduler import weight_image

from . import conv_plan
from .conv_geometry import pieces_of, pieces_without_zeros, span, view_of, with_terms
from .subconvolutions import parts_of

_STEP = (1 << 20) - 1  # address steps are modulo 2**20


@dataclass(frozen=True)
class Group:
    """Output blocks that share an accumulator half. order : the blocks as they lie in it; pieces :
    what they read;
    runs : (local index, block, count) of blocks that one POST writes; weights : DRAM address and
    bytes; params : address;
    slot : first parameter slot where the whole layer's parameters stay resident, else None."""

    order: tuple
    pieces: tuple
    runs: tuple
    weights: tuple
    params: int
    slot: int | None


@dataclass(frozen=True)
class Tile:
    """Results [row0, row1) x [col0, col1) of one image. rows, cols : spans of loaded input; base :
    vectors from the tile's start to the first pixel's first tap.
    """

    image: int
    row0: int
    row1: int
    col0: int
    col1: int
    rows: object
    cols: object
    base: int

    @property
    def pixels(self):
        return (self.row1 - self.row0) * (self.col1 - self.col0)

    @property
    def block(self):
        """Vectors of one input block."""
        return self.rows.size * self.cols.size


def lower_conv(low, op, fill_holes, tail):
    """Emit a convolution. fill_holes : write all lanes of the last block, for a consumer that reads
    the holes.
    tail : cycles of the vector engine that follow each row of results before the array can use
    them.
    """
    ConvLowering(low, op, fill_holes, tail).run()


def lower_parts(low, op, fill_holes):
    """Emit a transposed convolution or a resampling, one part of the result after the other."""
    for conv, result in parts_of(op, low.placements[op.x], low.placements[op.y]):
        ConvLowering(low, conv, fill_holes, 0, result).run()
    low.tiles.pop(low.layer, None)


class ConvLowering:
    """Lowers one convolution; see `lower_conv`. result : where it goes, if not to all of the
    operation's tensor.
    """

    def __init__(self, low, op, fill_holes, tail, result=None):
        config = low.config
        self.low, self.op, self.config = low, op, config
        self.x, self.y = low.placements[op.x], result or low.placements[op.y]
        self.residual = op.second.residual if op.second is not None else None
        self.view = view_of(op, self.x, self.y)
        cout = op.weight.shape[0]
        self.per_block = max(1, config.rows // config.cols)  # output blocks in a DRAM block
        self.out_blocks = self.y.blocks * self.per_block if fill_holes else -(-cout // config.cols)
        self.pieces, self.plan = self._pieces_and_plan()
        self.groups = self._groups()
        self.rows = conv_plan.row_tiles(self.view, self.plan, tail, config)
        blocks = -(-self.plan.nb * config.cols // config.lanes)
        if not self.view.by_image:  # whose tiles are of images, not of rows
            low.tiles[low.layer] = (tuple(end for _, end in self.rows), blocks)

    def run(self):
        for tile in self._tiles():
            self._regions = {}
            for group in self.groups:
                self._group(tile, group)

    # what is laid out once

    def _pieces_and_plan(self):
        """The cheaper of all weight tiles, regularly, and those that are not zero."""
        op, x, config = self.op, self.x, self.config
        makers = (pieces_of, pieces_without_zeros) if op.groups == 1 else (pieces_of,)
        found = []
        for pieces in dict.fromkeys(make(op, x, self.out_blocks, config.cols) for make in makers):
            pieces = with_terms(pieces, len(weight_image.terms(op.weight)))
            plan = conv_plan.choose(
                op.name,
                self.view,
                pieces,
                x.blocks,
                self.out_blocks,
                config,
                self.residual is not None,
            )
            found.append((pieces, plan))
        return min(found, key=lambda pair: pair[1].cost)

    def _groups(self):
        block = conv_plan.tile_block(self.view, self.plan.rows, self.plan.cols)
        limit = max(1, self.config.act_vectors // (1 if self.plan.resident else 2) // block)
        raw = conv_plan.group_pieces(self.pieces, self.out_blocks, self.plan.nb, limit)
        ordered = [(self._order(first, end), tuple(pieces)) for first, end, pieces in raw]
        image, cols = self.low.image, self.config.cols
        packed = weight_image.group_weights(self.op, self.x, ordered, cols)
        slots = self._resident_slots(ordered)
        groups = []
        for (order, pieces), data, slot in zip(ordered, packed, slots):
            address = image.add(data)
            params = (
                image.add(weight_image.post_params(self.op, order, cols)) if slot is None else 0
            )
            groups.append(
                Group(order, pieces, self._runs(order), (address, len(data)), params, slot)
            )
        return groups

    def _order(self, first, end):
        """Dense blocks narrower than a vector lie lane by lane, so that one POST writes many."""
        if len(self.pieces) > 1 or self.op.groups > 1:
            return tuple(range(first, end))
        return tuple(sorted(range(first, end), key=lambda ob: (ob % self.per_block, ob)))

    def _runs(self, order):
        runs = []
        for i, ob in enumerate(order):
            if runs and ob == runs[-1][1] + runs[-1][2] * self.per_block:
                runs[-1] = (*runs[-1][:2], runs[-1][2] + 1)
            else:
                runs.append((i, ob, 1))
        return tuple(runs)

    def _resident_slots(self, ordered):
        """First slot of each group, after loading all parameters; None for each group where they
        are too many.
        """
        if self.out_blocks > max(self.plan.nb, self.config.param_slots // 2):
            return [None] * len(ordered)
        order = [ob for group, _ in ordered for ob in group]
        address = self.low.image.add(weight_image.post_params(self.op, order, self.config.cols))
        first = self._load_params(address, len(order))
        starts = [0]
        for group, _ in ordered:
            starts.append(starts[-1] + len(group))
        return [(first + start) % self.config.param_slots for start in starts[:-1]]

    def _load_params(self, address, blocks):
        slot, users = self.low.post_slots.take(blocks)
        self._param = self.low.emit_params(
            0,
            address,
            slot,
            blocks * self.config.post_param_bytes,
            [("post", user) for user in users],
        )
        return slot

    def _tiles(self):
        v = self.view
        for image in range(v.images):
            for row0, row1 in self.rows:
                for col0, col1 in conv_plan.split(v.out_cols, self.plan.cols):
                    height, width = v.extent(row1 - row0, col1 - col0)
                    rows, skip_rows = span(row0 * v.stride[0] - v.pads[0], height, v.in_rows)
                    cols, skip_cols = span(col0 * v.stride[1] - v.pads[1], width, v.in_cols)
                    yield Tile(
                        image, row0, row1, col0, col1, rows, cols, skip_rows * cols.size + skip_cols
                    )

    # one accumulator half

    def _group(self, tile, group):
        low, half = self.low, self.low.half
        low.half = 1 - half
        low.emit(isa.WEIGHT, dict(addr=group.weights[0], n_bytes=group.weights[1]))
        base, last = half * self.config.acc_depth, None
        for piece in group.pieces:
            acc = base + (piece.first - group.pieces[0].first) * tile.pixels
            for first, end, regions, start in self._chunks(tile, piece):
                last = self._array(tile, piece, first, end, regions, start, acc, half)
        slot = group.slot
        if slot is None:
            slot = self._load_params(group.params, len(group.order))
        low.drains[half] = self._posts(tile, group, base, slot, last)

    def _chunks(self, tile, piece):
        """(first, end, regions, buffer address of block `first` or of the piece's lowest) of the
        input blocks, loaded.
        """
        low_block, high_block = piece.blocks
        if piece.step:
            edges = [(low_block, high_block)]
        else:
            edges = conv_plan.split(high_block - low_block, self.plan.chunk)
            edges = [(a + low_block, b + low_block) for a, b in edges]
        if self.plan.resident:
            yield from self._resident_chunks(tile, edges)
            return
        for first, end in edges:
            region = self._load(tile, first, end, self.low.ring.place((end - first) * tile.block))
            yield first, end, [region], region.start

    def _resident_chunks(self, tile, edges):
        if not self._regions:
            self._base = self.low.ring.place(self.x.blocks * tile.block)
            self._cuts = conv_plan.split(self.x.blocks, self.plan.chunk)
        for first, end in edges:
            regions = []
            for a, b in self._cuts:
                if a < end and b > first:
                    if a not in self._regions:
                        self._regions[a] = self._load(tile, a, b, self._base + a * tile.block)
                    regions.append(self._regions[a])
            yield first, end, regions, self._base + first * tile.block

    def _load(self, tile, first, end, dest):
        v, x, low = self.view, self.x, self.low
        region, readers = low.ring.claim(dest, (end - first) * tile.block)
        images = (0, x.shape[0]) if v.by_image else (tile.image, tile.image + 1)
        rows = (
            (0, x.shape[2])
            if v.by_image
            else (tile.rows.low * v.row_of, (tile.rows.high - 1) * v.row_of + 1)
        )
        deps = low.reads(self.op.x, images, (first, end), rows) + [("array", r) for r in readers]
        address = (
            x.address(images[0], first) + tile.rows.low * v.row_bytes + tile.cols.low * x.lanes
        )
        n_rows, n_cols = tile.rows.high - tile.rows.low, tile.cols.high - tile.cols.low
        pads = dict(
            pad_top=tile.rows.before,
            pad_bottom=tile.rows.after,
            pad_left=tile.cols.before,
            pad_right=tile.cols.after,
        )
        if not any(pads.values()) and n_cols * x.lanes == v.row_bytes and n_rows * n_cols < 1 << 16:
            n_rows, n_cols = 1, n_rows * n_cols
        region.load = low.emit(
            isa.LOAD,
            dict(
                addr=address,
                blk_stride=x.plane,
                row_stride=v.row_bytes if n_rows > 1 else 0,
                n_blk=end - first,
                n_rows=n_rows,
                n_cols=n_cols,
                **pads,
                pad_value=self.op.pad_value,
                dest=dest,
            ),
            deps,
        )
        return region

    def _array(self, tile, piece, first, end, regions, start, acc, half):
        v, width = self.view, tile.cols.size
        op = self.low.emit(
            isa.ARRAY,
            dict(
                base=start + tile.base,
                n_cb=piece.count if piece.step else end - first,
                s_cb=tile.block & _STEP,
                n_ky=v.taps[0],
                s_ky=v.ky_step[0] * width + v.ky_step[1] & _STEP,
                n_kx=v.taps[1],
                s_kx=v.kx_cols & _STEP,
                n_ob=piece.n,
                s_ob=piece.step * tile.block & _STEP,
                n_y=tile.row1 - tile.row0,
                s_y=v.stride[0] * width & _STEP,
                n_x=tile.col1 - tile.col0,
                s_x=v.stride[1],
                acc=acc,
                accumulate=int(piece.adds or first != piece.block),
            ),
            [("load", region.load) for region in regions],
        )
        op.after("post", self.low.drains[half])
        for region in regions:
            region.reader = op
        return op

    def _posts(self, tile, group, base, slot, array):
        low, cols, lanes, last = self.low, self.config.cols, self.config.lanes, None
        for index, ob, count in group.runs:
            for part in range(max(1, cols // lanes)):
                channel = ob * cols + part * lanes
                first, step = channel // lanes, max(1, cols // lanes)
                n = min(count, -(-(self.y.blocks - first) // step))
                if n > 0:
                    last = self._post(
                        tile,
                        base + index * tile.pixels,
                        n,
                        part,
                        (slot + index) % self.config.param_slots,
                        first,
                        step,
                        channel % lanes,
                        array,
                    )
                    low.post_slots.use(slot + index, n, last)
        return last

    def _post(self, tile, acc, n_blk, part, slot, block, step, lane, array):
        v, y, low = self.view, self.y, self.low
        if v.by_image:
            images, rows, offset, row_bytes = (
                (tile.row0, tile.row1),
                (0, y.shape[2]),
                y.address(tile.row0, block),
                y.image_stride,
            )
        else:
            images, rows, row_bytes = (
                (tile.image, tile.image + 1),
                (tile.row0, tile.row1),
                y.row_bytes,
            )
            offset = y.address(tile.image, block, tile.row0, tile.col0)
        out_rows, out_cols = tile.row1 - tile.row0, tile.col1 - tile.col0
        if out_cols * y.pixel_bytes == row_bytes:
            out_rows, out_cols = 1, out_rows * out_cols
        blocks = (block, block + (n_blk - 1) * step + 1)
        values = dict(
            acc=acc,
            n_blk=n_blk,
            group=part,
            slot=slot,
            zero=self.op.zero,
            low=self.op.low,
            high=self.op.high,
            **self._second(tile, block, lane),
            out_addr=offset + lane,
            out_blk_stride=step * y.plane,
            out_row_stride=row_bytes if out_rows > 1 else 0,
            out_pix_stride=y.pixel_bytes,
            out_rows=out_rows,
            out_cols=out_cols,
        )
        op = low.emit(isa.POST, values, [("array", array), ("param", self._param)])
        if self.residual is not None:
            op.deps += low.reads(self.residual, images, blocks, rows)
        low.wrote(self.op.y, images, blocks, y.tensor_rows(*rows), op)
        return op

    def _second(self, tile, block, lane):
        s = self.op.second
        if s is None:
            return dict(
                stage2=0, residual=0, ma=0, mb=0, c=0, shift=0, zero2=0, low2=0, high2=0, res_addr=0
            )
        address = 0
        if s.residual is not None:
            address = (
                self.low.placements[s.residual].address(tile.image, block, tile.row0, tile.col0)
                + lane
            )
        return dict(
            stage2=1,
            residual=int(s.residual is not None),
            ma=s.ma,
            mb=s.mb,
            c=s.c,
            shift=s.shift,
            zero2=s.zero,
            low2=s.low,
            high2=s.high,
            res_addr=address,
        )
