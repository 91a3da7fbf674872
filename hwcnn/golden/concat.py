"""Concatenation on channels."""

import numpy as np


def concat(*xs: np.ndarray) -> np.ndarray:
    """int8 maps [N, Ci, H, W] of one scale and zero point as one map [N, sum of Ci, H, W]."""
    return np.concatenate(xs, axis=1)
