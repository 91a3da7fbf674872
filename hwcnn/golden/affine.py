"""Per-channel scale and offset."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise


def affine(op: ir.Affine, x: np.ndarray) -> np.ndarray:
    """An `ir.Affine` on int8 [N, C, H, W]: int8 of the same shape."""
    mantissa, c, shift = (
        np.asarray(p, np.int64).reshape(1, -1, 1, 1) for p in (op.mantissa, op.c, op.shift)
    )
    return requantise(x.astype(np.int64) * mantissa + c, 1, shift, op.zero, op.low, op.high)
