"""A network of one linear resampling."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import multiplier


def taps(size, factor, half):
    """Two inputs of each of size * factor results, and their weights in parts of the unit."""
    unit = 2 * factor if half else factor
    at = np.arange(size * factor) * (unit // factor) + (1 - factor if half else 0)
    at = np.clip(at, 0, (size - 1) * unit)
    low, part = at // unit, at % unit
    return np.stack([low, np.minimum(low + 1, size - 1)], 1), np.stack([unit - part, part], 1)


def network(factors, half, channels=6, size=(5, 7)):
    mantissa, shift = (int(v) for v in multiplier(1 / (4 * np.prod(factors))))
    rows, cols = (taps(n, f, half) for n, f in zip(size, factors, strict=True))
    up = ir.Resize("up", "x", "y", rows, cols, mantissa, shift, 3, -9)
    out = 1, channels, size[0] * factors[0], size[1] * factors[1]
    tensors = {"x": ir.Tensor("x", (1, channels, *size), 0.1, 3), "y": ir.Tensor("y", out, 0.1, -9)}
    return ir.Graph("net", tensors, [up], ["x"], ["y"], [], [("y", out)]).verify()
