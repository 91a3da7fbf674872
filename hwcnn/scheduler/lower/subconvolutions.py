"""Transposed convolutions and resampling as ordinary convolutions, each of which writes every n-th
row and column of the result.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import NamedTuple

import numpy as np

from hwcnn import ir
from hwcnn.layout import Placement
from hwcnn.resampling import runs

Pair = tuple[int, int]


@dataclass(frozen=True)
class StridedPlacement(Placement):
    """Every ``step``-th row and column of a tensor from ``first`` on, as a tensor of its own; each
    is (rows, columns).

    whole : the tensor's own (rows, columns).
    """

    first: Pair = (0, 0)
    step: Pair = (1, 1)
    whole: Pair = (1, 1)

    @property
    def plane(self) -> int:
        return self.whole[0] * self.whole[1] * self.lanes

    @property
    def row_bytes(self) -> int:
        return self.step[0] * self.whole[1] * self.lanes

    @property
    def pixel_bytes(self) -> int:
        return self.step[1] * self.lanes

    def address(self, image: int = 0, block: int = 0, row: int = 0, col: int = 0) -> int:
        vector = (
            (self.first[0] + row * self.step[0]) * self.whole[1]
            + self.first[1]
            + col * self.step[1]
        )
        return self.addr + image * self.image_stride + block * self.plane + vector * self.lanes

    def tensor_rows(self, first: int, end: int) -> tuple[int, int, int]:
        return (
            self.first[0] + first * self.step[0],
            self.first[0] + (end - 1) * self.step[0] + 1,
            self.step[0],
        )


class _SubConvolution(NamedTuple):
    """A convolution, and the rows and columns of the result that it computes: from `first` on each
    `step`-th, `size` of them.
    """

    conv: ir.Conv
    first: Pair
    step: Pair
    size: Pair


def subconvolutions(
    op: ir.ConvTranspose | ir.Resize, x: Placement, y: Placement
) -> list[tuple[ir.Conv, StridedPlacement]]:
    """The convolutions that together are an operation, and where each writes. x, y : placements of
    its operand and result.
    """
    if isinstance(op, ir.ConvTranspose):
        made = _transposed(op, x.shape, y.shape)
    else:
        made = _resized(op, x.shape)
    return [
        (
            each.conv,
            StridedPlacement(
                addr=y.addr,
                shape=(*y.shape[:2], *each.size),
                lanes=y.lanes,
                image_stride=y.image_stride,
                runs=y.runs,
                fill=y.fill,
                first=each.first,
                step=each.step,
                whole=y.shape[2:],
            ),
        )
        for each in made
    ]


@dataclass(frozen=True)
class _Phase:
    """Results first, first + step, ... along one axis: the taps that they meet, by rising input,
    and where they start.
    """

    first: int
    count: int
    taps: tuple[int, ...]
    start: int
    dilation: int


def _phases(kernel: int, stride: int, dilation: int, pad: int, out: int) -> list[_Phase]:
    """The phases of a transposed convolution along one axis; a phase that no tap meets has none."""
    found: list[_Phase] = []
    for first in range(min(stride, out)):
        taps = [k for k in reversed(range(kernel)) if (first + pad - dilation * k) % stride == 0]
        start = (first + pad - dilation * taps[0]) // stride if taps else 0
        count = -(-(out - first) // stride)
        found.append(_Phase(first, count, tuple(taps), start, dilation // gcd(dilation, stride)))
    return found


def _transposed(
    op: ir.ConvTranspose, x_shape: tuple[int, ...], y_shape: tuple[int, ...]
) -> Iterator[_SubConvolution]:
    c_in, c_out, kh, kw = op.weight.shape
    grouped = op.weight.reshape(op.groups, c_in // op.groups, c_out, kh, kw)
    weight = grouped.transpose(0, 2, 1, 3, 4).reshape(-1, c_in // op.groups, kh, kw)
    rows, cols = (
        _phases(*axis)
        for axis in zip((kh, kw), op.stride, op.dilation, op.pads, y_shape[2:], strict=True)
    )
    for row in rows:
        for col in cols:
            taps = np.zeros((*weight.shape[:2], 1, 1), np.int8)
            if row.taps and col.taps:
                taps = weight[:, :, list(row.taps)][:, :, :, list(col.taps)]
            walk = _Walk(
                start=(row.start, col.start),
                stride=(1, 1),
                dilation=(row.dilation, col.dilation),
                size=(row.count, col.count),
            )
            conv = _conv(op, walk, taps, op.bias, op.mantissa, op.shift, op.groups, x_shape)
            yield _SubConvolution(conv, (row.first, col.first), op.stride, walk.size)


def _resized(op: ir.Resize, x_shape: tuple[int, ...]) -> Iterator[_SubConvolution]:
    channels = x_shape[1]
    bias, mantissa, shift = (np.full(channels, v, np.int64) for v in (0, op.mantissa, op.shift))
    for row in runs(*op.rows):
        for col in runs(*op.cols):
            taps = np.broadcast_to(
                np.multiply.outer(row.weights, col.weights),
                (channels, 1, len(row.weights), len(col.weights)),
            )
            walk = _Walk(
                start=(row.start, col.start),
                stride=(row.stride, col.stride),
                dilation=(1, 1),
                size=(row.count, col.count),
            )
            conv = _conv(op, walk, taps, bias, mantissa, shift, channels, x_shape)
            yield _SubConvolution(conv, (row.first, col.first), (row.step, col.step), walk.size)


class _Walk(NamedTuple):
    """The input that a sub-convolution reads, as (rows, columns): its first result's first tap is
    pixel `start`, which may lie outside of the map; it has `size` results.
    """

    start: Pair
    stride: Pair
    dilation: Pair
    size: Pair


def _conv(
    op: ir.ConvTranspose | ir.Resize,
    walk: _Walk,
    weight: np.ndarray,
    bias: np.ndarray,
    mantissa: np.ndarray,
    shift: np.ndarray,
    groups: int,
    x_shape: tuple[int, ...],
) -> ir.Conv:
    """The convolution; pads, which may be negative, make its first tap and its size come out."""
    bottom, right = (
        start + (size - 1) * stride + (k - 1) * dilation + 1 - limit
        for start, stride, dilation, size, k, limit in zip(
            *walk, weight.shape[2:], x_shape[2:], strict=True
        )
    )
    folded = bias - op.x_zero * weight.sum(axis=(1, 2, 3), dtype=np.int64)
    return ir.Conv(
        op.name,
        op.x,
        op.y,
        weight,
        folded.astype(np.int32),
        mantissa,
        shift,
        op.zero,
        op.low,
        op.high,
        stride=walk.stride,
        pads=(-walk.start[0], -walk.start[1], bottom, right),
        dilation=walk.dilation,
        groups=groups,
        pad_value=op.x_zero,
    )
