"""A convolution as the array sees it: rows of pixels, taps as address steps, whatever the ONNX
attributes were.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np


@dataclass(frozen=True)
class View:
    """Geometry of a convolution.

    images : images that are worked on one after another. in_rows, in_cols : the map that LOAD sees;
    row_bytes : bytes from one of its rows to the next. out_rows, out_cols : results an image.
    stride, reach : pixel stride and reach of the kernel ((k-1)*dilation + 1) in loaded rows and
    columns. pads : top, left. taps : (kh, kw). ky_step : (rows, columns) that a step of ky moves in
    the loaded tile; a step of kx moves ``kx_cols`` columns. row_of : real input rows to a loaded
    row.
    by_image : True where the rows are the images of the batch (fully connected: the images are the
    pixels).
    """

    images: int
    in_rows: int
    in_cols: int
    row_bytes: int
    out_rows: int
    out_cols: int
    stride: tuple[int, int]
    reach: tuple[int, int]
    pads: tuple[int, int]
    taps: tuple[int, int]
    ky_step: tuple[int, int]
    kx_cols: int
    row_of: int = 1
    by_image: bool = False

    def extent(self, rows, cols):
        """Loaded rows and columns of a tile of rows x cols results."""
        return (rows - 1) * self.stride[0] + self.reach[0], (cols - 1) * self.stride[
            1
        ] + self.reach[1]


def view_of(op, x, y):
    """The View of an ``ir.Conv`` with its input's and output's placements."""
    n, _, h, w = x.shape
    _, _, out_rows, out_cols = y.shape
    kh, kw = op.weight.shape[2:]
    (sh, sw), (dh, dw), (top, left, bottom, _) = op.stride, op.dilation, op.pads
    if (
        n > 1
        and (kh, kw) == (h, w)
        and not any(op.pads)
        and (out_rows, out_cols) == (1, 1)
        and _images_are_rows(op, x, y)
    ):
        return View(
            1,
            n,
            h * w,
            x.image_stride,
            n,
            1,
            (1, 1),
            (1, h * w),
            (0, 0),
            (kh, kw),
            (0, w),
            1,
            by_image=True,
        )
    if kh == 1 and sh > 1 and top == bottom == 0:
        return View(
            n,
            out_rows,
            w,
            sh * w * x.lanes,
            out_rows,
            out_cols,
            (1, sw),
            (1, (kw - 1) * dw + 1),
            (0, left),
            (1, kw),
            (0, 0),
            dw,
            row_of=sh,
        )
    return View(
        n,
        h,
        w,
        w * x.lanes,
        out_rows,
        out_cols,
        (sh, sw),
        ((kh - 1) * dh + 1, (kw - 1) * dw + 1),
        (top, left),
        (kh, kw),
        (dh, 0),
        dw,
    )


def _images_are_rows(op, x, y):
    residual = op.second is not None and op.second.residual is not None
    return (
        op.groups == 1
        and not residual
        and max(x.image_stride, y.image_stride) < 1 << 24
        and op.dilation == (1, 1)
    )


@dataclass(frozen=True)
class Span:
    """Part of a loaded tile along one axis: pads before and after the real items [low, high)."""

    before: int
    low: int
    high: int
    after: int

    @property
    def size(self):
        return self.before + self.high - self.low + self.after


def span(first, count, limit):
    """Items first to first+count-1 of an axis with `limit` real ones; holds at least one real item.

    Returns (Span, offset of item `first` in it).
    """
    low, high = min(first, limit - 1), max(first + count, 1)
    return Span(max(0, -low), max(0, low), min(high, limit), max(0, high - limit)), first - low


@dataclass(frozen=True)
class Piece:
    """Consecutive output blocks that read input blocks in a regular way: output block ``first + i``
    reads the ``count`` blocks from ``block + i*step`` on. adds : to the sums of pieces before it,
    which have the same output blocks.
    term : of the weights, where int8 does not hold them (`weights.terms`)."""

    first: int
    n: int
    block: int
    count: int
    step: int
    adds: bool = False
    term: int = 0

    def part(self, low, high):
        """The piece's output blocks in [low, high), or None."""
        a, b = max(self.first, low), min(self.first + self.n, high)
        return (
            replace(self, first=a, n=b - a, block=self.block + (a - self.first) * self.step)
            if a < b
            else None
        )

    @property
    def blocks(self):
        """Input blocks that it reads: (low, high)."""
        return self.block, self.block + (self.n - 1) * self.step + self.count

    def singles(self):
        """The same as pieces of one output block, whose input blocks can be loaded bit by bit, as
        those of step 0.
        """
        return [
            replace(self, first=self.first + i, n=1, block=self.block + i * self.step, step=0)
            for i in range(self.n)
        ]


def pieces_of(op, x, out_blocks, cols):
    """The pieces of a convolution's output blocks of `cols` channels, in order.

    A dense convolution is one piece. With groups, an output block reads only the blocks of its
    groups' channels.
    """
    if op.groups == 1:
        return (Piece(0, out_blocks, 0, x.blocks, 0),)
    cout, cin = op.weight.shape[0] // op.groups, op.weight.shape[1]
    block_of = x.positions() // x.lanes
    pieces = []
    for ob in range(out_blocks):
        first = min(ob * cols, op.weight.shape[0] - 1) // cout
        last = min((ob + 1) * cols, op.weight.shape[0]) - 1
        last = max(first, last // cout)
        low, high = int(block_of[first * cin]), int(block_of[(last + 1) * cin - 1]) + 1
        pieces = _extend(pieces, Piece(ob, 1, low, high - low, 0))
    return tuple(pieces)


def pieces_without_zeros(op, x, out_blocks, cols):
    """The pieces of a convolution without groups that leave out the weight tiles which are all
    zero, but for one where an output block has no other. Output blocks in a row with the same tiles
    share their pieces.
    """
    used = np.zeros((out_blocks * cols, x.blocks * x.lanes), bool)
    used[: len(op.weight), x.positions()] = op.weight.any(axis=(2, 3))
    tiles = used.reshape(out_blocks, cols, x.blocks, x.lanes).any(axis=(1, 3))
    tiles[~tiles.any(axis=1), 0] = True
    changes = np.flatnonzero((tiles[1:] != tiles[:-1]).any(axis=1)) + 1
    pieces = []
    for first, end in pairwise([0, *changes.tolist(), out_blocks]):
        edges = np.flatnonzero(np.diff(tiles[first], prepend=False, append=False)).tolist()
        runs = zip(edges[::2], edges[1::2], strict=True)
        pieces += [
            Piece(first, end - first, low, high - low, 0, adds=low > edges[0]) for low, high in runs
        ]
    return tuple(pieces)


def with_terms(pieces, count):
    """The pieces once for each of `count` terms of the weights."""
    return tuple(replace(p, term=t, adds=p.adds or t > 0) for t in range(count) for p in pieces)


def _extend(pieces, new):
    if pieces and pieces[-1].count == new.count:
        last = pieces[-1]
        step = new.block - (last.block + (last.n - 1) * last.step)
        if step >= 0 and (last.n == 1 or step == last.step):
            return pieces[:-1] + [Piece(last.first, last.n + 1, last.block, last.count, step)]
    return pieces + [new]
