"""Transposed convolutions and resampling as ordinary convolutions, each of which writes part of the
result.
"""

from dataclasses import dataclass
from math import gcd

import numpy as np

from hwcnn import ir
from hwcnn.layout import Placement
from hwcnn.resampling import runs


@dataclass(frozen=True)
class Part(Placement):
    """Every ``step``-th row and column of a tensor from ``first`` on, as a tensor of its own; each
    is (rows, columns).

    whole : the tensor's own (rows, columns).
    """

    first: tuple[int, int] = (0, 0)
    step: tuple[int, int] = (1, 1)
    whole: tuple[int, int] = (1, 1)

    @property
    def plane(self):
        return self.whole[0] * self.whole[1] * self.lanes

    @property
    def row_bytes(self):
        return self.step[0] * self.whole[1] * self.lanes

    @property
    def pixel_bytes(self):
        return self.step[1] * self.lanes

    def address(self, image=0, block=0, row=0, col=0):
        vector = (
            (self.first[0] + row * self.step[0]) * self.whole[1]
            + self.first[1]
            + col * self.step[1]
        )
        return self.addr + image * self.image_stride + block * self.plane + vector * self.lanes

    def tensor_rows(self, first, end):
        return (
            self.first[0] + first * self.step[0],
            self.first[0] + (end - 1) * self.step[0] + 1,
            self.step[0],
        )


def parts_of(op, x, y):
    """[(ir.Conv, Part)] that together are an ``ir.ConvTranspose`` or ``ir.Resize``. x, y :
    placements of its operand and result.
    """
    make = _transposed if isinstance(op, ir.ConvTranspose) else _resized
    return [
        (
            conv,
            Part(
                y.addr,
                (*y.shape[:2], *size),
                y.lanes,
                y.image_stride,
                y.runs,
                y.fill,
                first,
                step,
                y.shape[2:],
            ),
        )
        for conv, first, step, size in make(op, x.shape, y.shape)
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


def _phases(kernel, stride, dilation, pad, out):
    """The phases of a transposed convolution along one axis; a phase without taps has none."""
    found = []
    for first in range(min(stride, out)):
        taps = [k for k in reversed(range(kernel)) if (first + pad - dilation * k) % stride == 0]
        start = (first + pad - dilation * taps[0]) // stride if taps else 0
        found.append(
            _Phase(
                first,
                -(-(out - first) // stride),
                tuple(taps),
                start,
                dilation // gcd(dilation, stride),
            )
        )
    return found


def _transposed(op, x_shape, y_shape):
    c_in, c_out, kh, kw = op.weight.shape
    grouped = op.weight.reshape(op.groups, c_in // op.groups, c_out, kh, kw).transpose(
        0, 2, 1, 3, 4
    )
    weight = grouped.reshape(op.groups * c_out, c_in // op.groups, kh, kw)
    axes = [
        _phases(k, s, d, p, out)
        for k, s, d, p, out in zip(
            (kh, kw), op.stride, op.dilation, op.pads, y_shape[2:], strict=True
        )
    ]
    for row in axes[0]:
        for col in axes[1]:
            taps = np.zeros((*weight.shape[:2], 1, 1), np.int8)
            if row.taps and col.taps:
                taps = weight[:, :, list(row.taps)][:, :, :, list(col.taps)]
            conv = _conv(
                op,
                taps,
                op.bias,
                op.mantissa,
                op.shift,
                (row.start, col.start),
                (1, 1),
                (row.dilation, col.dilation),
                op.groups,
                (row.count, col.count),
                x_shape,
            )
            yield conv, (row.first, col.first), op.stride, (row.count, col.count)


def _resized(op, x_shape, y_shape):
    channels = x_shape[1]
    plain = [np.full(channels, v, np.int64) for v in (0, op.mantissa, op.shift)]
    for row in runs(*op.rows):
        for col in runs(*op.cols):
            taps = np.broadcast_to(
                np.multiply.outer(row.weights, col.weights),
                (channels, 1, len(row.weights), len(col.weights)),
            )
            size = row.count, col.count
            conv = _conv(
                op,
                taps,
                *plain,
                (row.start, col.start),
                (row.stride, col.stride),
                (1, 1),
                channels,
                size,
                x_shape,
            )
            yield conv, (row.first, col.first), (row.step, col.step), size


def _conv(op, weight, bias, mantissa, shift, start, stride, dilation, groups, size, x_shape):
    """The convolution whose first result's first tap is input pixel `start`; its pads may be
    negative.
    """
    after = [
        s + (n - 1) * step + (k - 1) * d + 1 - limit
        for s, n, step, k, d, limit in zip(
            start, size, stride, weight.shape[2:], dilation, x_shape[2:], strict=True
        )
    ]
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
        stride,
        (-start[0], -start[1], *after),
        dilation,
        groups,
        op.x_zero,
    )
