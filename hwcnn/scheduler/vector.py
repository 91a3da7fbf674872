"""Everything that the vector engine does: pooling, element-wise operations, affine, tables, LRN."""

import itertools

import numpy as np

from .. import ir, isa, limits
from ..errors import InputError
from . import weights
from .conv_plan import split
from .view import span

#: Vectors that a tile of the vector engine reads, about: few instructions, yet consumers can start early.
TILE_VECTORS = 512
#: Of a concatenation, the parts of this many last producers are worked on apart, each as soon as it is there.
RECENT_PARTS = 2

_PLAIN = dict(reduce=isa.REDUCE_NONE, kh=1, kw=1, sh=1, sw=1, b_mode=isa.B_NONE, b_addr=0, b_blk_stride=0, alu=isa.ALU_ADD,
              per_channel=0, slot=0, lrn=0, lrn_half=0, lut=0, ca=0, cb=0, ma=1, mb=0, c=0, shift=0, zero=0, low=-128,
              high=127)
_ALU = {"add": isa.ALU_ADD, "mul": isa.ALU_MUL, "max": isa.ALU_MAX, "min": isa.ALU_MIN}


def lower_vector(low, op):
    """Emit a pooling, element-wise, affine, table or LRN layer."""
    {ir.Pool: _pool, ir.Eltwise: _eltwise, ir.Affine: _affine, ir.Lut: _lut, ir.Lrn: _lrn}[type(op)](low, op)


def _need(low, op, feature):
    if feature not in low.config.features:
        raise InputError(f"layer {op.name!r} ({type(op).__name__}) needs the vector feature {feature!r}, which the accelerator "
                         f"configuration leaves out")


class _Layer:
    """Emits the tiles of one layer of the vector engine."""

    def __init__(self, low, op):
        if not low.config.features:
            _need(low, op, "eltwise")
        self.low, self.op = low, op
        self.x, self.y = low.placements[op.inputs[0]], low.placements[op.y]

    def parts(self):
        """[(first, end)] of blocks that become ready together; each range is a stream of operations of its own."""
        producers = self.low.producers(self.op.inputs[0])
        recent = sorted(set(producers))[-RECENT_PARTS:]
        edges = [0]
        for i in range(1, len(producers)):
            if producers[i] != producers[i - 1] and (producers[i] in recent or producers[i - 1] in recent):
                edges.append(i)
        return list(zip(edges, edges[1:] + [len(producers)]))

    def row_tiles(self, rows, vectors_a_row):
        """[(row0, row1)] of about TILE_VECTORS input vectors each."""
        return split(rows, max(1, min(rows, TILE_VECTORS // max(1, vectors_a_row))))

    def emit(self, image, blocks, out_rows, out_cols, rows, cols, values, pad_value=0, deps=()):
        """One VECTOR. out_rows, out_cols : (first, end) of results; rows, cols : spans of input."""
        x, y = self.x, self.y
        images, n_blk = (image, image + 1), blocks[1] - blocks[0]
        n_rows, n_cols = rows.high - rows.low, cols.high - cols.low
        height, width = out_rows[1] - out_rows[0], out_cols[1] - out_cols[0]
        pads = dict(pad_top=rows.before, pad_bottom=rows.after, pad_left=cols.before, pad_right=cols.after)
        full = {**_PLAIN, **values}
        if full["reduce"] == isa.REDUCE_NONE and n_cols == x.shape[3] and n_rows * n_cols < 1 << 16:
            n_rows, n_cols, height, width = 1, n_rows * n_cols, 1, height * width
        op = self.low.emit(isa.VECTOR, dict(
            addr=x.address(image, blocks[0], rows.low, cols.low), blk_stride=x.plane,
            row_stride=x.shape[3] * x.lanes if n_rows > 1 else 0, n_blk=n_blk, n_rows=n_rows, n_cols=n_cols, **pads,
            pad_value=pad_value, **full, out_addr=y.address(image, blocks[0], out_rows[0], out_cols[0]),
            out_blk_stride=y.plane, out_row_stride=y.shape[3] * y.lanes if height > 1 else 0, out_pix_stride=y.lanes,
            out_rows=height, out_cols=width), deps, stream=(self.low.layer, blocks[0]))
        op.deps += self.low.reads(self.op.inputs[0], images, blocks, (rows.low, rows.high))
        self.low.wrote(self.op.y, images, blocks, out_rows, op)
        return op

    def map_tiles(self, values, deps=()):
        """Element-wise over the whole map; yields each VECTOR."""
        for image in range(self.x.shape[0]):
            for blocks in self.parts():
                yield from self.image_tiles(image, blocks, values, deps)

    def image_tiles(self, image, blocks, values, deps=(), second=None):
        """Element-wise over some blocks of an image. second : placement of a map that operand B reads."""
        _, _, h, w = self.x.shape
        for row0, row1 in self.row_tiles(h, w * (blocks[1] - blocks[0])):
            if second is not None:
                values = values | dict(b_addr=second.address(image, blocks[0], row0))
            rows, _ = span(row0, row1 - row0, h)
            cols, _ = span(0, w, w)
            yield self.emit(image, blocks, (row0, row1), (0, w), rows, cols, values, deps=deps)


def _affine(low, op):
    _need(low, op, "affine")
    layer, config = _Layer(low, op), low.config
    words = weights.vector_params(op, layer.x)
    address = low.image.add(words)
    most = max(1, config.param_slots // 2)
    ranges = [(first + a, first + b) for first, end in layer.parts() for a, b in split(end - first, most)]
    for first, end in ranges:
        slot, users = low.vector_slots.take(end - first)
        param = low.emit_params(1, address + first * config.vector_param_bytes, slot,
                                (end - first) * config.vector_param_bytes, [("vstore", u) for u in users], (low.layer, first))
        values = dict(per_channel=1, slot=slot, zero=op.zero, low=op.low, high=op.high)
        for image in range(layer.x.shape[0]):
            for vector in layer.image_tiles(image, (first, end), values, [("param", param)]):
                low.vector_slots.use(slot, end - first, vector)


def _table(low, dest, data):
    users, low.table_users[dest] = low.table_users[dest], {}
    address = low.image.add(data)
    return low.emit_params(dest, address, 0, data.nbytes, [("vstore", user) for user in users.values()], (low.layer, 0))


def _lut(low, op):
    _need(low, op, "lut")
    layer = _Layer(low, op)
    param = _table(low, 3, np.asarray(op.table, np.int8))
    for vector in layer.map_tiles(dict(lut=1), [("param", param)]):
        low.table_users[3][vector.stream] = vector


def _eltwise(low, op):
    _need(low, op, "eltwise")
    layer, b = _Layer(low, op), low.placements[op.b]
    broadcast = b.shape[2:] != layer.x.shape[2:]
    values = dict(alu=_ALU[op.kind], ca=op.ca, cb=op.cb, ma=op.ma, mb=op.mb, c=op.c, shift=op.shift, zero=op.zero,
                  low=op.low, high=op.high, b_mode=isa.B_BROADCAST if broadcast else isa.B_MAP, b_blk_stride=b.plane)
    for image in range(layer.x.shape[0]):
        for first, end in layer.parts():
            if broadcast:
                values = values | dict(b_addr=b.address(image, first))
            for vector in layer.image_tiles(image, (first, end), values, second=None if broadcast else b):
                rows = (0, 1) if broadcast else _rows_of(vector, layer.x, image, first)
                vector.deps += low.reads(op.b, (image, image + 1), (first, end), rows)


def _rows_of(vector, x, image, block):
    first = (vector.values["addr"] - x.address(image, block)) // (x.shape[3] * x.lanes)
    count = vector.values["n_rows"] * vector.values["n_cols"] // x.shape[3]
    return first, first + count


def _lrn(low, op):
    _need(low, op, "lrn")
    layer, config = _Layer(low, op), low.config
    param = _table(low, 2, np.asarray(op.table).astype("<u4"))
    values = dict(lrn=1, lrn_half=op.size // 2, ca=-op.x_zero, shift=op.shift, zero=op.zero)
    n, _, h, w = layer.x.shape
    for image in range(n):
        for row0, row1 in split(h, max(1, limits.lrn_pixels(config) // w)):
            for col0, col1 in split(w, limits.lrn_pixels(config)):
                rows, _ = span(row0, row1 - row0, h)
                cols, _ = span(col0, col1 - col0, w)
                vector = layer.emit(image, (0, layer.x.blocks), (row0, row1), (col0, col1), rows, cols, values,
                                    deps=[("param", param)])
                low.table_users[2][vector.stream] = vector


def _pool(low, op):
    layer = _Layer(low, op)
    if op.kernel == (1, 1) and op.stride == (1, 1) and not any(op.pads) and op.kind == "max":
        (mantissa, shift), = set(op.multipliers.values())
        values = dict(ca=-op.x_zero, ma=mantissa, shift=shift, zero=op.zero, low=op.low, high=op.high)
        for _ in layer.map_tiles(values):
            pass
        return
    _need(low, op, "pool")
    _check_window(op, low.config, layer.y.shape[3])
    for image in range(layer.x.shape[0]):
        for blocks in layer.parts():
            _pool_blocks(layer, op, image, blocks)


def _check_window(op, config, out_cols):
    columns = min(out_cols, max(1, limits.max_pool_cols(config, op.kernel[0], op.stride[0])))
    if reason := limits.pool_reason(config, op.kernel, op.stride, columns, op.kind == "average"):
        raise InputError(f"layer {op.name!r}: the vector engine cannot do {reason}")


def _pool_blocks(layer, op, image, blocks):
    (kh, kw), (sh, sw), (top, left, _, _) = op.kernel, op.stride, op.pads
    _, _, h, w = layer.x.shape
    _, _, out_h, out_w = layer.y.shape
    exact = op.kind == "average" and len(set(op.multipliers.values())) > 1
    widest = max(1, limits.max_pool_cols(layer.low.config, kh, sh))
    for (r0, r1, row_taps) in _segments(out_h, kh, sh, top, h, exact):
        per_row = w * (blocks[1] - blocks[0]) * sh
        for a, b in layer.row_tiles(r1 - r0, per_row):
            for (c0, c1, col_taps) in _segments(out_w, kw, sw, left, w, exact):
                for p, q in split(c1 - c0, widest):
                    out_rows, out_cols = (r0 + a, r0 + b), (c0 + p, c0 + q)
                    rows, _ = span(out_rows[0] * sh - top, (b - a - 1) * sh + kh, h)
                    cols, _ = span(out_cols[0] * sw - left, (q - p - 1) * sw + kw, w)
                    values, pad = _window(op, row_taps * col_taps)
                    layer.emit(image, blocks, out_rows, out_cols, rows, cols, values, pad)


def _segments(count, kernel, stride, pad, size, exact):
    """[(first, end, valid taps)] of outputs along an axis that see the same number of taps; one (0 taps) if not `exact`."""
    if not exact:
        return [(0, count, 0)]
    starts = np.arange(count) * stride - pad
    taps = np.minimum(starts + kernel, size) - np.maximum(starts, 0)
    segments, first = [], 0
    for value, run in itertools.groupby(taps):
        n = len(list(run))
        segments.append((first, first + n, int(value)))
        first += n
    return segments


def _window(op, taps):
    """(fields, pad value) of a window. Pads of a sum count x_zero each, so that they cancel."""
    (kh, kw), (sh, sw) = op.kernel, op.stride
    average = op.kind == "average"
    mantissa, shift = op.multipliers[taps] if taps else next(iter(op.multipliers.values()))
    values = dict(reduce=isa.REDUCE_SUM if average else isa.REDUCE_MAX, kh=kh, kw=kw, sh=sh, sw=sw,
                  ca=-kh * kw * op.x_zero if average else -op.x_zero, ma=mantissa, shift=shift, zero=op.zero, low=op.low,
                  high=op.high)
    return values, op.x_zero if average else -128
