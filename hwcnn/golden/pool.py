"""Max and average pooling, global included, in floor and ceil mode."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise

from .windows import pad, windows


def pool(op: ir.Pool, x: np.ndarray, out_size: tuple[int, int]) -> np.ndarray:
    """An `ir.Pool` on int8 [N, C, H, W]: int8 [N, C, *out_size].

    Windows may reach beyond the pads at the bottom and right (ceil mode), where they see no taps.
    """
    size = x.shape[2], x.shape[3]
    pads = _reach(op, size, out_size)
    if op.kind == "max":
        best = _window(op, pad(x, pads, -128), out_size).max(axis=(4, 5)).astype(np.int64)
        mantissa, shift = op.multipliers[0]
        return requantise(best - op.x_zero, mantissa, shift, op.zero, op.low, op.high)
    total = _window(op, pad(x.astype(np.int64) - op.x_zero, pads, 0), out_size).sum(axis=(4, 5))
    mantissa, shift = _average_multipliers(op, size, pads, out_size)
    return requantise(total, mantissa, shift, op.zero, op.low, op.high)


def _reach(
    op: ir.Pool, size: tuple[int, int], out_size: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The pads (top, left, bottom, right) that make every window of the output lie inside; may crop
    unused rows.
    """
    top, left = op.pads[:2]
    bottom, right = (
        max(0, (out - 1) * s + k - before - n)
        for out, s, k, before, n in zip(
            out_size, op.stride, op.kernel, (top, left), size, strict=True
        )
    )
    return top, left, bottom, right


def _window(op: ir.Pool, padded: np.ndarray, out_size: tuple[int, int]) -> np.ndarray:
    """The windows [N, C, Ho, Wo, kh, kw] of the padded map."""
    return windows(padded, op.kernel, op.stride)[:, :, : out_size[0], : out_size[1]]


def _average_multipliers(
    op: ir.Pool,
    size: tuple[int, int],
    pads: tuple[int, int, int, int],
    out_size: tuple[int, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Mantissas and shifts of every output pixel, int64 [1, 1, Ho, Wo], by the number of taps
    inside the map.
    """
    inside = pad(np.ones((1, 1, *size), np.int64), pads, 0)
    taps = _window(op, inside, out_size).sum(axis=(4, 5))
    lookup = np.zeros((2, op.kernel[0] * op.kernel[1] + 1), np.int64)
    for n in np.unique(taps):
        lookup[:, n] = op.multipliers[int(n)]
    return lookup[0][taps], lookup[1][taps]
