"""Resampling of rows and columns."""

import numpy as np

from hwcnn import ir
from hwcnn.fixedpoint import requantise


def resize(op: ir.Resize, x: np.ndarray) -> np.ndarray:
    """An `ir.Resize` on int8 [N, C, H, W]: int8 [N, C, Ho, Wo]."""
    (row, row_weight), (col, col_weight) = op.rows, op.cols
    taps = (x.astype(np.int64) - op.x_zero)[:, :, row] * row_weight[:, :, None]
    columns = taps.sum(axis=3)[..., col] * col_weight
    return requantise(columns.sum(axis=4), op.mantissa, op.shift, op.zero, op.low, op.high)
