"""VECTOR instructions and what they must do, in NumPy, from docs/architecture.md alone."""

import numpy as np
from instruction_fields import COPY, READ

from hwcnn import isa
from hwcnn.fixedpoint import round_shift

ADD, MUL, MAX, MIN = isa.ALU_ADD, isa.ALU_MUL, isa.ALU_MAX, isa.ALU_MIN
NO_POOL, POOL_MAX, POOL_SUM = isa.REDUCE_NONE, isa.REDUCE_MAX, isa.REDUCE_SUM
DEPTHWISE = isa.REDUCE_DEPTHWISE
A, B, OUT, SIZE = 0x1000, 0x5000, 0x9000, 0x10000
DEFAULT = READ | COPY | dict(dw_words=1, ma=1 << 16, shift=16)


def pool(kind, blocks, rows, cols, kernel, stride, pads=(0, 0, 0, 0), **fields):
    """kind: POOL_MAX or POOL_SUM; a sum becomes an average. pads: top, left, bottom, right."""
    taps = kernel[0] * kernel[1] if kind == POOL_SUM else 1
    return (
        dict(
            reduce=kind,
            n_blk=blocks,
            n_rows=rows,
            n_cols=cols,
            kh=kernel[0],
            kw=kernel[1],
            sh=stride[0],
            sw=stride[1],
            pad_top=pads[0],
            pad_left=pads[1],
            pad_bottom=pads[2],
            pad_right=pads[3],
            pad_value=-128 if kind == POOL_MAX else 3,
            ma=(1 << 17) // taps - 1,
            shift=17,
        )
        | fields
    )


def depthwise(blocks, rows, cols, kernel, stride, pads=(0, 0, 0, 0), dilation=1, **fields):
    """kernel : rows, and groups of columns that are read at once. dilation : of the rows."""
    return (
        dict(
            reduce=DEPTHWISE,
            per_channel=1,
            n_blk=blocks,
            n_rows=rows,
            n_cols=cols,
            kh=kernel[0],
            n_kx=kernel[1],
            sh=stride[0],
            sw=stride[1],
            pad_top=pads[0],
            pad_left=pads[1],
            pad_bottom=pads[2],
            pad_right=pads[3],
            pad_value=-7,
            dilation=dilation,
        )
        | fields
    )


def lrn(blocks, pixels, half, **fields):
    return dict(lrn=1, lrn_half=half, n_blk=blocks, n_cols=pixels, ca=5, shift=16, zero=-3) | fields


def tile(blocks, rows, cols, **fields):
    return dict(n_blk=blocks, n_rows=rows, n_cols=cols) | fields


POOLS = [
    pool(POOL_MAX, 2, 4, 6, (2, 2), (2, 2)),
    pool(POOL_MAX, 1, 8, 9, (3, 3), (2, 2), (0, 1, 1, 0), zero=3, ca=7),
    pool(POOL_SUM, 2, 5, 5, (3, 3), (1, 1), (1, 1, 1, 1), ca=-27, zero=-7, low=-100, high=90),
    pool(POOL_MAX, 1, 11, 15, (6, 6), (4, 4)),
    pool(POOL_SUM, 3, 7, 7, (7, 7), (7, 7), ca=-490),
    pool(POOL_SUM, 1, 13, 13, (13, 13), (1, 1), lut=1),
    pool(POOL_MAX, 2, 5, 7, (3, 3), (1, 1), (1, 1, 1, 1), lut=1),
]
ELTWISE = [
    tile(2, 3, 5, b_mode=1, ca=4, cb=-9, ma=50000, mb=-70000, c=-123456, shift=17, zero=5),
    tile(3, 1, 7, b_mode=2, alu=MUL, ca=12, cb=-30, mb=90000, c=99999, shift=23),
    tile(1, 4, 4, b_mode=1, alu=MUL, ca=-128, cb=127, mb=131071, shift=24, lut=1),
    tile(2, 2, 9, b_mode=1, alu=MAX, cb=17, ma=60000, mb=-131072, c=-(2**31), shift=18, low=0),
    tile(1, 3, 6, b_mode=1, alu=MIN, ca=-17, ma=-131072, mb=131071, c=2**31 - 1, shift=18),
    tile(4, 1, 1, b_mode=2, ma=131071, mb=131071, shift=17),
    tile(1, 2, 4, b_mode=0, alu=MAX, cb=99, ma=65536, mb=5, shift=16),
]
AFFINE = [
    tile(5, 2, 9, per_channel=1, slot=2),
    tile(4, 1, 1, per_channel=1, slot=6, lut=1),  # the slots go around
    tile(1, 5, 5, per_channel=1, slot=1, ca=-77, zero=10),
]
PLAIN = [
    tile(1, 1, 1),
    tile(3, 4, 5, ca=100, zero=-20, shift=0, ma=1),
    tile(2, 3, 4, lut=1),
    tile(1, 3, 3, pad_top=1, pad_left=2, pad_bottom=1, pad_right=1, pad_value=-5, ma=-65536),
    tile(1, 2, 30, ma=1, c=0, shift=1),  # ties
]
LRN = [
    lrn(3, 5, 2),
    lrn(1, 7, 2),
    lrn(4, 1, 1),
    lrn(2, 20, 1, ca=-127, lut=1),
    lrn(4, 3, 2, ca=128),
    lrn(2, 4, 0),
]
DEPTHWISES = [
    depthwise(2, 5, 6, (3, 1), (1, 1), (1, 1, 1, 1), slot=3),
    depthwise(1, 7, 9, (3, 1), (2, 2), (0, 0, 1, 1), slot=7, dw_weights=500),
    depthwise(3, 4, 9, (2, 2), (1, 1), zero=4, low=-90),
    depthwise(1, 9, 5, (3, 1), (1, 3), dilation=3, lut=1),
    depthwise(2, 1, 8, (1, 1), (1, 1), slot=1),
]
BY_FEATURE = {"pool": POOLS, "eltwise": ELTWISE, "affine": AFFINE, "lrn": LRN, "lut": []}


def cases(config):
    """The cases of a configuration (a sequence, in which all functions alternate)."""
    features = config.features
    chosen = [c for f in features for c in BY_FEATURE[f]] + PLAIN
    chosen += [with_words(c, config.dw_taps) for c in DEPTHWISES if config.dw_taps]
    chosen = [c for c in chosen if "lut" in features or not c.get("lut")]
    return [chosen[k] for k in np.random.default_rng(3).permutation(len(chosen))]


def with_words(case, taps):
    """A depthwise case with what depends on the columns that are read at once."""
    width = case["pad_left"] + case["n_cols"] + case["pad_right"]
    copies = next(n for n in range(1, taps + 1) if n * case["sw"] % taps == 0)
    words = -(-width // taps)
    case = case | dict(
        kw=case["n_kx"] * taps,
        span=(case["kh"] - 1) * case["dilation"] + 1,
        row_words=words,
        line_words=words * case["dilation"],
        dw_words=copies * case["kh"] * case["n_kx"],
    )
    if width < case["kw"]:
        return with_words(case | {"n_cols": case["n_cols"] + case["kw"] - width}, taps)
    return case


def complete(case, lanes):
    """All fields of the instruction: addresses, strides and the size of the output."""
    f = DEFAULT | case
    height, width = (
        f["pad_top"] + f["n_rows"] + f["pad_bottom"],
        f["pad_left"] + f["n_cols"] + f["pad_right"],
    )
    reach = f["span"] if f["reduce"] == DEPTHWISE else f["kh"]
    rows, cols = (height - reach) // f["sh"] + 1, (width - f["kw"]) // f["sw"] + 1
    row = lanes * (f["n_cols"] + 1)
    out_row = lanes * (cols + 2)
    return (
        f
        | dict(
            addr=A + lanes,
            row_stride=row,
            blk_stride=row * f["n_rows"] + lanes,
            b_addr=B,
            b_blk_stride=row * f["n_rows"] + 2 * lanes,
            out_addr=OUT + 3 * lanes,
            out_row_stride=out_row,
            out_blk_stride=out_row * rows,
            out_pix_stride=lanes,
            out_rows=rows,
            out_cols=cols,
        )
        | case
    )


def _map(memory, addr, blk_stride, row_stride, shape, lanes):
    blocks, rows, cols = shape
    vector = np.arange(lanes)
    at = (
        addr
        + blk_stride * np.arange(blocks)[:, None, None, None]
        + row_stride * np.arange(rows)[:, None, None]
        + lanes * np.arange(cols)[:, None]
        + vector
    )
    return memory[at].astype(np.int64), at


def _windows(f, x):
    y = np.zeros((x.shape[0], f["out_rows"], f["out_cols"], x.shape[3]), np.int64)
    for r, c in np.ndindex(*y.shape[1:3]):
        taps = x[:, r * f["sh"] : r * f["sh"] + f["kh"], c * f["sw"] : c * f["sw"] + f["kw"]]
        y[:, r, c] = taps.max(axis=(1, 2)) if f["reduce"] == POOL_MAX else taps.sum(axis=(1, 2))
    return y


def _depthwise(f, x, weights):
    """weights : int8 [words, taps, lanes] as the unit holds them."""
    y = np.zeros((x.shape[0], f["out_rows"], f["out_cols"], x.shape[3]), np.int64)
    count, taps, _ = weights.shape
    per_copy = f["kh"] * f["n_kx"]
    for b, r, c in np.ndindex(*y.shape[:3]):
        copy = c % (f["dw_words"] // per_copy)
        for ky, column in np.ndindex(f["kh"], f["kw"]):
            word = b * f["dw_words"] + copy * per_copy + ky * f["n_kx"] + column // taps
            at = c * f["sw"] + column
            tap = weights[(f["dw_weights"] + word) % count, at % taps].astype(np.int64)
            row = r * f["sh"] + ky * f["line_words"] // f["row_words"]
            y[b, r, c] += x[b, row, at] * tap
    return y


def _lrn(f, x, table):
    d = (x + f["ca"]).transpose(1, 2, 0, 3).reshape(x.shape[1] * x.shape[2], -1)
    s = np.zeros_like(d)
    for channel in range(d.shape[1]):
        s[:, channel] = (
            d[:, max(0, channel - f["lrn_half"]) : channel + f["lrn_half"] + 1] ** 2
        ).sum(axis=1)
    index = s.copy()
    for k, value in np.ndenumerate(s):
        if value >= 128:
            e = int(value).bit_length() - 1 - 6
            index[k] = 64 * e + (value >> e)
    y = d * table[index]
    return y.reshape(x.shape[1], x.shape[2], x.shape[0], x.shape[3]).transpose(2, 0, 1, 3)


def _alu(f, x, b, slots):
    if f["per_channel"]:
        chosen = [(f["slot"] + k) % len(slots["mantissa"]) for k in range(f["n_blk"])]
        ma, c, shift = (slots[n][chosen][:, None, None] for n in ("mantissa", "bias", "shift"))
    else:
        ma, c, shift = f["ma"], f["c"], f["shift"]
    a = x + f["ca"]
    b = b + f["cb"] if f["b_mode"] else 0 * a
    u, v = a * ma, b * f["mb"]
    t = {ADD: u + v, MUL: a * b * f["mb"], MAX: np.maximum(u, v), MIN: np.minimum(u, v)}[
        f["alu"]
    ] + c
    return t, shift


def execute(memory, f, lanes, tables):
    """Execute an instruction (from `complete`) on memory, int8 [SIZE], in place. tables: slots,
    lrn, activation, depthwise.
    """
    x, _ = _map(
        memory,
        f["addr"],
        f["blk_stride"],
        f["row_stride"],
        (f["n_blk"], f["n_rows"], f["n_cols"]),
        lanes,
    )
    padded = np.pad(
        x,
        ((0, 0), (f["pad_top"], f["pad_bottom"]), (f["pad_left"], f["pad_right"]), (0, 0)),
        constant_values=f["pad_value"],
    )
    if f["lrn"]:
        t, shift = _lrn(f, padded, tables["lrn"]), f["shift"]
    else:
        shape = (f["n_blk"], 1, 1) if f["b_mode"] == 2 else (f["n_blk"], f["n_rows"], f["n_cols"])
        b, _ = _map(memory, f["b_addr"], f["b_blk_stride"], f["row_stride"], shape, lanes)
        if f["reduce"] == DEPTHWISE:
            padded = _depthwise(f, padded, tables["depthwise"])
        elif f["reduce"]:
            padded = _windows(f, padded)
        t, shift = _alu(f, padded, b, tables["slots"])
    y = np.clip(f["zero"] + round_shift(t, shift), f["low"], f["high"])
    if f["lut"]:
        y = tables["activation"][y + 128]
    _, at = _map(
        memory,
        f["out_addr"],
        f["out_blk_stride"],
        f["out_row_stride"],
        (f["n_blk"], f["out_rows"], f["out_cols"]),
        lanes,
    )
    memory[at] = y.astype(np.int8)
