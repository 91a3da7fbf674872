"""The operations of one tile of a convolution."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import pairwise

from hwcnn import ir, isa
from hwcnn.layout import Placement
from hwcnn.scheduler.allocators import BufferSpan
from hwcnn.tile_ops import TileOp

from .block_groups import BlockGroup
from .conv_plan import ConvLayer, ConvPlan
from .conv_tiles import OutputTile
from .kernel_taps import TapGrid
from .lowering import NO_SECOND_STAGE, Lowering
from .output_groups import OutputGroup, PostRun, ResidentParams
from .ranges import Range, split

_STEP = (1 << 20) - 1  # address steps of an ARRAY are modulo 2**20


class ConvEmitter:
    """Emits a convolution's tiles. result : where they are written, which may be every n-th row and
    column of the operation's result only.

    """

    def __init__(
        self,
        lowering: Lowering,
        op: ir.Conv,
        result: Placement,
        layer: ConvLayer,
        plan: ConvPlan,
    ):
        self.lowering, self.op, self.config = lowering, op, lowering.config
        self.x, self.y = lowering.placements[op.x], result
        self.layer, self.geometry, self.plan = layer, layer.geometry, plan
        # a tile's resident input, by first block and half
        self._loaded: dict[tuple[int, int], BufferSpan] = {}
        self._base = 0

    def emit_tile(self, tile: OutputTile, groups: Sequence[OutputGroup]) -> None:
        """Emit all operations of a tile, one group of output blocks after the other."""
        self._loaded = {}
        for group in groups:
            self._emit_group(tile, group)

    def _emit_group(self, tile: OutputTile, group: OutputGroup) -> None:
        """Fill one accumulator half, and drain it."""
        lowering = self.lowering
        half = lowering.next_half()
        lowering.emit(isa.WEIGHT, dict(addr=group.weights, n_bytes=group.weight_bytes))
        base, last = half * self.config.acc_depth, None
        for blocks in group.block_groups:
            acc = base + (blocks.first - group.block_groups[0].first) * tile.pixels
            for inputs, spans, start in self._inputs(tile, blocks):
                for taps in blocks.taps(self.geometry.taps):
                    last = self._array(tile, blocks, inputs, taps, spans, start, acc)
                    last.after("post", lowering.drains[half])
        if isinstance(group.params, ResidentParams):
            param, slot = group.params.loaded(lowering)
        else:
            param, slot = lowering.load_post_params(group.params, len(group.order))
        assert last is not None, "every group reads something"
        for run in group.runs:
            for post in self._posts(tile, run, base, slot, [("array", last), ("param", param)]):
                lowering.drains[half] = post

    def _inputs(
        self, tile: OutputTile, blocks: BlockGroup
    ) -> Iterator[tuple[Range, list[BufferSpan], int]]:
        """(input blocks, spans that hold them, address of the first) of each ARRAY, loaded."""
        first, end = blocks.blocks
        ranges = [(first, end)]
        if not blocks.step:
            ranges = [(first + a, first + b) for a, b in split(end - first, self.plan.load_blocks)]
        for inputs in ranges:
            if self.plan.resident:
                spans = self._resident(tile, inputs, blocks.half)
                yield inputs, spans, self._place(tile, inputs[0], blocks.half)
            else:
                dest = self.lowering.ring.place((inputs[1] - inputs[0]) * tile.block)
                yield inputs, [self._load(tile, inputs, blocks.half, dest)], dest

    def _resident(self, tile: OutputTile, inputs: Range, half: int) -> list[BufferSpan]:
        """The spans that hold input blocks of a tile that stays in the buffer, loaded once."""
        if not self._loaded:
            self._base = self.lowering.ring.place(self.layer.in_blocks * tile.block)
        spans: list[BufferSpan] = []
        for first, end in [inputs] if half else self._loads:
            if first < inputs[1] and end > inputs[0]:
                if (first, half) not in self._loaded:
                    dest = self._place(tile, first, half)
                    self._loaded[first, half] = self._load(tile, (first, end), half, dest)
                spans.append(self._loaded[first, half])
        return spans

    @cached_property
    def _loads(self) -> list[Range]:
        """The input blocks of each LOAD of all lanes, where they stay in the buffer: all but those
        of which one half alone is needed. None is of two groups.
        """
        halves = {at for (block, _), at in self.layer.half_places.items() if at == block}
        edges = {0, self.x.blocks} | {
            edge for group in self.layer.block_groups if not group.step for edge in group.blocks
        }
        return [
            (before + first, before + end)
            for before, after in pairwise(sorted(edges))
            if before not in halves
            for first, end in split(after - before, self.plan.load_blocks)
        ]

    def _place(self, tile: OutputTile, block: int, half: int) -> int:
        """Where an input block, or a half of it, lies that stays in the buffer."""
        at = self.layer.half_places[block, half] if half else block
        return self._base + at * tile.block

    def _load(self, tile: OutputTile, blocks: Range, half: int, dest: int) -> BufferSpan:
        """Emit the LOAD of a tile's input blocks, of whose lanes all or one half is needed, to
        buffer address `dest`.
        """
        g, x, lowering = self.geometry, self.x, self.lowering
        rows, cols = tile.in_rows, tile.in_cols
        size = (blocks[1] - blocks[0]) * tile.block
        span, readers = lowering.ring.claim(dest, size)
        images, map_rows = (0, x.shape[0]), (0, x.shape[2])
        if not g.by_image:
            images = tile.image, tile.image + 1
            map_rows = rows.first * g.row_of, (rows.end - 1) * g.row_of + 1
        n_rows, n_cols = rows.end - rows.first, cols.end - cols.first
        padded = rows.before or rows.after or cols.before or cols.after
        if not padded and n_cols * x.lanes == g.row_bytes and n_rows * n_cols < 1 << 16:
            n_rows, n_cols = 1, n_rows * n_cols
        span.load = lowering.emit(
            isa.LOAD,
            dict(
                addr=x.address(images[0], blocks[0])
                + rows.first * g.row_bytes
                + cols.first * x.lanes,
                blk_stride=x.plane,
                row_stride=g.row_bytes if n_rows > 1 else 0,
                n_blk=blocks[1] - blocks[0],
                n_rows=n_rows,
                n_cols=n_cols,
                pad_top=rows.before,
                pad_bottom=rows.after,
                pad_left=cols.before,
                pad_right=cols.after,
                pad_value=self.op.pad_value,
                dest=dest,
                half=half,
            ),
            [("array", reader) for reader in readers],
        )
        lowering.reads(span.load, self.op.x, images, blocks, map_rows)
        return span

    def _array(
        self,
        tile: OutputTile,
        blocks: BlockGroup,
        inputs: Range,
        taps: TapGrid,
        spans: Sequence[BufferSpan],
        start: int,
        acc: int,
    ) -> TileOp:
        """Emit the ARRAY that adds some taps of some input blocks, from buffer address `start` on,
        to the sums from accumulator `acc` on.
        """
        g, width = self.geometry, tile.in_cols.size
        ky_step = g.ky_step[0] * width + g.ky_step[1]
        first, other = (
            ky * ky_step + kx * g.kx_cols for ky, kx in (taps.first, taps.other or (0, 0))
        )
        begins = not blocks.adds and inputs[0] == blocks.block and taps.first == (0, 0)
        op = self.lowering.emit(
            isa.ARRAY,
            dict(
                base=start + tile.base + first,
                n_cb=blocks.count if blocks.step else inputs[1] - inputs[0],
                s_cb=tile.block & _STEP,
                n_ky=taps.count[0],
                s_ky=taps.step[0] * ky_step & _STEP,
                n_kx=taps.count[1],
                s_kx=taps.step[1] * g.kx_cols & _STEP,
                n_ob=blocks.n,
                s_ob=blocks.step * tile.block & _STEP,
                n_y=tile.height,
                s_y=g.stride[0] * width & _STEP,
                n_x=tile.width,
                s_x=g.stride[1],
                acc=acc,
                accumulate=int(not begins),
                upper=other & _STEP,
            ),
            [("load", span.load) for span in spans],
        )
        for span in spans:
            span.reader = op
        return op

    def _posts(
        self,
        tile: OutputTile,
        run: PostRun,
        base: int,
        slot: int,
        deps: Sequence[tuple[str, TileOp]],
    ) -> Iterator[TileOp]:
        """Emit the POSTs that write a run of output blocks, one for each `lanes` of their columns.

        base : accumulator of the half's first sum. slot : of the parameters of its first block.
        """
        cols, lanes, slots = self.config.cols, self.config.lanes, self.config.param_slots
        step = max(1, cols // lanes)  # DRAM blocks from an output block to the next
        for column_group in range(step):
            block, lane = divmod(run.block * cols + column_group * lanes, lanes)
            count = min(run.count, -(-(self.y.blocks - block) // step))
            if count > 0:
                sums = dict(
                    acc=base + run.index * tile.pixels,
                    n_blk=count,
                    group=column_group,
                    slot=(slot + run.index) % slots,
                )
                post = self._post(tile, sums, (block, block + (count - 1) * step + 1), lane, deps)
                self.lowering.post_slots.use(slot + run.index, count, post)
                yield post

    def _post(
        self,
        tile: OutputTile,
        sums: dict[str, int],
        blocks: Range,
        lane: int,
        deps: Sequence[tuple[str, TileOp]],
    ) -> TileOp:
        """Emit a POST.

        sums : its fields that say which accumulators it drains. blocks : DRAM blocks from the first
        to the last that it writes, from `lane` on.
        """
        y, lowering = self.y, self.lowering
        if self.geometry.by_image:
            images, rows = tile.rows, (0, y.shape[2])
            address, row_bytes = y.address(tile.rows[0], blocks[0]), y.image_stride
        else:
            images, rows = (tile.image, tile.image + 1), tile.rows
            address = y.address(tile.image, blocks[0], tile.rows[0], tile.cols[0])
            row_bytes = y.row_bytes
        out_rows, out_cols = tile.height, tile.width
        if out_cols * y.pixel_bytes == row_bytes:
            out_rows, out_cols = 1, out_rows * out_cols
        step = max(1, self.config.cols // self.config.lanes)
        post = lowering.emit(
            isa.POST,
            dict(
                **sums,
                zero=self.op.zero,
                low=self.op.low,
                high=self.op.high,
                **self._second_stage(tile, blocks[0], lane),
                out_addr=address + lane,
                out_blk_stride=step * y.plane,
                out_row_stride=row_bytes if out_rows > 1 else 0,
                out_pix_stride=y.pixel_bytes,
                out_rows=out_rows,
                out_cols=out_cols,
            ),
            deps,
        )
        if self.op.second is not None and self.op.second.residual is not None:
            lowering.reads(post, self.op.second.residual, images, blocks, rows)
        lowering.wrote(self.op.y, images, blocks, y.tensor_rows(*rows), post)
        return post

    def _second_stage(self, tile: OutputTile, block: int, lane: int) -> dict[str, int]:
        """Fields of the second stage, whose residual lies as the results from `block` on do."""
        second, address = self.op.second, 0
        if second is None:
            return NO_SECOND_STAGE
        if second.residual is not None:
            residual = self.lowering.placements[second.residual]
            address = residual.address(tile.image, block, tile.rows[0], tile.cols[0]) + lane
        return dict(
            stage2=1,
            residual=int(second.residual is not None),
            ma=second.ma,
            mb=second.mb,
            c=second.c,
            shift=second.shift,
            zero2=second.zero,
            low2=second.low,
            high2=second.high,
            res_addr=address,
        )
